"""The calibrated estimates: unbiased, as precise and as sure as they say, at the root of their equation, calm at the ends."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import wcdfa
from wcdfa import dfa, synthetic
from wcdfa.inference import calibration_tables as tables
from wcdfa.inference.calibration import FROZEN, PRIOR
from wcdfa.inference.moments import alpha_range, interpolation
from wcdfa.scales import half_sizes

N, TRIALS = 500, 1000
ALPHAS = [0.3, 0.5, 0.8, 1.0, 1.2, 1.5, 1.7]
# standard error of a share of 95 % of 1,000 series: 0.7 %
COVERAGE = math.sqrt(0.95 * 0.05 / TRIALS)
each_calibrated = pytest.mark.parametrize("method", ["robust", "gls"])


@functools.cache
def arfima(alpha, *, n=N, trials=TRIALS, seed=0):
    """ARFIMA(0, α - 1/2, 0), for α from 0 to below 3; read-only, for tests share it."""
    sums = max(0, math.floor(alpha - 1e-9))
    x = synthetic.arfima(n, d=alpha - 0.5 - sums, batch=(trials,), seed=seed)
    for _ in range(sums):
        x = np.cumsum(x, axis=-1)
    x.setflags(write=False)
    return x


def filtered(x, phi):
    """An AR(1) on top of each series, started where the series starts."""
    y = x.copy()
    for t in range(1, x.shape[-1]):
        y[:, t] += phi * y[:, t - 1]
    return y


@pytest.mark.parametrize("alpha", ALPHAS)
def test_gls_is_unbiased_and_precise(alpha):
    """1,000 series of 500: the mean is known to 0.0013, the root mean square to 2.2 %; three standard errors of each are allowed."""
    error = dfa(arfima(alpha), method="gls").alpha - alpha
    assert abs(error.mean()) <= 0.005 + 3 * error.std() / math.sqrt(TRIALS)
    assert math.sqrt(np.mean(error**2)) <= 0.042 * (1 + 3 * 0.022)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_robust_is_unbiased_and_precise(alpha):
    error = dfa(arfima(alpha)).alpha - alpha
    assert abs(error.mean()) <= 0.01 + 3 * error.std() / math.sqrt(TRIALS)
    assert math.sqrt(np.mean(error**2)) <= 0.073 * (1 + 3 * 0.022)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_the_interval_holds_alpha_as_often_as_it_says(alpha, method):
    result = dfa(arfima(alpha, seed=1), method=method)
    covered = np.mean((result.low <= alpha) & (alpha <= result.high))
    assert 0.93 - 3 * COVERAGE <= covered <= 0.97 + 3 * COVERAGE


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
@each_calibrated
def test_the_stated_error_is_that_of_the_estimates(alpha, method):
    """Standard deviations of 1,000 estimates are known to 2.2 %; 5 % more for the second order."""
    result = dfa(arfima(alpha, seed=2), method=method)
    assert abs(np.mean(result.stderr) / result.alpha.std() - 1) < 0.05 + 3 * 0.022


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("alpha", [0.5, 1.2, 2.3])
def test_higher_orders(alpha, order):
    for method, most in (("gls", 0.05), ("robust", 0.1)):
        result = dfa(arfima(alpha, seed=3), order=order, method=method)
        error = result.alpha - alpha
        assert abs(error.mean()) <= 0.01 + 3 * error.std() / math.sqrt(TRIALS)
        assert error.std() <= most
        assert 0.93 - 3 * COVERAGE <= np.mean((result.low <= alpha) & (alpha <= result.high)) <= 0.97 + 3 * COVERAGE


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_confidence(method, confidence):
    result = dfa(arfima(1.0, seed=4), method=method, confidence=confidence)
    error = math.sqrt(confidence * (1 - confidence) / TRIALS)
    assert abs(np.mean((result.low <= 1.0) & (result.high >= 1.0)) - confidence) < 0.02 + 3 * error


def test_intervals_are_nested():
    x = arfima(0.8, trials=50)
    narrow, wide = (dfa(x, confidence=level) for level in (0.5, 0.95))
    np.testing.assert_array_equal(narrow.alpha, wide.alpha)
    assert np.all((wide.low < narrow.low) & (narrow.low < narrow.alpha) & (narrow.alpha < narrow.high) & (narrow.high < wide.high))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("phi", [-0.3, 0.3])
def test_robust_does_not_take_short_memory_for_long(alpha, phi):
    """Bias at most 0.06, where that of "gls" is at least twice as large."""
    x = filtered(arfima(alpha, seed=5), phi)
    robust, efficient = (dfa(x, method=method).alpha.mean() - alpha for method in ("robust", "gls"))
    assert abs(robust) <= 0.06
    assert abs(efficient) > 2 * abs(robust)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_residuals_of_the_line_are_no_interval(alpha):
    """Why the covariance is needed: points of F(s) share boxes, so they scatter about their line far less than the line about α."""
    result = dfa(arfima(alpha, seed=6), method="ols")
    log_s, log_f = np.log(result.scales), np.log(result.fluctuations)
    centred = log_s - log_s.mean()
    slope = log_f @ centred / (centred @ centred)
    residual = log_f - log_f.mean(axis=-1, keepdims=True) - slope[:, None] * centred
    stderr = np.sqrt(np.sum(residual**2, axis=-1) / (len(log_s) - 2) / (centred @ centred))
    unbiased = slope - slope.mean() + alpha  # even without its bias
    assert np.mean(np.abs(unbiased - alpha) < 1.96 * stderr) < 0.70
    assert np.mean((result.low <= alpha) & (alpha <= result.high)) > 0.92


@pytest.mark.parametrize("alpha", [0.4, 1.0, 1.6])
@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_adequacy_is_a_p_value(alpha, method):
    """3 to 7 % below 0.05, and 43 to 57 % below 0.5; three standard errors (2.1 and 4.7 %) are allowed on top."""
    p = dfa(arfima(alpha, seed=7), method=method).adequacy
    assert np.all((p >= 0) & (p <= 1))
    assert 0.03 - 0.021 <= np.mean(p < 0.05) <= 0.07 + 0.021
    assert abs(np.mean(p < 0.5) - 0.5) < 0.07 + 0.047


def test_adequacy_finds_short_memory():
    p = dfa(synthetic.ar1(N, phi=0.7, batch=(TRIALS,), seed=8), method="gls").adequacy
    assert np.mean(p < 0.05) > 0.8


def slow_estimate(log_f, n, sizes, order, method):
    """Fisher scoring with moments at any α, without a grid: h · (log F - mean(α)) = 0, started at the least misfit on a coarse grid.

    h is efficient at α, but near the ceiling it is that of order + FROZEN.
    """
    table = tables.table(n, sizes, order, 0.5).moments
    count, k = table.mean.shape

    def inverse_and_slope(alpha):
        between, slope = (interpolation(order, np.array([alpha]), derivative=flag) for flag in (False, True))
        root = (between @ table.root.reshape(count, -1)).reshape(k, k)
        covariance = root @ root.T
        if method == "robust":
            shape = PRIOR * (between @ table.short_memory)[0]
            covariance = covariance + np.outer(shape, shape)
        inverse = np.linalg.inv(covariance)
        ones = np.ones(k)
        inverse = inverse - np.outer(inverse @ ones, inverse @ ones) / (ones @ inverse @ ones)  # blind to the level
        return inverse, (slope @ table.mean)[0]

    def parts(alpha):
        inverse, slope = inverse_and_slope(alpha)
        held_inverse, held_slope = inverse_and_slope(min(alpha, order + FROZEN))
        weights = held_inverse @ held_slope
        residual = log_f - (interpolation(order, np.array([alpha])) @ table.mean)[0]
        return residual @ inverse @ residual, weights @ residual, weights @ slope

    low, high = alpha_range(order)
    coarse = np.linspace(low + 0.02, high - 0.02, 25)
    alpha = coarse[np.argmin([parts(a)[0] for a in coarse])]
    for _ in range(200):
        _, score, information = parts(alpha)
        step = score / information
        alpha = min(max(alpha + step, low), high)
        if abs(step) < 1e-10:
            break
    return alpha, parts(alpha)[2] ** -0.5


@each_calibrated
@pytest.mark.parametrize(("order", "alpha"), [(1, 0.4), (1, 1.0), (1, 1.6), (2, 1.0), (2, 2.4)])
def test_alpha_is_the_root_of_the_equation(method, order, alpha):
    """Linear between points 0.05 apart: within 2e-3 of the root found without a grid, and mostly much nearer."""
    x = arfima(alpha, n=256, trials=25, seed=9)
    result = dfa(x, order=order, method=method)
    sizes = tuple(int(s) for s in result.scales)
    slow = np.array([slow_estimate(row, 256, sizes, order, method)[0] for row in np.log(result.fluctuations)])
    difference = np.abs(result.alpha - slow)
    assert np.max(difference) < 2e-3
    assert np.median(difference) < 5e-4


@pytest.mark.parametrize("alpha", [0.5, 1.4])
def test_the_error_of_gls_is_that_of_fisher(alpha):
    x = arfima(alpha, n=256, trials=5, seed=10)
    result = dfa(x, method="gls")
    slow = [slow_estimate(row, 256, half_sizes(256, 1), 1, "gls")[1] for row in np.log(result.fluctuations)]
    np.testing.assert_allclose(result.stderr, slow, rtol=5e-3)


@each_calibrated
@pytest.mark.parametrize("order", [1, 2])
def test_a_steeper_line_never_gives_a_lower_alpha(method, order):
    """F = s^h with h from far below to far above what the order can show: α and its interval rise without a bounce."""
    sizes = half_sizes(N, order)
    calibration = tables.calibration_for(N, sizes, order, method)
    steepness = np.linspace(-1.0, order + 2.0, 400)
    mean_square = np.exp(2 * steepness[:, None] * np.log(sizes))
    found = wcdfa.inference.estimators.calibrated_estimate(mean_square, np.zeros(len(sizes)), calibration, 1.96, np)
    assert np.all(np.diff(found.alpha) >= -1e-12)
    assert found.alpha[0] == found.low[0] == 0.0
    assert abs(found.alpha[-1] - (order + 0.95)) < 1e-12
    assert np.all((found.low <= found.alpha + 1e-12) & (found.alpha <= found.high + 1e-12))
    assert np.all(np.diff(found.low) >= -1e-12)
    assert np.all(np.diff(found.high) >= -1e-12)


@each_calibrated
def test_both_ends(method):
    ramp = dfa(np.arange(500.0), method=method)
    assert abs(ramp.alpha - 1.95) < 1e-12
    assert ramp.saturated
    twice_differenced = dfa(np.diff(synthetic.white_noise(N + 2, batch=(50,), seed=11), n=2), method=method)
    np.testing.assert_array_equal(twice_differenced.alpha, 0.0)
    np.testing.assert_array_equal(twice_differenced.low, 0.0)
    walks_of_walks = dfa(arfima(2.5, trials=50), method=method)
    assert np.all(walks_of_walks.alpha > 1.8)
    assert np.all(walks_of_walks.alpha <= 1.95 + 1e-12)


@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
@pytest.mark.parametrize("sizes", [None, (3, 4), (4, 8), (3, 4, 6)])
def test_the_ends_of_the_interval_are_in_order(method, sizes):
    """Few sizes say next to nothing of α, so that the interval reaches an end of the table, the right one, more often than not."""
    for x in (arfima(0.5, n=128), arfima(1.0, n=128), arfima(1.8, n=128)):
        result = dfa(x, scales=sizes, method=method)
        assert np.all(result.low <= result.high)
        if method != "ols":
            assert np.all((result.low <= result.alpha) & (result.alpha <= result.high))


@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_saturated(method):
    """α within 0.1 of order + 1, and at a higher order no longer."""
    x = arfima(2.2, trials=20, seed=12)
    result = dfa(x, method=method)
    np.testing.assert_array_equal(result.saturated, result.alpha > 1.9)
    assert np.mean(result.saturated) > (0.7 if method == "ols" else 0.9)  # the slope has its bias
    assert not np.any(dfa(x[:5], order=2, method=method).saturated)
    assert not np.any(dfa(arfima(1.5, trials=20), method=method).saturated)


@pytest.mark.parametrize("method", ["robust", "gls"])
def test_r_squared_is_that_of_the_ordinary_line(method):
    result = dfa(arfima(1.0, trials=10), method=method)
    for r_squared, f in zip(result.r_squared, result.fluctuations, strict=True):
        np.testing.assert_allclose(r_squared, np.corrcoef(np.log(result.scales), np.log(f))[0, 1] ** 2, rtol=1e-10)


@pytest.mark.parametrize("method", ["robust", "gls"])
def test_alpha_lies_in_its_interval_whatever_the_series_is(method):
    """Sines bend log F(s) as no noise does: the estimating equation then has several roots."""
    t = np.arange(500)
    periods = np.linspace(8, 120, 60)[:, None]
    for noise in (0.0, 0.05, 0.1):
        x = np.sin(2 * np.pi * t / periods) + noise * wcdfa.synthetic.white_noise(500, seed=0)
        found = wcdfa.dfa(x, method=method)
        assert np.all((found.low <= found.alpha) & (found.alpha <= found.high))
        assert np.all(found.high - found.low > 0.01)


@pytest.mark.parametrize("alpha", [0.52, 0.775, 1.03, 1.48])
def test_long_series_of_one_exponent_fit_at_any_alpha(alpha):
    """Between two points of the grid, the misfit would grow with the number of samples."""
    x = wcdfa.synthetic.arfima(60_000, d=alpha - 0.5, batch=(25,), seed=round(100 * alpha))
    for method in ("robust", "gls"):
        result = wcdfa.dfa(x, method=method)
        assert np.mean(result.adequacy < 0.05) <= 0.2  # 0.2 of 25: 5 of them, with a probability of 0.7 % if 5 % is right
        assert np.mean((result.low < alpha) & (alpha < result.high)) >= 0.8
