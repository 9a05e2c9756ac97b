"""With each backend: a logger that reads its own monitor loses no norm, and its calls come in order."""

from __future__ import annotations

import pytest

from benchmarks.logger_reads import NEEDS, found
from tests.conftest import require


@pytest.mark.parametrize("name", NEEDS)
def test_every_step_is_recorded_and_logged_in_order(name):
    for module in NEEDS[name][0]:
        require(module)
    assert found(name, 600) == (600, 600, True)
