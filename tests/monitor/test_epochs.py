"""α by epoch: the record, the summary, the picture, and code written for wcdfa 0.1.0."""

from __future__ import annotations

import json
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import wcdfa
from tests.monitor.test_state import through_npz
from wcdfa import RollingWeightChangeDFA, WeightChangeDFA, synthetic

CALM = np.exp(0.1 * synthetic.white_noise(500, seed=0))
WALK = np.exp(0.1 * synthetic.random_walk(500, seed=1))


def run(epochs=10, norms=(*CALM, *WALK), per_epoch=100, **options):
    monitor = RollingWeightChangeDFA(window=128, **options)
    for i, norm in enumerate(norms[: per_epoch * epochs], start=1):
        monitor.update(norm)
        if i % per_epoch == 0:
            monitor.end_epoch()
    return monitor


def test_it_is_the_plain_monitor_and_more():
    plain = WeightChangeDFA(window=128)
    for norm in (*CALM, *WALK):
        plain.update(norm)
    monitor = run()
    assert monitor.history == plain.history
    assert monitor.metrics() == plain.metrics()
    assert repr(monitor) == "Rolling" + repr(plain)


def test_epochs():
    monitor = RollingWeightChangeDFA(window=128, stride=64)
    epochs, alphas = monitor.epoch_history
    assert (epochs.shape, alphas.shape) == ((0,), (0,))
    for i, norm in enumerate(CALM[:250], start=1):
        monitor.update(norm)
        if i % 50 == 0:
            assert monitor.end_epoch() is None
            last = monitor.epochs[-1]
            assert (last.step, last.epoch) == (i, i // 50 - 1)
            if monitor.ready:
                assert last[2:] == (monitor.alpha, monitor.result.low, monitor.result.high)
    epochs, alphas = monitor.epoch_history
    assert epochs.dtype.kind == "i"
    np.testing.assert_array_equal(epochs, range(5))
    np.testing.assert_array_equal(alphas, [np.nan, np.nan, *np.repeat(monitor.history, 2)[[0, 2, 2]]])
    for name in (7, 7.5, np.int64(8), np.array(9)):
        monitor.end_epoch(name)
    monitor.end_epoch(epoch=10)
    monitor.end_epoch()
    np.testing.assert_array_equal(monitor.epoch_history[0], [*range(5), 7, 7.5, 8, 9, 10, 10])
    monitor.reset()
    assert monitor.epochs == ()
    assert monitor.summary()["total_epochs"] == 0


@pytest.mark.parametrize("epoch", ["last", np.nan, float("inf"), [1, 2]])
def test_what_is_no_epoch(epoch):
    monitor = RollingWeightChangeDFA()
    with pytest.raises(ValueError, match=r"epoch must be a finite number, got .*; leave it out to count"):
        monitor.end_epoch(epoch)
    assert monitor.epochs == ()


def test_the_summary_counts_an_epoch_only_where_the_whole_interval_is_in_a_band():
    monitor = run()
    monitor.update(0.0)
    found = monitor.summary()
    names = [wcdfa.verdicts.regime.label(each.low, each.high) for each in monitor.epochs]
    assert names[0] is None
    assert {"ordered", "disordered", "undecided"} <= set(names)
    for name in ("ordered", "critical", "disordered", "undecided"):
        assert found[f"epochs_{name}"] == names.count(name)
    _, alphas = monitor.epoch_history
    assert (found["total_epochs"], found["n_samples"], found["skipped"], found["reason"]) == (10, 128, 1, None)
    assert (found["current_alpha"], found["current_regime"]) == (monitor.alpha, monitor.regime)
    assert (found["current_low"], found["current_high"]) == (monitor.result.low, monitor.result.high)
    assert found["mean_alpha"] == pytest.approx(np.nanmean(alphas))
    assert (found["min_alpha"], found["max_alpha"]) == (np.nanmin(alphas), np.nanmax(alphas))
    json.dumps(found, allow_nan=False)
    wide = run(thresholds=(9.0, -9.0)).summary()
    assert wide["epochs_critical"] == 9


def test_the_summary_before_there_is_anything():
    found = RollingWeightChangeDFA().end_epoch() or RollingWeightChangeDFA().summary()
    numbers = {name for name, value in found.items() if value is not None}
    assert numbers == {
        "total_epochs",
        "n_samples",
        "skipped",
        "epochs_ordered",
        "epochs_critical",
        "epochs_disordered",
        "epochs_undecided",
    }


def test_a_window_without_alpha_is_in_no_band():
    monitor = run(5, norms=[0.25] * 500)
    found = monitor.summary()
    assert np.isnan(found["current_alpha"])
    assert "the series is constant" in found["reason"]
    assert sum(found[f"epochs_{name}"] for name in ("ordered", "critical", "disordered", "undecided")) == 0
    assert (found["total_epochs"], found["mean_alpha"]) == (5, None)


def test_code_written_for_the_first_release(tmp_path):
    weights = {"w": np.zeros(4)}
    monitor = RollingWeightChangeDFA(window=60, stride=20, thresholds=(1.2, 0.8))
    random = np.random.default_rng(0)
    for epoch in range(4):
        for _ in range(40):
            weights["w"] += random.normal(size=4)
            monitor.update(weights)
        monitor.end_epoch(epoch)
    if monitor.ready:
        print(f"{epoch}: α = {monitor.alpha:.3f} ({monitor.regime})")
    figure = monitor.plot(save_path=str(tmp_path / "dfa.png"), show=False)
    assert monitor.plot("Weight-change DFA", None, False).axes[0].get_title() == "Weight-change DFA"
    assert figure.axes
    epochs, alphas = monitor.epoch_history
    np.testing.assert_array_equal(epochs[np.isfinite(alphas)], [1, 2, 3])
    assert {
        "total_epochs",
        "current_alpha",
        "current_regime",
        "mean_alpha",
        "min_alpha",
        "max_alpha",
        "epochs_ordered",
        "epochs_critical",
        "epochs_disordered",
    } <= set(monitor.summary())
    assert monitor.summary()["current_regime"] in (monitor.ORDERED, monitor.CRITICAL, monitor.DISORDERED, "undecided")
    assert (monitor.ordered_threshold, monitor.disordered_threshold, monitor.window, monitor.stride) == (1.2, 0.8, 60, 20)
    assert monitor.n_samples == len(monitor.get_signal()) == 60
    assert monitor.reset() is None
    assert monitor.update_from_norm(0.5).update(np.float32(0.5)).update(np.array([0.5])).n_samples == 3


@pytest.mark.parametrize(
    "way", [lambda state, path: json.loads(json.dumps(state, allow_nan=False)), through_npz], ids=["JSON", "npz"]
)
@pytest.mark.parametrize("epochs", [0, 1, 10])
def test_the_state_has_the_epochs(epochs, way, tmp_path):
    monitor, other = run(epochs), RollingWeightChangeDFA(window=128)
    other.end_epoch(99)
    other.load_state_dict(way(monitor.state_dict(), tmp_path))
    assert other.state_dict() == monitor.state_dict()
    np.testing.assert_equal(other.summary(), monitor.summary())
    for one in (monitor, other):
        one.update(1.0).end_epoch()
    np.testing.assert_equal(other.epochs, monitor.epochs)
    assert type(other.epochs[0].epoch) is int
    monitor.save(tmp_path / "monitor.npz")
    other.load(tmp_path / "monitor.npz")
    assert other.state_dict() == monitor.state_dict()


def test_states_of_the_plain_monitor_and_this_one_are_exchanged():
    rolling, plain = run(), WeightChangeDFA(window=128)
    plain.load_state_dict(rolling.state_dict())
    assert plain.history == rolling.history
    assert plain.update(1.0).alpha == rolling.update(1.0).alpha
    rolling.load_state_dict(plain.state_dict())
    assert rolling.epochs == ()
    assert rolling.history == plain.history


@pytest.mark.parametrize(("change", "message"), [({"window": 500}, "window=500"), ({"epoch_steps": None}, "lacks 'epoch_steps'")])
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    monitor = run()
    before = monitor.state_dict()
    state = {name: value for name, value in (before | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        monitor.load_state_dict(state)
    assert monitor.state_dict() == before


def drawn(figure):
    (ax,) = figure.axes
    (line,) = ax.lines
    intervals = [segment[:, 1] for segment in ax.collections[0].get_segments() if segment.ndim == 2]  # else NaN
    return ax, line.get_xdata(), line.get_ydata(), np.array(intervals)


def test_the_picture_shows_the_epochs_over_the_bands(tmp_path):
    monitor = run()
    figure = monitor.plot("A run", tmp_path / "new" / "a.png", show=False)
    assert isinstance(figure, Figure)
    ax, places, alphas, intervals = drawn(figure)
    np.testing.assert_array_equal(places, range(10))
    np.testing.assert_array_equal(alphas, monitor.epoch_history[1])
    known = [each[3:] for each in monitor.epochs if np.isfinite(each.alpha)]
    np.testing.assert_array_equal(intervals, known)
    assert (ax.get_title(), ax.get_xlabel()) == ("A run", "epoch")
    names = {text.get_text(): text.xy[1] for text in ax.texts}
    assert list(names) == ["ordered", "critical", "disordered"]
    assert names["disordered"] < 0.8 < names["critical"] < 1.2 < names["ordered"]
    bands = [(patch.get_y(), patch.get_y() + patch.get_height()) for patch in ax.patches]
    bottom, top = ax.get_ylim()
    np.testing.assert_allclose(bands, [(1.2, top), (0.8, 1.2), (bottom, 0.8)])
    assert bottom < intervals.min()
    assert top > intervals.max()
    assert {text.get_fontfamily()[0] for text in ax.texts} == {matplotlib.rcParams["font.family"][0]}
    assert (tmp_path / "new" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_without_epochs_every_alpha_is_drawn_and_the_last_has_its_interval():
    monitor = RollingWeightChangeDFA(window=128)
    for norm in CALM[:300]:
        monitor.update(norm)
    ax, places, alphas, intervals = drawn(monitor.plot(show=False))
    np.testing.assert_array_equal(places, range(1, 1 + len(monitor.history)))
    np.testing.assert_array_equal(alphas, monitor.history)
    np.testing.assert_array_equal(intervals[-1], [monitor.result.low, monitor.result.high])
    assert ax.get_xlabel() == "α in the order computed"


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_picture_of_nothing_shows_the_bands(epochs):
    monitor = RollingWeightChangeDFA(thresholds=(3.0, -1.0))
    for _ in range(epochs):
        monitor.end_epoch()
    ax, *_ = drawn(monitor.plot(show=False))
    assert len(ax.patches) == 3
    ax.figure.canvas.draw()


def test_where_nothing_can_be_shown_nothing_warns_and_nothing_stays_open(monkeypatch):
    assert matplotlib.get_backend().lower() == "agg"
    monkeypatch.setenv("DISPLAY", ":99")  # else matplotlib says nothing on Linux
    monitor = run(3)
    for _ in range(25):  # pyplot warns of more than 20
        monitor.plot()
    assert pyplot.get_fignums() == []


def test_where_a_figure_can_be_shown_pyplot_shows_it(monkeypatch):
    shown = []
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "QtAgg")
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    monitor = run(3)
    figure = monitor.plot()
    assert shown == [figure]
    monitor.plot(show=False)
    assert len(shown) == len(pyplot.get_fignums()) == 1
    pyplot.close("all")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monitor = run(3)
    for name in [name for name in sys.modules if name.startswith("wcdfa.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(wcdfa, "plotting")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'wcdfa\[cli\]'"):
        monitor.plot()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert monitor.summary()["total_epochs"] == 3


@pytest.mark.parametrize("kind", [WeightChangeDFA, RollingWeightChangeDFA])
def test_programs_that_look_for_the_sign_of_0_1_0_in_the_error_of_a_small_window_find_it(kind):
    with pytest.raises(ValueError, match="window must be at least 50, got 10; choose window >= 50 "):
        kind(window=10)
    with pytest.raises(TypeError):
        kind(window=50).update("not a model")
