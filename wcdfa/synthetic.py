"""Series with known α, generated exactly, as NumPy arrays; each generator takes a seed.

`white_noise` 0.5, `fgn` H, `arfima` d + 0.5 (one smooth family from 0 to 2, through 1/f noise at d = 0.5), `random_walk` 1.5;
`ar1` has short memory only: 0.5 at sizes well above its correlation time, more below.
"""

from __future__ import annotations

import math

import numpy as np

from wcdfa.support.aliases import Seed, Series

__all__ = ["Seed", "Series", "ar1", "arfima", "fgn", "random_walk", "white_noise"]


def white_noise(n: int, *, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Independent standard normal numbers: α = 0.5.

    >>> white_noise(4, seed=0).round(2)
    array([ 0.13, -0.13,  0.64,  0.1 ])

    Parameters
    ----------
    n : int
        Samples in each series, at least 1.
    batch : tuple of int
        Shape of the batch; the result has shape ``(*batch, n)``.
    seed : int or numpy.random.Generator

    Raises
    ------
    ValueError
        If n is below 1.
    """
    return np.random.default_rng(seed).standard_normal((*batch, _length(n)))


def random_walk(n: int, *, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Running sum of white noise: α = 1.5.

    >>> random_walk(4, seed=0).round(2)
    array([ 0.13, -0.01,  0.63,  0.74])
    """
    return np.cumsum(white_noise(n, batch=batch, seed=seed), axis=-1)


def fgn(n: int, *, hurst: float, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Fractional Gaussian noise of unit variance, exact, by circulant embedding: α = `hurst`, between 0 and 1.

    >>> fgn(4, hurst=0.7, seed=0).round(2)
    array([ 0.17, -0.57, -1.32,  0.41])

    Raises
    ------
    ValueError
        If `hurst` is not between 0 and 1, or n is below 1.

    References
    ----------
    R. B. Davies and D. S. Harte, Biometrika 74, 95 (1987), doi:10.1093/biomet/74.1.95.
    """
    if not 0 < hurst < 1:
        msg = f"hurst must lie between 0 and 1, got {hurst}; for α of 1 and more use arfima(d=α - 0.5)"
        raise ValueError(msg)
    lag = np.arange(_length(n) + 1, dtype=np.float64)
    power = 2 * hurst
    autocovariance = 0.5 * ((lag + 1) ** power - 2 * lag**power + np.abs(lag - 1) ** power)
    return _circulant(autocovariance, batch, seed)


def arfima(n: int, *, d: float, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """ARFIMA(0, d, 0) with innovations of unit variance, exact: α = d + 0.5, for d from -0.5 to below 1.5.

    >>> arfima(4, d=0.2, seed=0).round(2)
    array([ 0.18, -0.56, -1.41,  0.48])

    From d = 0.5 on, where the process is not stationary, it is the running sum of ARFIMA(0, d - 1, 0): α is continuous through 1.

    Raises
    ------
    ValueError
        If d is not from -0.5 to below 1.5, or n is below 1.

    References
    ----------
    J. R. M. Hosking, Biometrika 68, 165 (1981), doi:10.1093/biomet/68.1.165.
    """
    if not -0.5 <= d < 1.5:
        msg = f"d must lie from -0.5 to below 1.5, got {d}; α is d + 0.5"
        raise ValueError(msg)
    if d >= 0.5:
        return np.cumsum(arfima(n, d=d - 1, batch=batch, seed=seed), axis=-1)
    lag = np.arange(1, _length(n) + 1, dtype=np.float64)
    variance = math.exp(math.lgamma(1 - 2 * d) - 2 * math.lgamma(1 - d))
    ratios = (lag - 1 + d) / (lag - d)
    return _circulant(variance * np.concatenate([[1.0], np.cumprod(ratios)]), batch, seed)


def ar1(n: int, *, phi: float, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Stationary first-order autoregression x[t] = phi x[t-1] + e[t], e of unit variance: short memory, no long one.

    >>> ar1(4, phi=0.9, seed=0).round(2)
    array([0.29, 0.13, 0.76, 0.78])

    Raises
    ------
    ValueError
        If phi is not between -1 and 1, or n is below 1.
    """
    if not -1 < phi < 1:
        msg = f"phi must lie between -1 and 1, got {phi}; phi = 1 is random_walk()"
        raise ValueError(msg)
    x = white_noise(n, batch=batch, seed=seed)
    x[..., 0] /= math.sqrt(1 - phi * phi)
    shift, weight = 1, phi
    while shift < n and weight:  # sums of 2, 4, 8 … terms: the recursion without a loop over samples
        x[..., shift:] += weight * x[..., :-shift]
        shift, weight = 2 * shift, weight * weight
    return x


def _circulant(autocovariance: Series, batch: tuple[int, ...], seed: Seed) -> Series:
    """Gaussian series whose autocovariance at lags 0 … n is exactly the one given."""
    n = len(autocovariance) - 1
    power = np.fft.rfft(np.concatenate([autocovariance, autocovariance[-2:0:-1]])).real
    power = np.maximum(power, 0)  # not negative for these processes; rounding may leave -1e-17
    rng = np.random.default_rng(seed)
    real, imaginary = rng.standard_normal((2, *batch, n + 1))
    imaginary[..., 0] = imaginary[..., -1] = 0
    scale = np.sqrt(power * n)
    scale[0], scale[-1] = scale[0] * math.sqrt(2), scale[-1] * math.sqrt(2)
    series: Series = np.fft.irfft(scale * (real + 1j * imaginary), n=2 * n, axis=-1)[..., :n]
    return series


def _length(n: int) -> int:
    if n < 1:
        msg = f"n must be at least 1, got {n}"
        raise ValueError(msg)
    return n
