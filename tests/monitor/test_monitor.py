"""The monitor in a loop: norms, parameters, bad norms, misuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa import WeightChangeDFA, synthetic

NORMS = np.exp(0.1 * synthetic.white_noise(700, seed=0))


def alone(norms, **options):
    prepared = wcdfa.prepare(norms)
    return wcdfa.dfa(prepared.values, breaks=prepared.breaks, **options)


def test_alpha_is_that_of_the_last_window():
    monitor = WeightChangeDFA(window=256, stride=50)
    found = []
    for i, norm in enumerate(NORMS, start=1):
        assert monitor.update(norm) is monitor
        assert monitor.ready == (i >= 300)
        assert monitor.n_samples == min(i, 256)
        if i >= 256 and i % 50 == 0:
            expected = alone(NORMS[i - 256 : i])
            found.append(expected.alpha)
            assert monitor.alpha == pytest.approx(found[-1], rel=1e-12)  # one series is measured in another order than several
            np.testing.assert_allclose(monitor.result.fluctuations, expected.fluctuations, rtol=1e-13)
            assert monitor.regime == wcdfa.verdicts.regime.label(expected.low, expected.high)
    assert monitor.history == pytest.approx(found, rel=1e-12)
    assert len(found) == 9
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[-256:])


def test_settings_and_default_stride():
    monitor = WeightChangeDFA(window=128, order=2, method="gls", confidence=0.5)
    assert monitor.stride == 25
    for norm in NORMS[:150]:
        monitor.update(norm)
    expected = alone(NORMS[22:150], order=2, method="gls", confidence=0.5)
    assert monitor.history[-1] == expected.alpha
    assert (monitor.result.low, monitor.result.high) == (expected.low, expected.high)


def test_regime_needs_the_whole_interval_and_heeds_the_thresholds():
    monitor = WeightChangeDFA(window=128)
    assert monitor.regime is None
    for norm in np.exp(0.1 * synthetic.random_walk(150, seed=0)):
        monitor.update(norm)
    assert monitor.result.low > 1.2
    assert monitor.regime == "ordered"
    wide = WeightChangeDFA(128, None, (5.0, 0.0))
    for norm in NORMS[:150]:
        wide.update(norm)
    assert wide.regime == "critical"


def test_zeros_are_counted_and_not_recorded():
    monitor = WeightChangeDFA(window=128, stride=32)
    for norm in NORMS[:160]:
        monitor.update(norm).update(0.0)
    assert (monitor.skipped, monitor.n_samples) == (160, 128)
    assert monitor.history[-1] == pytest.approx(alone(NORMS[32:160]).alpha, rel=1e-12)
    assert monitor.reset() is None
    assert monitor.skipped == 0


def test_spikes_and_level_shifts_are_prepared_away():
    plain, marred = NORMS[:500].copy(), NORMS[:500].copy()
    marred[[50, 300]] *= 20
    marred[250:] *= 0.1
    clean, noisy = WeightChangeDFA(), WeightChangeDFA()
    for a, b in zip(plain, marred, strict=True):
        clean.update(a)
        noisy.update(b)
    assert abs(clean.alpha - noisy.alpha) < 0.1
    assert wcdfa.dfa(np.log(marred)).alpha > clean.alpha + 0.3


def test_a_schedule_is_taken_out():
    lr = 0.1 * np.cos(np.linspace(0, 1.5, 500))
    monitor, blind = WeightChangeDFA(), WeightChangeDFA()
    for rate, norm in zip(lr, NORMS[:500], strict=True):
        monitor.update(rate * norm, lr=rate)
        blind.update(rate * norm)
    assert abs(monitor.alpha - 0.5) < 0.15
    assert blind.alpha > 0.9
    assert monitor.verdict().prepared.schedule == pytest.approx(1, abs=0.1)


def test_verdict_takes_the_settings_of_the_monitor():
    monitor = WeightChangeDFA(window=256, order=2, spikes=None)
    for norm in NORMS[:300]:
        monitor.update(norm)
    found = monitor.verdict(optimizer="sgd", replicates=50)
    expected = wcdfa.verdict(NORMS[44:300], steps=np.arange(45, 301), order=2, spikes=None, optimizer="sgd", replicates=50)
    assert (found.alpha, found.findings, found.null) == (expected.alpha, expected.findings, expected.null)


def test_before_it_is_ready():
    monitor = WeightChangeDFA()
    assert (monitor.alpha, monitor.result, monitor.reason, monitor.history, monitor.n_samples) == (None, None, None, [], 0)
    assert repr(monitor) == "WeightChangeDFA(not ready, samples=0/500)"
    assert str(monitor.verdict()) == "no α: too few steps yet (0 of 28)"


def test_any_number():
    torch, jax, tensorflow = require("torch"), require("jax"), require("tensorflow")
    monitor = WeightChangeDFA()
    for number in (
        2,
        2.0,
        np.float32(2),
        np.int64(2),
        np.array(2.0),
        np.array([2.0]),
        np.array([[2]]),
        torch.tensor(2.0),
        torch.tensor(2.0, dtype=torch.float64),
        jax.numpy.asarray(2.0),
        tensorflow.constant(2.0),
    ):
        monitor.update(number)
    np.testing.assert_array_equal(monitor.get_signal(), np.full(11, 2.0))


def test_parameters():
    parameters = {"weight": np.zeros((2, 3)), "blocks": [np.ones(4), {"bias": np.zeros(1, dtype=np.float32)}]}
    monitor = WeightChangeDFA().update(parameters)
    assert monitor.n_samples == 0
    parameters["weight"][0, 0] += 3  # in place, as optimizers do
    parameters["blocks"][1]["bias"] -= 4
    monitor.update(parameters)
    np.testing.assert_array_equal(monitor.get_signal(), [5.0])
    monitor.update({"weight": parameters["weight"], "blocks": [np.full(4, 2.0), {"bias": np.full(1, -4.0)}]})
    np.testing.assert_array_equal(monitor.get_signal(), [5.0, 2.0])


def test_a_change_of_structure_is_refused_and_loses_nothing():
    monitor = WeightChangeDFA().update({"w": np.zeros(3)}).update({"w": np.ones(3)})
    with pytest.raises(ValueError, match="parameter 'b' is new since the last update"):
        monitor.update({"w": np.ones(3), "b": np.ones(1)})
    with pytest.raises(ValueError, match=r"parameter 'w' has shape \(4,\), and had \(3,\)"):
        monitor.update({"w": np.ones(4)})
    monitor.update({"w": np.ones(3) * 2})
    np.testing.assert_allclose(monitor.get_signal(), [3**0.5, 3**0.5])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_splits_the_boxes_and_takes_nothing_down(bad):
    monitor = WeightChangeDFA(window=128, stride=32)
    norms = NORMS[:320].copy()
    norms[140] = bad
    for norm in norms:
        monitor.update(norm)
    assert np.all(np.isfinite(monitor.history))
    assert monitor.reason is None
    prepared = wcdfa.prepare(norms[32:160])
    assert monitor.history[1] == pytest.approx(wcdfa.dfa(prepared.values, breaks=prepared.breaks).alpha, rel=1e-12)
    assert prepared.breaks == (108,)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_norms_that_cannot_be_used_are_nan_with_a_reason(bad):
    monitor = WeightChangeDFA(window=128, stride=64)
    for norm in [*NORMS[:100], *[bad] * 28, *[bad] * 128]:
        monitor.update(norm)
    assert np.isnan(monitor.history[-1])
    assert monitor.regime is None
    assert ("of 128 norms remain" if np.isnan(bad) else "a logarithm needs norms above 0") in monitor.reason
    for norm in NORMS[:128]:
        monitor.update(norm)
    assert np.isfinite(monitor.alpha)
    assert monitor.reason is None


def test_a_constant_has_no_alpha_and_says_why():
    monitor = WeightChangeDFA(window=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(100):
            monitor.update(0.25)
    assert np.isnan(monitor.alpha)
    assert "the series is constant" in monitor.reason
    assert "α=nan, regime=None" in repr(monitor)


def test_reset():
    monitor = WeightChangeDFA(window=50)
    for norm in NORMS[:60]:
        monitor.update(norm)
    monitor.update({"w": np.zeros(2)})
    monitor.reset()
    assert (monitor.alpha, monitor.history, monitor.n_samples) == (None, [], 0)
    assert monitor.update({"v": np.zeros(5)}).n_samples == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window": 49}, ValueError, "window must be at least 50, got 49"),
        ({"stride": 0}, ValueError, "stride must be at least 1, got 0"),
        ({"order": 5}, ValueError, "order must be 1, 2, 3 or 4, got 5"),
        ({"thresholds": (0.8, 1.2)}, ValueError, r"upper above lower, got \(0.8, 1.2\)"),
        ({"method": "magic"}, ValueError, "method must be one of"),
        ({"confidence": 2}, ValueError, "confidence must be between 0 and 1"),
        ({"spikes": "all"}, ValueError, "spikes must be"),
        ({"epoch_length": 300}, ValueError, "at least 3 are needed"),
    ],
)
def test_bad_settings(options, error, message):
    with pytest.raises(error, match=message):
        WeightChangeDFA(**options)


@pytest.mark.parametrize("given", ["0.1", None, object(), 1j, np.array(["a"]), True, b"1"])
def test_anything_else_is_refused(given):
    monitor = WeightChangeDFA().update(1.0)
    with pytest.raises(TypeError, match=r"update takes a number, an array of size 1, .* a pytree of JAX arrays.*; got"):
        monitor.update(given)
    assert monitor.n_samples == 1


@pytest.mark.parametrize("bad", [None, 0.0, float("nan")])
def test_a_missing_learning_rate_costs_one_norm_and_not_the_schedule(bad):
    lr = 0.1 * np.cos(np.linspace(0, 1.5, 500))
    monitor = WeightChangeDFA()
    for i, (rate, norm) in enumerate(zip(lr, NORMS[:500], strict=True)):
        monitor.update(rate * norm, lr=bad if i == 200 else rate)
    assert abs(monitor.alpha - 0.5) < 0.15
    assert monitor.verdict().prepared.missing == 1


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_floating_point_errors_take_nothing_down(scale):
    monitor = WeightChangeDFA(window=128, log=False, spikes=None)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for norm in synthetic.white_noise(300, seed=0):
            monitor.update(scale * norm)
    assert np.isfinite(monitor.alpha) == (monitor.reason is None)


def test_the_verdict_says_what_the_monitor_says():
    monitor = WeightChangeDFA(window=128, stride=128)
    for _ in range(128):
        monitor.update(0.25)
    assert monitor.verdict().label is None
    assert monitor.reason in str(monitor.verdict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": "500"}, "window must be a whole number of norms"),
        ({"window": None}, "window must be a whole number of norms"),
        ({"window": np.inf}, "window must be a whole number of norms"),
        ({"window": 100.5}, "window must be a whole number of norms"),
        ({"thresholds": 1.2}, "thresholds must be two numbers, the upper one first, got 1.2"),
        ({"logger": 5}, "logger must be a callable that takes the step and the metrics, got int"),
        ({"groups": ["("]}, r"'\(' is not a regular expression"),
    ],
)
def test_settings_of_the_wrong_kind(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        WeightChangeDFA(**options)


def test_a_description_of_an_array_is_no_norm_and_a_huge_integer_a_gap():
    jax = require("jax")
    monitor = WeightChangeDFA()
    with pytest.raises(TypeError, match="got ShapeDtypeStruct"):
        monitor.update(jax.ShapeDtypeStruct((), np.float32))
    assert np.isnan(monitor.update(10**400).get_signal()).all()
