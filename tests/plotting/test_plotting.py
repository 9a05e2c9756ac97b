"""Pictures show the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import wcdfa
from wcdfa.inference.calibration_tables import expected
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.plotting import plot_alpha, plot_fluctuations, plot_groups, plot_norms, plot_orders, plot_run, save
from wcdfa.plotting.runs import plot_difference, plot_runs
from wcdfa.verdicts.windows import judge

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
    band = next(each for each in ax.collections if each.get_label() == "the optimizer alone").get_paths()[0].vertices[:, 1]
    assert {band.min(), band.max()} == {JUDGED.verdicts[0].null.low, JUDGED.verdicts[0].null.high}
    assert {text.get_text() for text in ax.texts} == {"ordered", "critical", "disordered"}
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


def test_alarms_and_steps_are_where_they_were(ax):
    alarm = wcdfa.verdicts.drift.Alarm(start=1200, end=None, onset=900, direction="up", alpha=1.4, threshold=1.2)
    steps = 10 * np.arange(1, 1501)
    plot_alpha(JUDGED, ax=ax, steps=steps, alarms=[alarm])
    np.testing.assert_array_equal(ax.containers[0].lines[0].get_xdata(), [5000, 10_000, 15_000])
    drift = next(patch for patch in ax.patches if patch.get_label() == "drift")
    assert (drift.get_x(), drift.get_width()) == (9000, 3000)


def test_norms_rate_and_loss_have_one_axis_of_steps():
    figure = plot_run(np.abs(X) + 1, JUDGED, lr=np.linspace(0.1, 0.01, 1500), loss=np.ones(1500))
    axes = {ax.get_ylabel(): ax for ax in figure.axes}
    assert axes.keys() == {"α of 500 steps", "‖ΔW‖", "lr", "loss", "F(s)"}
    rows = [axes[name] for name in ("α of 500 steps", "‖ΔW‖", "lr", "loss")]
    ((low, high),) = {ax.get_xlim() for ax in rows}
    assert low < 1
    assert high > 1500
    assert [ax.get_xlabel() for ax in rows] == ["", "", "", "optimizer step"]


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_the_band_holds_95_percent_of_such_series(alpha):
    """2,000 series: the share at each box size within ± 1.96 deviations of the mean; for the largest boxes log F is not quite normal."""
    x = wcdfa.synthetic.arfima(512, d=alpha - 0.5, batch=(2000,), seed=1)
    result = wcdfa.dfa(x, method="robust")
    mean, deviation = expected(512, tuple(int(size) for size in result.scales), 1, "robust", alpha)
    logs = np.log(result.fluctuations)
    inside = np.abs(logs - logs.mean(axis=0)) < 1.96 * deviation
    assert np.all(np.abs(inside.mean(axis=0) - 0.95) < 0.025)
    shape = logs.mean(axis=0) - mean
    assert np.ptp(shape) < 0.02  # the mean is known up to a constant


def test_a_band_is_drawn_around_the_mean(ax):
    x = wcdfa.synthetic.arfima(500, d=0.5, seed=0)
    result = wcdfa.dfa(x)
    plot_fluctuations(result, ax=ax, expected=spread(result, 500))
    (band,) = ax.collections
    assert band.get_label() == "95 % of such series"


def test_the_band_of_the_optimizer_is_drawn_where_it_was_compared(ax):
    verdict = JUDGED.verdicts[-1]
    plot_fluctuations(verdict.result, ax=ax, alone=verdict.null_curve)
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert band.get_label() == "the optimizer alone"
    assert {*verdict.null_curve.low, *verdict.null_curve.high} <= set(corners[:, 1])
    assert "not compared" not in plot_run(X, JUDGED).axes[1].get_title()
    alone = judge(X, window=500, log=False)
    drawn = plot_run(X, alone).axes[1]
    assert drawn.get_title() == "steps 1,001–1,500\nnot compared with an optimizer"
    assert "the optimizer alone" not in [text.get_text() for text in drawn.get_legend().get_texts()]


def test_orders_have_colours_of_their_own(ax):
    plot_orders([wcdfa.dfa(X[:500], order=order) for order in (1, 2, 3)], ax=ax)
    assert len({line.get_color() for line in ax.lines}) == 3


def test_groups(ax):
    alphas = {"encoder": np.array([0.5, 1.0, 1.5]), "<script>$x$\x1b[31m": np.array([np.nan, 1.0, 1.0])}
    assert plot_groups(alphas, ax=ax, steps=[100, 200, 400]) is ax
    (mesh,) = ax.collections
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan), np.stack(list(alphas.values())))
    np.testing.assert_array_equal(mesh.get_coordinates()[0, :, 0], [50, 150, 300, 500])
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["encoder", "<script>$x$\\x1b[31m"]
    with pytest.raises(ValueError, match="each group needs α of the same windows"):
        plot_groups({"a": [1.0], "b": [1.0, 2.0]}, ax=Figure().subplots())
    with pytest.raises(ValueError, match="each group needs α of the same windows"):
        plot_groups({}, ax=Figure().subplots())
    assert plot_groups({"a": [1.0]}, ax=Figure().subplots()).get_xlabel() == "window"


def test_runs_side_by_side(ax):
    runs = {f"run {i} $x$": JUDGED for i in range(8)}
    assert plot_runs(runs, ax=ax) is ax
    drawn = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(drawn) == 8  # told apart by colour and by line
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(runs)


def test_the_difference_of_two_runs(ax):
    from pathlib import Path

    from wcdfa.analysis.comparison import compare
    from wcdfa.analysis.series import Settings
    from wcdfa.readers.series import RecordedSeries

    one, two = (
        RecordedSeries(Path("run"), "", "norms", wcdfa.synthetic.arfima(1000, d=d, seed=0), None, None, None, 0, ())
        for d in (0.0, 0.3)
    )
    comparison = compare(one, two, Settings(log=False))
    plot_difference(comparison, ax=ax)
    (bars,) = ax.containers
    drawn = np.asarray(bars.lines[0].get_ydata(), dtype=np.float64)
    np.testing.assert_allclose(drawn, [each.difference for each in comparison.windows])
