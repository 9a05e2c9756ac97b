"""Whether norms move together with what is given beside them: in a monitor, its state and its log."""

from __future__ import annotations

import copy
import json
import logging
import pickle

import numpy as np
import pytest

from wcdfa import WeightChangeDFA, synthetic
from wcdfa.monitor import coupling_metrics
from wcdfa.recording.reading import Reading
from wcdfa.recording.recorder import MOST_GIVEN
from wcdfa.recording.whole_run import MOST, WholeRun
from wcdfa.verdicts import norm_coupling as compared

WINDOW = 256
QUICK = 99  # pairs without coupling
KEYS = {f"wcdfa/coupling/loss/{key}" for key in ("p", "rho", "size")}


@pytest.fixture(scope="module")
def series():
    """Norms, and a loss that moves with their logarithm."""
    x, noise = synthetic.arfima(700, d=0.2, batch=(2,), seed=3)
    return np.exp(0.1 * x), 2 + x + noise, noise


def monitored(norms, loss, **settings):
    monitor = WeightChangeDFA(window=WINDOW, **settings)
    for norm, value in zip(norms, loss, strict=True):
        monitor.update(norm, beside={"loss": value})
    return monitor


@pytest.fixture(scope="module")
def monitor(series):
    return monitored(*series[:2])


def test_a_loss_that_moves_with_the_norms_is_found_and_another_is_not(series):
    norms, loss, noise = series
    monitor = WeightChangeDFA(window=WINDOW)
    for norm, *values in zip(norms, loss, noise, strict=True):
        monitor.update(norm, beside=dict(zip(("loss", "noise"), values, strict=True)))
    found, other = (monitor.coupling(name, replicates=QUICK) for name in ("loss", "noise"))
    assert found.n == WINDOW
    assert found.p_value == pytest.approx(0.01)
    size, rho, low, high = found.clearest
    assert size in found.coupling.scales
    assert 0.5 < low < rho < high < 0.9
    assert str(found).startswith("loss and log ‖ΔW‖: coupled")
    assert other.p_value > 0.05
    assert str(other).startswith("noise and log ‖ΔW‖: no coupling found")


def test_the_whole_run_is_longer_than_the_window(series, monitor):
    norms, loss, _ = series
    found = monitor.coupling("loss", whole=True, replicates=QUICK)
    assert found.n == 700
    direct = compared.norm_coupling(norms, loss, "loss", compared.Preparation(), steps=np.arange(1, 701), replicates=QUICK)
    np.testing.assert_array_equal(found.coupling.rho, direct.coupling.rho)


def test_of_a_group_only_the_window_is_kept():
    monitor = WeightChangeDFA(window=WINDOW, groups=1)
    parameters = {"a": np.zeros(3), "b": np.zeros(3)}
    rng = np.random.default_rng(0)
    for value in rng.standard_normal(300):
        parameters = {name: each + rng.standard_normal(3) for name, each in parameters.items()}
        monitor.update(parameters, beside={"loss": value})
    assert monitor.coupling("loss", "a", replicates=QUICK).n == WINDOW
    assert monitor.coupling("loss", whole=True, replicates=QUICK).n == 299  # the first parameters are the reference
    with pytest.raises(ValueError, match="'a' are kept for the window only"):
        monitor.coupling("loss", "a", whole=True)


def test_what_was_never_given_is_refused(monitor):
    with pytest.raises(ValueError, match=r"no series 'reward' .*the series are 'loss'"):
        monitor.coupling("reward")
    with pytest.raises(ValueError, match="none was given"):
        WeightChangeDFA(window=WINDOW).coupling("loss")


def test_a_series_with_a_value_at_every_fifth_step_is_compared_there(series):
    norms, loss, _ = series
    monitor = WeightChangeDFA(window=WINDOW)
    for i, norm in enumerate(norms):
        monitor.update(norm, beside={"validation": loss[i] if i % 5 == 4 else None})
    assert "52 steps of 256 have both" in str(monitor.coupling("validation"))
    found = monitor.coupling("validation", whole=True, replicates=QUICK)
    assert (found.n, found.spacing, found.reason) == (140, 5, None)
    assert "at every 5th step" in str(found)


def test_a_norm_without_a_loss_and_a_step_that_was_skipped(series):
    norms, loss, _ = series
    norms, loss = norms[:300].copy(), loss[:300].copy()
    norms[[50, 60]], loss[200] = 0, np.nan
    kept = monitored(norms, loss).reading()
    np.testing.assert_array_equal(kept.beside["loss"], np.delete(loss, [50, 60])[-WINDOW:])
    assert monitored(norms, loss).coupling("loss", replicates=QUICK).n == WINDOW - 1


def test_nothing_is_kept_where_nothing_is_given():
    monitor = WeightChangeDFA(window=WINDOW)
    for norm in np.exp(synthetic.white_noise(300, seed=0)):
        monitor.update(norm)
    assert monitor._run.recorder.whole is None
    assert not monitor.reading().beside
    assert not any("coupling" in key or "beside" in key for key in monitor.metrics())
    assert not any(name.startswith("whole") for name in monitor.state_dict())


def test_a_number_on_a_device_is_fetched_with_the_norms(torch):
    fetched = []

    class Watched(torch.Tensor):
        def item(self):
            fetched.append(self)
            return super().item()

    monitor = WeightChangeDFA(window=WINDOW)
    for value in (0.5, 0.25, 0.125):
        monitor.update(torch.tensor(value), beside={"loss": torch.tensor(2 * value).as_subclass(Watched)})
    assert not fetched
    np.testing.assert_array_equal(monitor.reading().beside["loss"], [1.0, 0.5, 0.25])
    assert len(fetched) <= 3


