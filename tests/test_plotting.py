"""Pictures show the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import wcdfa
from wcdfa.plotting import plot_alpha, plot_fluctuations, plot_norms, plot_run, save
from wcdfa.windows import judge

X = wcdfa.synthetic.random_walk(1500, seed=0)
JUDGED = judge(X, window=500, log=False, optimizer="sgd", momentum=0.9, replicates=50)


@pytest.fixture
def ax():
    return Figure().subplots()


def test_alpha(ax):
    assert plot_alpha(JUDGED, ax=ax) is ax
    (bars,) = ax.containers
    np.testing.assert_array_equal(bars.lines[0].get_xdata(), [500, 1000, 1500])
    np.testing.assert_array_equal(bars.lines[0].get_ydata(), JUDGED.numbers("alpha"))
    ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, np.stack([JUDGED.numbers("low"), JUDGED.numbers("high")], axis=1))
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert {band.min(), band.max()} == {JUDGED.verdicts[0].null.low, JUDGED.verdicts[0].null.high}
    assert {text.get_text() for text in ax.texts} == {"white noise", "1/f noise", "random walk"}
    low, high = ax.get_ylim()
    assert low < JUDGED.numbers("low").min() < JUDGED.numbers("high").max() < high


def test_norms(ax):
    assert plot_norms(X, ax=ax).get_yscale() == "linear"  # a walk goes below zero
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), X)
    assert plot_norms(np.abs(X) + 1, ax=Figure().subplots()).get_yscale() == "log"


def test_fluctuations(ax):
    result = wcdfa.dfa(X, method="ols")
    assert plot_fluctuations(result, ax=ax) is ax
    points, line = ax.lines
    np.testing.assert_array_equal(points.get_ydata(), result.fluctuations)
    slope = np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0]
    assert slope == pytest.approx(result.alpha)
    residual = np.log(points.get_ydata()) - np.log(line.get_ydata())
    assert abs(residual.mean()) < 1e-12


@pytest.mark.parametrize("x", [np.ones(1000), np.r_[np.full(500, np.nan), X[:500]], np.r_[X[:500], np.ones(500)]])
def test_a_run_with_windows_that_have_no_exponent(x, tmp_path):
    path = save(plot_run(x, judge(x, window=500, log=False)), tmp_path / "new" / "a.png")
    assert path.is_absolute()
    assert path.stat().st_size > 10_000
