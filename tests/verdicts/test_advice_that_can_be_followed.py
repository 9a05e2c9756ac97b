"""What to do names only what the reader can do, and counts what there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wcdfa.analysis.advice import of_analysis
from wcdfa.analysis.series import Settings, analyze
from wcdfa.cli.wording import of_text
from wcdfa.nulls import optimizer_norms
from wcdfa.readers.series import RecordedSeries
from wcdfa.verdicts.explanations import explanations
from wcdfa.verdicts.windows import judge


def series(norms):
    return RecordedSeries(Path("run"), "", "norms", np.asarray(norms, dtype=np.float64), None, None, None, 0, ())


@pytest.mark.parametrize(("window", "longer"), [(500, "longer window"), (2000, "longer run"), (5000, "longer run")])
def test_no_longer_window_than_the_run_is_asked_for(window, longer):
    norms = optimizer_norms(2000, optimizer="sgd", momentum=0.9, start=0, replicates=1, seed=2)[0]
    line = of_analysis(analyze(series(norms), Settings(window=window, diagnosis=False)))
    assert line.key == "short-memory"
    assert longer in line.next_step


def test_the_terminal_is_given_options_of_the_terminal():
    """An option that takes one number is not asked for many, and no argument of Python is left."""
    for line in explanations():
        said = of_text(line.next_step)
        assert "gradients=" not in said, line.key
        assert "learning rates (--lr)" not in said, line.key


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
@pytest.mark.parametrize(("n", "window"), [(1000, 500), (700, 100), (2000, 2000)])
def test_a_run_without_norms_is_counted_as_a_whole(value, n, window):
    with pytest.raises(ValueError, match=f"^0 of {n:,} norms remain") as refused:
        judge(np.full(n, value), window=window)
    assert ("see whether training still goes on" if value == 0 else "look at the loss") in str(refused.value)
    assert "record more steps" not in str(refused.value)
