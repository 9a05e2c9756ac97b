"""Exponents of ranges and of a sketch: against exact expectations and simulation, with gaps and coordinates that stand still."""

from __future__ import annotations

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wcdfa
from wcdfa import synthetic
from wcdfa.inference.effective_by_size import cosine_coefficients, inverse_by_size
from wcdfa.inference.effective_number import inverse_effective_number
from wcdfa.inference.moments import autocovariance
from wcdfa.inference.range_exponents import bounds_of, expected_exponents, slope_weights
from wcdfa.inference.sketch_exponents import vector_exponents
from wcdfa.scales import half_sizes

TRIALS = 200


def momentum(beta=0.9, *, n=500, coordinates=64, rho=0.0, trials=TRIALS, seed=0):
    """White gradients through momentum, with correlation between coordinates: (trials, n, coordinates)."""
    parts = synthetic.ar1(n, phi=beta, batch=(trials, coordinates + 1), seed=seed)
    return np.swapaxes(math.sqrt(1 - rho) * parts[:, 1:] + math.sqrt(rho) * parts[:, :1], 1, 2)


def all_of(sketches, **options):
    """Exponents and standard errors of each, (trials, ranges) each."""
    found = [vector_exponents(sketch, **options) for sketch in sketches]
    return np.array([each.exponents for each in found]), np.array([each.stderr for each in found])


def test_momentum():
    """White gradients, momentum 0.9, 500 steps: 1.376 from 4 to 16, and 1.068 from there to 125.

    Coordinates that are divided by their own standard deviation show 1.372 and 1.057, for that is large where the slow part is.
    """
    expected = expected_exponents(0.9 ** np.arange(125), 500)
    np.testing.assert_allclose(expected, [1.3758, 1.0680], atol=5e-4)
    exponents, _ = all_of(momentum())
    assert np.all(np.abs(exponents.mean(axis=0) - expected) < 0.001 + 3 * exponents.std(axis=0) / math.sqrt(TRIALS))


@pytest.mark.parametrize("alpha", [0.4, 0.5, 0.9])
@pytest.mark.parametrize("order", [1, 2])
def test_long_memory_has_its_exponent_at_large_sizes(alpha, order):
    found = expected_exponents(autocovariance(alpha, order, 1024), 4096, ranges=((64, None), (256, 1024)), order=order)
    np.testing.assert_allclose(found, alpha, atol=0.01)


def test_white_noise_by_its_closed_form():
    """E F²(s) = (s² - 4) / (15 s)."""
    s = np.array([4, 6, 8, 12, 16])
    expected = np.polyfit(np.log(s), 0.5 * np.log((s**2 - 4) / s), 1)[0]
    np.testing.assert_allclose(expected_exponents([1.0] + [0.0] * 20, 500, ranges=((4, 16),)), expected, rtol=1e-10)


def test_expectations_do_not_depend_on_the_unit():
    lags = 0.5 ** np.arange(200)
    np.testing.assert_allclose(expected_exponents(1e-6 * lags, 500), expected_exponents(lags, 500), rtol=1e-12)


@pytest.mark.parametrize("sizes", [(3, 4, 6, 8), (4, 5, 9, 30, 31)])
def test_weights_are_those_of_the_ordinary_line(sizes):
    log_f = np.random.default_rng(0).standard_normal(len(sizes))
    bounds = ((4, 9), (3, 100), (50, 60), (30, 30))
    found = log_f @ slope_weights(sizes, bounds)
    for slope, (low, high) in zip(found[:2], bounds, strict=False):
        inside = [low <= size <= high for size in sizes]
        np.testing.assert_allclose(slope, np.polyfit(np.log(sizes)[inside], log_f[inside], 1)[0], rtol=1e-10)
    assert np.all(np.isnan(found[2:]))


