"""Series with known α, generated exactly, as NumPy arrays; each generator takes a seed.

`white_noise` 0.5, `fgn` H, `arfima` d + 0.5 (one smooth family from 0 to 2, through 1/f noise at d = 0.5), `random_walk` 1.5;
`ar1` has short memory only: 0.5 at sizes well above its correlation time, more below. `binomial_cascade` and `multifractal_noise` have
an exponent h(q) for each moment q, which `cascade_exponents` and `noise_exponents` give.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.support.aliases import Seed, Series

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Seed",
    "Series",
    "ar1",
    "arfima",
    "binomial_cascade",
    "cascade_exponents",
    "fgn",
    "fractional_sum",
    "multifractal_noise",
    "noise_exponents",
    "random_walk",
    "white_noise",
]


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
    return autoregressive(x, phi)


def autoregressive(x: Series, phi: float) -> Series:
    """The recursion y[t] = phi y[t-1] + x[t] along the last axis, as a new array."""
    y = x.copy()
    shift, weight = 1, phi
    while shift < y.shape[-1] and weight:  # sums of 2, 4, 8 … terms: no loop over samples
        y[..., shift:] += weight * y[..., :-shift]
        shift, weight = 2 * shift, weight * weight
    return y


def binomial_cascade(n: int, *, weight: float, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Masses of a binomial cascade, of mean 1: multifractal, never negative, h(q) as `cascade_exponents` gives it.

    >>> binomial_cascade(8, weight=0.7, seed=0).round(3)
    array([1.176, 0.504, 0.216, 0.504, 1.176, 2.744, 0.504, 1.176])

    The mass of an interval is cut into `weight` and ``1 - weight`` of it, one for each half in random order, until there are at least
    n intervals; the first n are given.

    Raises
    ------
    ValueError
        If weight is not between 0.5 and 1, or n is below 1.

    References
    ----------
    J. Feder, Fractals (1988), section 6.2; J. W. Kantelhardt et al., Physica A 316, 87 (2002), doi:10.1016/S0378-4371(02)01383-3.
    """
    _checked_weight(weight)
    rng, levels = np.random.default_rng(seed), (_length(n) - 1).bit_length()
    mass = np.ones((*batch, 1))
    for _ in range(levels):
        left = np.where(rng.random(mass.shape) < 0.5, 2 * weight, 2 - 2 * weight)
        mass = np.stack([mass * left, mass * (2 - left)], axis=-1).reshape(*batch, -1)
    return np.ascontiguousarray(mass[..., :n])


def cascade_exponents(q: npt.ArrayLike, *, weight: float) -> Series:
    """h(q) of a `binomial_cascade`: (1 - log2(weight^q + (1 - weight)^q)) / q.

    >>> cascade_exponents([-3, 0, 2, 5], weight=0.7).round(3)
    array([1.44 , 1.126, 0.893, 0.71 ])

    Parameters
    ----------
    q : number or array
        Moments, of any sign; 0 is the limit.
    weight : float
        Between 0.5 and 1, as for `binomial_cascade`.

    Returns
    -------
    array of the shape of `q`

    Raises
    ------
    ValueError
        If weight is out of range.

    References
    ----------
    J. W. Kantelhardt et al., Physica A 316, 87 (2002), doi:10.1016/S0378-4371(02)01383-3.
    """
    moments = np.asarray(q, dtype=np.float64)
    log_weight, log_rest = math.log2(_checked_weight(weight)), math.log2(1 - weight)
    some = np.where(moments == 0, 1.0, moments)
    h = (1 - np.logaddexp2(some * log_weight, some * log_rest)) / some
    return np.where(moments == 0, -(log_weight + log_rest) / 2, h)


