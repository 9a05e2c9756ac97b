"""α of a vector series: on every library, against single coordinates, and as sure as it says."""

from __future__ import annotations

import math
import warnings

import hypothesis
import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from tests.helpers.oracle import slow_fluctuations
from wcdfa import dfa, synthetic
from wcdfa.inference import calibration_tables as tables
from wcdfa.inference.effective_number import inverse_effective_number
from wcdfa.inference.exponent import CONSTANT, ROUNDING
from wcdfa.inference.moments import interpolation
from wcdfa.inference.vector_moments import of_vector
from wcdfa.kernel.boxes import box_starts
from wcdfa.scales import half_sizes

lazy_xp_function(dfa)

plain = wcdfa.inference.exponent.dfa
each_method = pytest.mark.parametrize("method", ["robust", "gls", "ols"])
FLOATS = ("alpha", "stderr", "low", "high", "r_squared", "adequacy", "fluctuations")
VECTOR = synthetic.arfima(128, d=0.3, batch=(2, 5), seed=0)


def correlated(n, coordinates, *, alpha, rho, trials, seed):
    """Vectors (trials, coordinates, n) of ARFIMA whose coordinates share a part, with correlation `rho`."""
    parts = synthetic.arfima(n, d=alpha - 0.5, batch=(trials, coordinates + 1), seed=seed)
    return math.sqrt(1 - rho) * parts[:, 1:] + math.sqrt(rho) * parts[:, :1]


def inverse_of(coordinates, rho):
    """1 / K_eff of equally correlated coordinates."""
    return (1 + (coordinates - 1) * rho**2) / coordinates


@each_method
def test_the_same_in_every_library_and_along_any_axes(xp, array, method):
    expected = plain(VECTOR, coordinates=-2, method=method)
    for x, axes in (
        (VECTOR, {"coordinates": -2}),
        (np.moveaxis(VECTOR, -1, 0), {"axis": 0, "coordinates": 2}),
        (np.moveaxis(VECTOR, -1, 1), {"axis": 1, "coordinates": -1}),
    ):
        found = dfa(array(x), method=method, **axes)
        for name in FLOATS:
            part = getattr(found, name)
            assert isinstance(part, type(array(VECTOR)))
            np.testing.assert_allclose(np.asarray(part), getattr(expected, name), rtol=1e-9, err_msg=name)
    assert expected.alpha.shape == (2,)
    assert expected.fluctuations.shape == (2, len(expected.scales))


def test_one_vector_without_a_batch(xp, array):
    found, expected = dfa(array(VECTOR[0]), coordinates=0), plain(VECTOR, coordinates=-2)
    for name in FLOATS:
        np.testing.assert_allclose(np.asarray(getattr(found, name)), getattr(expected, name)[0], rtol=1e-9, err_msg=name)
    assert found.alpha.shape == found.cause.shape == found.saturated.shape == ()


@pytest.mark.parametrize("order", [1, 2])
def test_squares_of_f_are_summed(order):
    """Box by box, coordinate by coordinate, in extended precision."""
    found = dfa(VECTOR[0], coordinates=-2, order=order)
    starts = lambda n, size: box_starts(n, size, overlap=0.5)[0]
    each = [slow_fluctuations(row, found.scales.tolist(), order, starts=starts) for row in VECTOR[0]]
    np.testing.assert_allclose(found.fluctuations, np.sqrt(np.sum(np.square(each), axis=0)).astype(float), rtol=1e-12)


@each_method
def test_one_coordinate_is_a_series(method):
    for x in (VECTOR[0], VECTOR[0] * 1e200):
        found, expected = dfa(x[:, None], coordinates=1, method=method), dfa(x, method=method)
        for name in FLOATS:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-11, err_msg=name)


@each_method
def test_copies_of_a_series_are_one_series(method):
    """As sure as one; only weights of sizes, which change little with the number of coordinates, are those of eight independent ones."""
    x = synthetic.arfima(500, d=0.3, batch=(20,), seed=1)
    copies, one = dfa(np.repeat(x[:, None], 8, axis=1), coordinates=1, method=method), dfa(x, method=method)
    np.testing.assert_allclose(copies.alpha, one.alpha, atol=0.05 if method == "robust" else 0.005)
    np.testing.assert_allclose(copies.stderr, one.stderr, rtol=0.15 if method == "robust" else 0.03)
    np.testing.assert_allclose(inverse_effective_number(np.repeat(x[:, None], 8, axis=1), np), 1.0)