def test_ranges_that_mean_nothing():
    assert bounds_of(((4, 16), (16, None)), 1000) == ((4, 16), (16, 250))
    with pytest.raises(ValueError, match=r"range \(16, 4\) is empty"):
        bounds_of(((16, 4),), 500)
    with pytest.raises(ValueError, match=r"shape \(50,\), but boxes of 96 samples need as many lags"):
        expected_exponents(np.ones(50), 500)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_standard_errors_of_ranges(rho):
    """They know of correlation, and nothing of momentum: standard deviations of 200 are known to 5 %."""
    exponents, stderr = all_of(momentum(rho=rho, n=256, coordinates=32, seed=1))
    assert np.all(np.abs(stderr.mean(axis=0) / exponents.std(axis=0) - 1) < 0.06 + 3 * 0.05)
    covered = np.abs(exponents - expected_exponents(0.9 ** np.arange(64), 256)) < 1.96 * stderr
    assert np.all(covered.mean(axis=0) > 0.92 - 3 * 0.015)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_a_power_law(alpha):
    """Coordinates of very different size count alike, and division by what they vary does not bias α."""
    x = synthetic.arfima(500, d=alpha - 0.5, batch=(100, 32), seed=2) * np.geomspace(1e-6, 1e3, 32)[:, None]
    found = [vector_exponents(each.T, method="gls") for each in x]
    alphas = np.array([each.alpha for each in found])
    assert abs(alphas.mean() - alpha) < 0.002 + 3 * alphas.std() / 10
    covered = np.mean([each.low <= alpha <= each.high for each in found])
    assert covered > 0.93 - 3 * 0.022
    assert min(each.effective for each in found) > 28


def test_alpha_is_that_of_dfa():
    sketch = momentum(trials=1)[0]
    x = sketch.T / np.sqrt(np.mean(np.diff(sketch, axis=0) ** 2, axis=0))[:, None]
    found, expected = vector_exponents(sketch, confidence=0.9), wcdfa.dfa(x, coordinates=0, confidence=0.9)
    np.testing.assert_allclose([found.alpha, found.low, found.high], [expected.alpha, expected.low, expected.high], rtol=1e-9)
    weights = slope_weights(half_sizes(500, 1), found.ranges)
    np.testing.assert_allclose(found.exponents, np.log(expected.fluctuations) @ weights, rtol=1e-9)


def test_coordinates_that_stand_still_are_left_out():
    sketch = momentum(trials=1, coordinates=8)[0].astype(np.float32)
    still = np.concatenate([sketch, np.zeros((500, 2)), np.full((500, 1), 0.25)], axis=1)
    found, expected = vector_exponents(still), vector_exponents(sketch)
    assert (found.coordinates, found.still) == (8, 3)
    assert found._replace(still=0) == expected
    nothing = vector_exponents(still[:, 8:])
    assert nothing.reason == "none of the 3 coordinates changed in 500 steps"
    assert (nothing.coordinates, nothing.still) == (0, 3)
    assert all(map(math.isnan, (nothing.alpha, nothing.low, nothing.high, nothing.effective, *nothing.exponents, *nothing.stderr)))


def test_gaps():
    """Rows of NaN at the ends are nothing; one within the window is a break."""
    sketch = momentum(trials=1, coordinates=16)[0]
    padded = np.concatenate([np.full((30, 16), np.nan), sketch, np.full((7, 16), np.nan)])
    assert vector_exponents(padded) == vector_exponents(sketch)
    gap = sketch.copy()
    gap[200:230] = np.nan
    found, x = vector_exponents(gap), np.delete(sketch, slice(200, 230), axis=0).T
    x = x / np.sqrt(np.mean(np.diff(x) ** 2, axis=-1, keepdims=True))
    expected = wcdfa.dfa(x, coordinates=0, breaks=[200])
    np.testing.assert_allclose([found.alpha, found.low, found.high], [expected.alpha, expected.low, expected.high], rtol=1e-9)
    assert found.reason is None
    assert all(np.isfinite(found.stderr))
    gap[::2] = np.nan
    assert vector_exponents(gap).reason.startswith("235 steps were recorded, the longest stretch without a gap has 1: too few")


@pytest.mark.parametrize(
    ("sketch", "reason"),
    [
        (np.empty((500, 0)), "the sketch has no coordinates"),
        (np.empty((0, 4)), "0 steps were recorded: too few for four box sizes of order 1"),
        (np.full((500, 4), np.nan), "0 steps were recorded: too few for four box sizes of order 1"),
        (np.random.default_rng(0).standard_normal((15, 4)), "15 steps were recorded: too few for four box sizes of order 1"),
        (
            np.where(np.arange(400).reshape(100, 4) == 41, np.inf, 1.0),
            "coordinate 1 is inf in recorded step 10: α needs finite numbers",
        ),
        (np.arange(100.0)[:, None] * [1.0, -2.0], "after detrending only rounding error is left"),
    ],
)
def test_reasons(sketch, reason):
    """A straight line is a parabola in the profile, so it needs order 2 to vanish."""
    found = vector_exponents(sketch, order=2 if "rounding" in reason else 1)
    assert found.reason.startswith(reason)
    assert math.isnan(found.alpha)
    assert all(map(math.isnan, (*found.exponents, *found.stderr)))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_fewest_samples(order):
    """So many that four sizes fit, and none fewer."""
    n = next(n for n in range(8, 100) if fits(n, order))
    x = np.random.default_rng(1).standard_normal((n, 3))
    assert vector_exponents(x, order=order).reason is None
    assert "too few for four box sizes" in vector_exponents(x[:-1], order=order).reason


