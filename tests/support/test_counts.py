"""One thing is not called several: the messages with a count of 1."""

from __future__ import annotations

import re

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run
from wcdfa.inference.legacy import compute_dfa
from wcdfa.preprocess.preparation import prepare

SOME = np.exp(0.1 * wcdfa.synthetic.arfima(600, d=0.2, seed=0))
PLURAL = re.compile(r"(?<![\d,.])1 (?!is |was |has )\w+s\b")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: wcdfa.dfa([1.0]), "the series has 1 sample;"),
        (lambda: wcdfa.dfa([1.0], scales=[4, 8]), "the length of the series, 1 sample;"),
        (lambda: wcdfa.dfa([1.0], scales=[4, 8], breaks=[1]), "(the series has 1 sample)"),
        (lambda: compute_dfa([1.0]), "signal has 1 sample,"),
        (lambda: prepare([0.0], zeros="skip"), "the only norm is 0, and at least 28 are needed"),
        (lambda: prepare([1.0]), "there is only 1 norm, and at least 28 are needed"),
    ],
)
def test_an_error_with_a_single_thing(asked, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        asked()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (1, "1 row has no norm and was left out"),
        (2, "2 rows have no norm and were left out"),
        (200, "200 rows hold other values and no norm, as is usual where a log holds several"),
    ],
)
def test_rows_without_a_value(tmp_path, missing, said):
    lines = [f"{step},{value!r}" for step, value in enumerate(SOME.tolist())]
    lines[:missing] = [f"{step}," for step in range(missing)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["step,norm", *lines, ""]))
    said_all = " ".join(run("analyze", "log.csv", "--column", "norm", "--window", "300", cwd=tmp_path).stdout.split())
    assert said in said_all
    assert not PLURAL.search(said_all)
