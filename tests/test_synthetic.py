"""The generators are exact: moments against theory, seeds, shapes, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa import synthetic

TRIALS = 20_000


def covariance(x, lag):
    """Mean of x[0] x[lag] over the trials, and its standard error."""
    products = x[:, 0] * x[:, lag]
    return products.mean(), products.std() / math.sqrt(len(products))


def fgn_covariance(hurst, lag):
    return 0.5 * (abs(lag + 1) ** (2 * hurst) - 2 * abs(lag) ** (2 * hurst) + abs(lag - 1) ** (2 * hurst))


def arfima_covariance(d, lag):
    value = math.gamma(1 - 2 * d) / math.gamma(1 - d) ** 2
    for k in range(1, lag + 1):
        value *= (k - 1 + d) / (k - d)
    return value


CASES = {
    "white": (synthetic.white_noise, {}, lambda lag: float(lag == 0)),
    "fgn 0.2": (synthetic.fgn, {"hurst": 0.2}, lambda lag: fgn_covariance(0.2, lag)),
    "fgn 0.9": (synthetic.fgn, {"hurst": 0.9}, lambda lag: fgn_covariance(0.9, lag)),
    "arfima -0.3": (synthetic.arfima, {"d": -0.3}, lambda lag: arfima_covariance(-0.3, lag)),
    "arfima 0.4": (synthetic.arfima, {"d": 0.4}, lambda lag: arfima_covariance(0.4, lag)),
    "ar1 0.9": (synthetic.ar1, {"phi": 0.9}, lambda lag: 0.9**lag / (1 - 0.81)),
    "ar1 -0.5": (synthetic.ar1, {"phi": -0.5}, lambda lag: (-0.5) ** lag / 0.75),
}


@pytest.mark.parametrize("case", CASES)
def test_covariance(case):
    generate, options, theory = CASES[case]
    x = generate(33, batch=(TRIALS,), seed=11, **options)
    for lag in (0, 1, 2, 5, 32):
        mean, error = covariance(x, lag)
        assert abs(mean - theory(lag)) < 5 * error, lag
    assert abs(x.mean()) < 5 * x.mean(axis=1).std() / math.sqrt(TRIALS)


def test_sums():
    np.testing.assert_array_equal(synthetic.random_walk(9, seed=1), np.cumsum(synthetic.white_noise(9, seed=1)))
    np.testing.assert_array_equal(synthetic.arfima(9, d=0.7, seed=1), np.cumsum(synthetic.arfima(9, d=0.7 - 1, seed=1)))
    np.testing.assert_allclose(np.diff(synthetic.arfima(100, d=0.5, seed=1)), synthetic.arfima(100, d=-0.5, seed=1)[1:], atol=1e-12)


def test_ar1_is_its_recursion():
    x, e = synthetic.ar1(200, phi=-0.7, seed=3), synthetic.white_noise(200, seed=3)
    np.testing.assert_allclose(x[1:], -0.7 * x[:-1] + e[1:], atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_shape_and_seed(case):
    generate, options, _ = CASES[case]
    x = generate(10, batch=(2, 3), seed=5, **options)
    assert x.shape == (2, 3, 10)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, generate(10, batch=(2, 3), seed=5, **options))
    np.testing.assert_array_equal(x, generate(10, batch=(2, 3), seed=np.random.default_rng(5), **options))
    assert not np.array_equal(x, generate(10, batch=(2, 3), seed=6, **options))
    assert np.all(np.isfinite(generate(1, seed=0, **options)))
    assert np.all(np.isfinite(generate(2, seed=0, **options)))


@pytest.mark.parametrize(
    ("generate", "n", "options", "message"),
    [
        (synthetic.white_noise, 0, {}, "n must be at least 1, got 0"),
        (synthetic.fgn, 10, {"hurst": 1.0}, r"hurst must lie between 0 and 1, got 1\.0"),
        (synthetic.fgn, 10, {"hurst": 0.0}, r"got 0\.0"),
        (synthetic.arfima, 10, {"d": 1.5}, r"d must lie from -0\.5 to below 1\.5, got 1\.5"),
        (synthetic.arfima, 10, {"d": -0.6}, r"got -0\.6"),
        (synthetic.ar1, 10, {"phi": 1.0}, r"phi must lie between -1 and 1, got 1\.0"),
    ],
)
def test_bad_input(generate, n, options, message):
    with pytest.raises(ValueError, match=message):
        generate(n, seed=0, **options)