@each_method
@pytest.mark.parametrize(("rho", "alpha"), [(0.0, 0.5), (0.0, 1.0), (0.0, 1.5), (0.3, 0.5), (0.3, 1.5)])
def test_the_interval_holds_alpha_as_often_as_it_says(method, rho, alpha):
    """300 vectors: a share of 95 % is known to 1.3 %; three standard errors are allowed beyond 93 to 97 %."""
    x = correlated(256, 64, alpha=alpha, rho=rho, trials=300, seed=2)
    found = dfa(x, coordinates=-2, method=method)
    assert 0.93 - 0.039 <= np.mean((found.low <= alpha) & (alpha <= found.high)) <= 0.97 + 0.03
    if method != "ols":
        assert abs(found.alpha.mean() - alpha) < 0.0015 + 3 * found.alpha.std() / math.sqrt(300)
        assert abs(found.stderr.mean() / found.alpha.std() - 1) < 0.05 + 3 / math.sqrt(600)
    assert abs(np.mean(found.adequacy < 0.5) - 0.5) < 0.05 + 3 * 0.029
    assert np.mean(found.adequacy < 0.05) < 0.07 + 3 * 0.013


def test_few_coordinates_join_one():
    for coordinates in (2, 3, 5):
        x = correlated(128, coordinates, alpha=0.8, rho=0.0, trials=400, seed=coordinates)
        for method in ("robust", "gls"):
            found = dfa(x, coordinates=-2, method=method)
            assert 0.93 - 0.033 <= np.mean((found.low <= 0.8) & (found.high >= 0.8)) <= 0.97 + 0.025
            assert abs(found.alpha.mean() - 0.8) < 0.01 + 3 * found.alpha.std() / 20


def test_moments_of_a_vector_are_those_of_simulated_ones():
    n, sizes, coordinates = 128, half_sizes(128, 1), 16
    single = tables.table(n, sizes, 1, 0.5).moments
    moments = of_vector(single, coordinates)
    np.testing.assert_array_equal(of_vector(single, 1).mean, single.mean)
    at = interpolation(1, np.array([0.8]))
    mean, root = (at @ moments.mean)[0], np.einsum("an,nkl->kl", at, moments.root)
    x = correlated(n, coordinates, alpha=0.8, rho=0.0, trials=1000, seed=3)
    log_f = np.log(dfa(x, coordinates=-2, method="gls").fluctuations) - 0.5 * math.log(coordinates)
    deviation = np.sqrt(np.sum(root**2, axis=-1))
    assert np.all(np.abs(log_f.mean(axis=0) - mean) < 4 * deviation / math.sqrt(1000) + 0.25 * deviation**2)
    assert np.all(np.abs(log_f.std(axis=0) / deviation - 1) < 4 / math.sqrt(2000) + 0.02)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_the_effective_number(alpha, rho):
    """100 vectors; the largest error of one is about 2 √(2 / n)."""
    x = correlated(500, 32, alpha=alpha, rho=rho, trials=100, seed=4)
    found, expected = inverse_effective_number(x, np), inverse_of(32, rho)
    assert np.all((found >= 1 / 32 - 1e-12) & (found <= 1))
    assert abs(found.mean() / expected - 1) < 0.02 + 3 * found.std() / expected / 10
    assert np.all(np.abs(found / expected - 1) < 5 * 2 * math.sqrt(2 / 500))


def test_the_effective_number_through_momentum():
    shared = synthetic.ar1(500, phi=0.9, batch=(100, 33), seed=5)
    x = math.sqrt(0.7) * shared[:, 1:] + math.sqrt(0.3) * shared[:, :1]
    found = inverse_effective_number(x, np)
    assert abs(found.mean() / inverse_of(32, 0.3) - 1) < 0.02 + 3 * found.std() / 10 / inverse_of(32, 0.3)


def test_a_coordinate_that_is_much_larger_is_the_only_one():
    x = VECTOR * np.array([1e6, 1, 1, 1, 1])[:, None]
    np.testing.assert_allclose(inverse_effective_number(x, np), 1.0, atol=1e-6)
    np.testing.assert_allclose(dfa(x, coordinates=-2, method="gls").alpha, dfa(VECTOR[:, 0], method="gls").alpha, atol=0.005)


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_breaks(shift):
    """No box and no prediction crosses a break: a jump there changes nothing."""
    x = correlated(256, 16, alpha=0.7, rho=0.0, trials=20, seed=6)
    x[:, :, 100:] += shift
    found = dfa(x, coordinates=-2, breaks=[100])
    np.testing.assert_allclose(found.alpha.mean(), 0.7, atol=0.03)
    np.testing.assert_allclose(found.stderr / dfa(x[:, :, :100], coordinates=-2, scales=half_sizes(100, 1)).stderr, 0.6, atol=0.15)


vectors = st.tuples(st.integers(0, 2**32 - 1), st.permutations(range(5)), st.integers(-30, 30), st.sampled_from([1.0, -1.0]))