@pytest.mark.parametrize(
    "through",
    [lambda state: state, lambda state: json.loads(json.dumps(state)), lambda state: {k: np.asarray(v) for k, v in state.items()}],
    ids=["as it is", "json", "arrays"],
)
def test_a_state_holds_the_series(series, monitor, through):
    restored = WeightChangeDFA(window=WINDOW)
    restored.load_state_dict(through(monitor.state_dict()))
    for whole in (False, True):
        assert str(restored.coupling("loss", whole=whole, replicates=QUICK)) == str(
            monitor.coupling("loss", whole=whole, replicates=QUICK)
        )
    restored.update(0.5, beside={"loss": 1.0, "reward": 3.0})
    assert restored.reading().beside["reward"][-1] == 3
    assert len(restored._run.recorder.whole) == 701


def test_it_goes_through_a_file_a_copy_and_a_pickle(tmp_path, monitor):
    monitor.save(tmp_path / "state.npz")
    loaded = WeightChangeDFA(window=WINDOW)
    loaded.load(tmp_path / "state.npz")
    for other in (loaded, copy.deepcopy(monitor), pickle.loads(pickle.dumps(monitor))):
        assert str(other.coupling("loss", whole=True, replicates=QUICK)) == str(
            monitor.coupling("loss", whole=True, replicates=QUICK)
        )


@pytest.mark.parametrize("field", ["whole_steps", "whole_series", "whole_values"])
def test_a_damaged_state_is_refused(monitor, field):
    state = monitor.state_dict()
    state[field] = state[field][:-1]
    with pytest.raises(ValueError, match=r"damaged|fit"):
        WeightChangeDFA(window=WINDOW).load_state_dict(state)


def test_a_reading_carries_the_series_to_another_monitor(series, monitor):
    reading = monitor.reading()
    other = WeightChangeDFA(window=WINDOW).update(reading)
    np.testing.assert_array_equal(other.reading().beside["loss"], reading.beside["loss"])
    with pytest.raises(TypeError, match="a Reading has what was given"):
        other.update(reading, beside={"loss": 1.0})


def test_a_monitor_that_starts_over_forgets_the_series(monitor):
    other = copy.deepcopy(monitor)
    other.reset()
    assert other.update(0.5).reading().beside == {}


@pytest.mark.parametrize(
    ("beside", "what"),
    [
        ({"loss": "low"}, r"beside\['loss'\] must be a number"),
        ({"loss": np.ones(2)}, "size 1"),
        ([0.5], "by name"),
        ({3: 0.5}, "text"),
        ({"": 0.5}, "text"),
    ],
)
def test_what_is_no_number_by_name_is_refused_and_nothing_recorded(beside, what):
    monitor = WeightChangeDFA(window=WINDOW)
    with pytest.raises(TypeError, match=what):
        monitor.update(0.5, beside=beside)
    assert monitor.n_samples == 0


def test_names_without_end_do_not_fill_the_memory(caplog):
    monitor = WeightChangeDFA(window=WINDOW)
    with caplog.at_level(logging.WARNING, "wcdfa"):
        for i in range(100):
            monitor.update(0.5, beside={f"loss at {i}": 0.5})
    assert len(monitor.reading().beside) == MOST_GIVEN
    assert [record.getMessage() for record in caplog.records] == ["beside the norms 16 series are kept, so loss at 16 will not be"]


def test_the_whole_run_is_bounded():
    whole = WholeRun()
    for start in range(0, 3 * MOST, 1000):
        whole.extend([({"all": 1.0, "wcdfa_beside/loss": float(i)}, 0.1, i) for i in range(start, start + 1000)])
        assert len(whole) < 2 * MOST
    reading = whole.reading()
    assert len(reading.norms) == MOST
    np.testing.assert_array_equal(reading.beside["loss"], reading.steps)


def test_a_logger_gets_p_and_rho_with_alpha_and_the_number_with_each_norm(series):
    rows = []

    def logger(step, metrics):
        rows.append((step, metrics))

    logger.every_norm = True
    monitored(series[0][:320], series[1][:320], logger=logger)
    assert all(metrics["wcdfa/beside/loss"] == series[1][step - 1] for step, metrics in rows)
    with_alpha = [metrics for _, metrics in rows if "wcdfa/alpha" in metrics]
    assert with_alpha
    for metrics in with_alpha:
        assert metrics.keys() >= KEYS
        assert metrics["wcdfa/coupling/loss/p"] <= 0.01
        assert metrics["wcdfa/coupling/loss/rho"] > 0.5
    assert not any(KEYS & metrics.keys() for _, metrics in rows if "wcdfa/alpha" not in metrics)


def test_no_error_of_the_comparison_reaches_the_training(series, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("no room")

    monkeypatch.setattr(Reading, "coupling", broken)
    monkeypatch.setattr(coupling_metrics, "_failures", coupling_metrics.Failures())
    logged = []
    monitored(series[0][:320], series[1][:320], logger=lambda step, metrics: logged.append(metrics))
    assert logged
    assert "wcdfa/alpha" in logged[-1]
    assert not KEYS & logged[-1].keys()
    assert "the coupling with 'loss' failed" in caplog.text