def multifractal_noise(n: int, *, intermittency: float, d: float = 0.0, batch: tuple[int, ...] = (), seed: Seed) -> Series:
    """Increments of a multifractal random walk, fractionally summed `d` times: h(q) = 1/2 + d + intermittency (1 - q/2).

    >>> multifractal_noise(4, intermittency=0.05, seed=0).round(2)
    array([ 0.14, -0.15,  0.47,  0.12])

    White noise is multiplied by exp(ω), ω being Gaussian with covariance `intermittency` · log(L / (lag + 1)) up to the lag L, the
    length that is generated. Its fractional sum runs over n samples before the first that is given.

    Parameters
    ----------
    n : int
        Samples in each series, at least 1.
    intermittency : float
        λ², at least 0; returns of shares have about 0.02, Gaussian noise has 0.
    d : float
        From -0.5 to below 1.5.
    batch : tuple of int
        Shape of the batch; the result has shape ``(*batch, n)``.
    seed : int or numpy.random.Generator

    Raises
    ------
    ValueError
        If intermittency is negative, d is out of range, or n is below 1.

    References
    ----------
    E. Bacry, J. Delour and J.-F. Muzy, Phys. Rev. E 64, 026103 (2001), doi:10.1103/PhysRevE.64.026103.
    """
    if not -0.5 <= d < 1.5:
        msg = f"d must lie from -0.5 to below 1.5, got {d}; h(2) is d + 0.5"
        raise ValueError(msg)
    if d >= 0.5:
        return np.cumsum(multifractal_noise(n, intermittency=intermittency, d=d - 1, batch=batch, seed=seed), axis=-1)
    rng, generated = np.random.default_rng(seed), _length(n) * (2 if d else 1)
    lags = np.arange(1.0, generated + 2)
    covariance = _checked_intermittency(intermittency) * np.log(np.maximum(generated / lags, 1))
    noise = rng.standard_normal((*batch, generated)) * np.exp(_circulant(covariance, batch, rng))
    return fractional_sum(noise, d)[..., -n:] if d else noise


def noise_exponents(q: npt.ArrayLike, *, intermittency: float, d: float = 0.0) -> Series:
    """h(q) of a `multifractal_noise`: 1/2 + d + intermittency (1 - q/2).

    >>> noise_exponents([-3, 0, 2, 5], intermittency=0.05, d=0.4)
    array([1.025, 0.95 , 0.9  , 0.825])

    Parameters
    ----------
    q : number or array
        Moments, of any sign.
    intermittency, d : float
        As for `multifractal_noise`.

    Returns
    -------
    array of the shape of `q`

    Raises
    ------
    ValueError
        If intermittency is negative.
    """
    return 0.5 + d + _checked_intermittency(intermittency) * (1 - np.asarray(q, dtype=np.float64) / 2)


def fractional_sum(x: Series, d: float) -> Series:
    """Filter series of shape ``(..., n)`` by (1 - B)^-d, as if they were 0 before their first sample: it adds d to α.

    >>> print(fractional_sum(np.array([1.0, 0.0, 0.0, 0.0]), 1).round(6))
    [1. 1. 1. 1.]

    Parameters
    ----------
    x : array of shape (..., n)
        Series, in any unit.
    d : float
        How often they are summed: 1 gives the cumulative sum, -1 the differences, and 0 leaves them as they are.

    Returns
    -------
    array of shape (..., n)
    """
    n = x.shape[-1]
    lag = np.arange(1.0, n)
    response = np.concatenate([[1.0], np.cumprod((lag - 1 + d) / lag)])
    summed: Series = np.fft.irfft(np.fft.rfft(x, 2 * n) * np.fft.rfft(response, 2 * n), 2 * n)[..., :n]
    return summed


def _checked_weight(weight: float) -> float:
    if not 0.5 < weight < 1:
        msg = f"weight must lie between 0.5 and 1, got {weight}; the other half gets the rest"
        raise ValueError(msg)
    return weight


def _checked_intermittency(intermittency: float) -> float:
    if not 0 <= intermittency < math.inf:
        msg = f"intermittency must be a number from 0 on, got {intermittency}; 0.02 is that of returns, 0 is none"
        raise ValueError(msg)
    return intermittency


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
