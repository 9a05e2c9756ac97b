"""200 cases of each format; `python -m tests.fuzz` runs any number."""

from __future__ import annotations

import pytest

from tests.fuzz.checking import ERROR, RIGHT
from tests.fuzz.formats import FORMATS
from tests.fuzz.tally import run

CASES = 200


@pytest.mark.parametrize("name", FORMATS)
def test_cases(name, tmp_path):
    if missing := FORMATS[name].missing():
        pytest.skip(f"{missing} is not installed")
    tally = run(name, range(CASES), tmp_path)
    assert not tally.faults, f"\n{tally.report()}"
    if name != "torch legacy":  # which is always refused
        assert tally.counts[name][RIGHT] > CASES / 10
    assert tally.counts[name][ERROR] > CASES / 20
