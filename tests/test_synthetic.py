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


def test_cascade_is_what_it_is_called():
    """Its masses are the products of a binomial measure, and a binary tree of sums has the two weights at each node."""
    masses = synthetic.binomial_cascade(64, weight=0.7, batch=(3,), seed=0)
    expected = np.sort(64 * np.array([0.7**k * 0.3 ** (6 - k) for k in range(7) for _ in range(math.comb(6, k))]))
    np.testing.assert_allclose(np.sort(masses, axis=-1), np.tile(expected, (3, 1)), rtol=1e-12)
    while masses.shape[-1] > 1:
        pairs = masses.reshape(3, -1, 2)
        np.testing.assert_allclose(
            np.sort(pairs / pairs.sum(axis=-1, keepdims=True), axis=-1), np.broadcast_to([0.3, 0.7], pairs.shape)
        )
        masses = pairs.sum(axis=-1)
    assert synthetic.binomial_cascade(5, weight=0.6, seed=1).shape == (5,)


def test_exponents_of_a_cascade_are_those_of_its_partition():
    masses, q = synthetic.binomial_cascade(1024, weight=0.7, seed=0) / 1024, np.array([-3.0, 0.0, 1.0, 2.5])
    sums = [np.log2(np.sum(masses.reshape(-1, size).sum(axis=-1)[:, None] ** q, axis=0)) for size in (1, 1024)]
    tau = (sums[1] - sums[0]) / 10
    h = synthetic.cascade_exponents(q, weight=0.7)
    np.testing.assert_allclose(q * h - 1, tau, atol=1e-9)
    assert h[1] == pytest.approx(
        (synthetic.cascade_exponents(1e-6, weight=0.7) + synthetic.cascade_exponents(-1e-6, weight=0.7)) / 2
    )


def test_without_intermittency_multifractal_noise_is_a_fractional_sum():
    assert np.all(synthetic.noise_exponents([-3, 2, 5], intermittency=0, d=0.3) == 0.8)
    x = synthetic.multifractal_noise(33, intermittency=0.0, d=0.3, batch=(TRIALS,), seed=1)
    response = synthetic.fractional_sum(np.eye(1, 66)[0], 0.3)
    for lag in (0, 1, 5):
        mean, error = covariance(x, lag)
        assert abs(mean - response[:34] @ response[lag : 34 + lag]) < 5 * error  # 33 samples come before the first


def test_logarithms_of_multifractal_noise_have_its_covariance():
    """Those of white noise add nothing at lags above 0."""
    x = np.log(np.abs(synthetic.multifractal_noise(64, intermittency=0.3, batch=(TRIALS,), seed=1)))
    x -= x.mean()
    for lag in (1, 5, 40):
        mean, error = covariance(x, lag)
        assert abs(mean - 0.3 * math.log(64 / (lag + 1))) < 5 * error


@pytest.mark.parametrize(
    ("generate", "options", "message"),
    [
        (synthetic.binomial_cascade, {"weight": 0.5}, r"between 0\.5 and 1"),
        (synthetic.multifractal_noise, {"intermittency": -0.1}, "from 0 on"),
        (synthetic.multifractal_noise, {"intermittency": 0.1, "d": 1.5}, r"below 1\.5"),
    ],
)
def test_multifractals_refuse_what_they_cannot_make(generate, options, message):
    with pytest.raises(ValueError, match=message):
        generate(10, seed=0, **options)