@hypothesis.settings(max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(vectors)
def test_order_scale_and_turning_of_coordinates_change_nothing(xp, array, case):
    """F² of a vector does not depend on the axes that it is written in."""
    seed, permutation, exponent, sign = case
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((5, 128)), axis=-1) * 2.0 ** rng.integers(-3, 3, size=(5, 1))
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    expected = dfa(array(x), coordinates=0)
    for other in (x[list(permutation)], rotation @ x, sign * 2.0**exponent * x):
        found = dfa(array(other), coordinates=0)
        for name in ("alpha", "stderr", "low", "high", "adequacy"):
            np.testing.assert_allclose(float(getattr(found, name)), float(getattr(expected, name)), rtol=1e-6, err_msg=name)


def test_any_magnitude(xp, array):
    """Also of each coordinate on its own."""
    expected = plain(VECTOR, coordinates=-2)
    for factor in (1e-300, 1e-150, 1e150, 1e300):
        found = dfa(array(VECTOR * factor), coordinates=-2)
        for name in FLOATS[:-1]:
            np.testing.assert_allclose(np.asarray(getattr(found, name)), getattr(expected, name), rtol=1e-9, err_msg=name)
    uneven = dfa(array(VECTOR * np.array([1e-200, 1, 1, 1, 1])[:, None]), coordinates=-2)
    np.testing.assert_allclose(np.asarray(uneven.alpha), plain(VECTOR[:, 1:], coordinates=-2).alpha, atol=0.1)
    assert bool(np.all(np.isfinite(np.asarray(uneven.stderr))))


def test_float32(xp, array):
    found, expected = dfa(array(VECTOR.astype(np.float32)), coordinates=-2), plain(VECTOR, coordinates=-2)
    for name in ("alpha", "stderr", "low", "high"):
        assert "float32" in str(getattr(found, name).dtype)
        np.testing.assert_allclose(np.asarray(getattr(found, name)), getattr(expected, name), atol=2e-4)


def test_no_exponent(xp, array):
    """A vector fluctuates if one coordinate does."""
    still, ramp = np.ones((3, 128)), np.arange(128.0) ** 2 * np.ones((3, 1)) / 128
    one = np.concatenate([still[:2], VECTOR[0, :1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wcdfa.DFAWarning)
        found = dfa(array(np.stack([still, one])), coordinates=-2, method="ols")
        trend = dfa(array(ramp), coordinates=-2, order=3, method="ols")
    np.testing.assert_array_equal(np.asarray(found.cause), [CONSTANT, 0])
    np.testing.assert_array_equal(np.isnan(np.asarray(found.alpha)), [True, False])
    assert int(trend.cause) == ROUNDING
    with pytest.warns(wcdfa.DFAWarning, match="alpha is NaN for 1 of 2 series: the series is constant"):
        plain(np.stack([still, one]), coordinates=-2)


def test_arguments():
    with pytest.raises(ValueError, match=r"x has shape \(128,\): no axis is left for coordinates"):
        dfa(VECTOR[0, 0], coordinates=-2)
    with pytest.raises(ValueError, match="axis and coordinates are both 2"):
        dfa(VECTOR, coordinates=2)
    with pytest.raises(IndexError, match="coordinates 3 is out of bounds for an array of dimension 3; use -3 to 2"):
        dfa(VECTOR, coordinates=3)
    with pytest.raises(ValueError, match="x has no coordinates"):
        dfa(VECTOR[:, :0], coordinates=-2)
    with pytest.raises(ValueError, match="x holds 5 value"):
        dfa(np.where(np.arange(128) == 3, np.nan, VECTOR[0]), coordinates=-2)


@pytest.mark.slow
@each_method
def test_jit_vmap_and_grad(method):
    """Gradients agree with differences of α, also those through the effective number."""
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    end = lambda v: plain(v, coordinates=-2, method=method).high
    x = correlated(128, 4, alpha=0.8, rho=0.3, trials=2, seed=7)
    x[1, 2] = 0.0  # a coordinate that stands still
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(end)))(jnp.asarray(x))
    np.testing.assert_allclose(values, end(x), rtol=1e-9)
    assert np.all(np.isfinite(gradients))
    for place in ((0, 0, 5), (0, 3, 100), (1, 1, 64)):
        step = np.zeros_like(x)
        step[place] = 1e-6
        np.testing.assert_allclose(gradients[place], (end(x + step) - end(x - step))[place[0]] / 2e-6, atol=1e-6)


def test_gradients_in_torch():
    torch = require("torch")
    x = torch.asarray(VECTOR, requires_grad=True)
    result = dfa(x, coordinates=-2)
    (result.alpha.sum() + result.high.sum() + result.adequacy.sum()).backward()
    assert bool(torch.isfinite(x.grad).all())
    assert bool((x.grad != 0).any())