def fits(n, order):
    try:
        return bool(half_sizes(n, order))
    except ValueError:
        return False


def test_one_coordinate():
    """The errors of its ranges are those of the model."""
    x = synthetic.arfima(500, d=0.3, batch=(TRIALS,), seed=3)
    exponents, stderr = all_of(x[:, :, None])
    assert np.all(np.abs(stderr.mean(axis=0) / exponents.std(axis=0) - 1) < 0.1 + 3 * 0.05)
    assert vector_exponents(x[0][:, None]).effective == 1.0


def test_a_range_without_sizes():
    found = vector_exponents(np.random.default_rng(0).standard_normal((40, 5)))
    assert found.ranges == ((4, 16), (16, 10))
    assert not math.isnan(found.exponents[0])
    assert math.isnan(found.exponents[1])
    assert math.isnan(found.stderr[1])


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(st.integers(0, 2**32 - 1), st.permutations(range(6)), st.lists(st.integers(-300, 300), min_size=6, max_size=6))
def test_order_and_size_of_coordinates_do_not_matter(seed, permutation, exponents):
    rng = np.random.default_rng(seed)
    sketch = np.cumsum(rng.standard_normal((128, 6)), axis=0)
    expected = vector_exponents(sketch)
    found = vector_exponents(sketch[:, list(permutation)] * 2.0 ** np.array(exponents))
    for name in ("alpha", "low", "high", "exponents", "stderr", "effective"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-8, err_msg=name)


def test_arguments():
    with pytest.raises(ValueError, match=r"the sketch has shape \(500,\); give \(n, K\)"):
        vector_exponents(np.zeros(500))
    with pytest.raises(ValueError, match="method must be one of"):
        vector_exponents(np.zeros((500, 2)), method="whittle")
    with pytest.raises(ValueError, match="confidence must be between"):
        vector_exponents(np.zeros((500, 2)), confidence=2)


@pytest.mark.parametrize(("own", "strength", "least"), [(0.0, 0.05, 0.93), (0.9, 0.05, 0.93), (0.9, 0.2, 0.88)])
def test_coordinates_that_share_only_their_slow_part(own, strength, least):
    """Standard errors of 16 to 125 that knew only the overall number of coordinates held 42, 90 and 60 %."""
    rng, found = np.random.default_rng(4), []
    for _ in range(100):
        mine, slow = synthetic.ar1(500, phi=own, batch=(64,), seed=rng), synthetic.ar1(500, phi=0.98, seed=rng)
        found.append(vector_exponents((mine * math.sqrt(1 - own**2) + strength * slow).T))
    exponents, stderr = (np.array([getattr(each, name) for each in found]) for name in ("exponents", "stderr"))
    covered = np.mean(np.abs(exponents - exponents.mean(axis=0)) < 1.96 * stderr, axis=0)
    assert np.all(covered > least - 3 * 0.025)


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_the_effective_number_at_each_size(rho):
    """The same at each size if coordinates share all frequencies; sizes that few frequencies measure are on the safe side."""
    x = np.swapaxes(momentum(rho=rho, coordinates=32, trials=40, seed=5), 1, 2)
    expected, sizes = (1 + 31 * rho**2) / 32, half_sizes(500, 1)
    found = np.array([inverse_by_size(each, sizes, (), float(inverse_effective_number(each, np))) for each in x])
    ratio = found.mean(axis=0) / expected
    assert np.all(np.abs(ratio[:6] - 1) < 0.1)
    assert np.all((ratio > 0.93) & (ratio < 1.4))


def test_cosine_coefficients():
    x = np.random.default_rng(6).standard_normal((3, 50))
    t, k = np.arange(50) + 0.5, np.arange(50)
    np.testing.assert_allclose(cosine_coefficients(x), 2 * x @ np.cos(np.pi * np.outer(t, k) / 50), atol=1e-11)
