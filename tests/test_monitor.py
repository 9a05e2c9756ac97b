"""The monitor in a loop: norms, parameters, bad norms, misuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa import WeightChangeDFA, synthetic

NORMS = np.exp(0.1 * synthetic.white_noise(700, seed=0))


def test_alpha_is_that_of_the_last_window():
    monitor = WeightChangeDFA(window=200, stride=50)
    found = []
    for i, norm in enumerate(NORMS, start=1):
        assert monitor.update(norm) is monitor
        assert monitor.ready == (i >= 200)
        assert monitor.n_samples == min(i, 200)
        if i >= 200 and i % 50 == 0:
            found.append(wcdfa.dfa(NORMS[i - 200 : i]).alpha)
            assert monitor.alpha == found[-1]
            np.testing.assert_array_equal(monitor.result.fluctuations, wcdfa.dfa(NORMS[i - 200 : i]).fluctuations)
    assert monitor.history == found
    assert len(found) == 11
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[-200:])


def test_order_and_default_stride():
    monitor = WeightChangeDFA(window=100, order=2)
    assert monitor.stride == 20
    for norm in NORMS[:120]:
        monitor.update(norm)
    assert monitor.history == [wcdfa.dfa(NORMS[:100], order=2).alpha, wcdfa.dfa(NORMS[20:120], order=2).alpha]


def test_before_it_is_ready():
    monitor = WeightChangeDFA()
    assert (monitor.alpha, monitor.result, monitor.reason, monitor.history, monitor.n_samples) == (None, None, None, [], 0)
    assert repr(monitor) == "WeightChangeDFA(window=500, stride=100, n_samples=0, alpha=not ready)"


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
    with pytest.raises(ValueError, match=r"parameters: key\(s\) b in one tree only"):
        monitor.update({"w": np.ones(3), "b": np.ones(1)})
    with pytest.raises(ValueError, match=r"parameters\['w'\]: shape \(4,\) against \(3,\)"):
        monitor.update({"w": np.ones(4)})
    monitor.update({"w": np.ones(3) * 2})
    np.testing.assert_allclose(monitor.get_signal(), [3**0.5, 3**0.5])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_takes_nothing_down(bad):
    monitor = WeightChangeDFA(window=100, stride=50)
    norms = NORMS[:400].copy()
    norms[120] = bad
    for norm in norms:
        monitor.update(norm)
    assert np.isnan(monitor.history).tolist() == [False, True, True, False, False, False, False]
    assert monitor.reason is None
    broken = WeightChangeDFA(window=100, stride=50)
    for norm in norms[:150]:
        broken.update(norm)
    assert np.isnan(broken.alpha)
    assert broken.reason == "1 of the 100 norms in the window are not finite"


def test_a_constant_has_no_alpha_and_says_why():
    monitor = WeightChangeDFA(window=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(100):
            monitor.update(0.25)
    assert np.isnan(monitor.alpha)
    assert "the series is constant" in monitor.reason
    assert "alpha=nan" in repr(monitor)


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
        ({"window": 50, "order": 4}, ValueError, "the default box sizes of order 4 need at least 64"),
    ],
)
def test_bad_settings(options, error, message):
    with pytest.raises(error, match=message):
        WeightChangeDFA(**options)


@pytest.mark.parametrize("given", ["0.1", None, object(), 1j, np.array(["a"]), True, b"1"])
def test_anything_else_is_refused(given):
    monitor = WeightChangeDFA().update(1.0)
    with pytest.raises(TypeError, match="update takes a number, an array of size 1, or a dict or list of NumPy arrays; got"):
        monitor.update(given)
    assert monitor.n_samples == 1
