"""Series of known exponent α: ARFIMA, exact by circulant embedding, with short memory, additive noise or heavy tails.

References: R. B. Davies and D. S. Harte (1987), doi:10.1093/biomet/74.1.95; P. F. Craigmile (2003), doi:10.1111/1467-9892.00318, by
which the embedding of ARFIMA(0, d, 0) with -1/2 ≤ d < 1/2 has no negative eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
SETTLED = 500  # steps after which the short memories used here have forgotten their start
Innovations = Literal["normal", "t3"]


def arfima(
    alpha: float,
    n: int,
    *,
    runs: int,
    seed: int | np.random.Generator = 0,
    ar: Sequence[float] = (),
    ma: Sequence[float] = (),
    snr: float | None = None,
    innovations: Innovations = "normal",
) -> Doubles:
    """Series of shape (runs, n). From α = 1 on it is a sum, and the short memory is that of the increments.

    snr : variance of the signal over that of white noise which is added to it. From α = 1 on that of the signal is taken within
    the series.
    """
    rng = np.random.default_rng(seed)
    before = SETTLED if ar or ma else 0
    x = _fractional(alpha - (0.5 if alpha < 1 else 1.5), n + before, runs, rng, innovations)
    x = _short(x, ar, ma)[:, before:]
    if alpha >= 1:
        x = np.cumsum(x, axis=1)
    if snr is None:
        return x
    return unit(x, alpha if not (ar or ma) else None) + snr**-0.5 * rng.standard_normal(x.shape)


def unit(x: Doubles, alpha: float | None = None) -> Doubles:
    """Series of variance 1: that of ARFIMA(0, d, 0) where it is stationary and α is given, else within each series."""
    if alpha is not None and alpha < 1:
        return x / autocovariance(alpha - 0.5, 1)[0] ** 0.5
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def norms(x: Doubles, sigma: float) -> Doubles:
    """Lognormal norms whose logarithm is the series, with the standard deviation sigma in each."""
    return np.exp(sigma * unit(x))


def with_level_step(norms: Doubles, factor: float, *, seed: int | np.random.Generator = 0, margin: int = 60) -> Doubles:
    """Multiply the level of each series once, from a step on that is at least `margin` from either end."""
    n = norms.shape[1]
    at = np.random.default_rng(seed).integers(margin, n - margin, size=(len(norms), 1))
    return norms * np.where(np.arange(n) >= at, factor, 1.0)


def autocovariance(d: float, n: int) -> Doubles:
    """Of ARFIMA(0, d, 0) at lags 0 to n, for innovations of variance 1 (J. R. M. Hosking 1981, doi:10.1093/biomet/68.1.165)."""
    lag = np.arange(1.0, n + 1)
    return math.gamma(1 - 2 * d) / math.gamma(1 - d) ** 2 * np.concatenate([[1.0], np.cumprod((lag - 1 + d) / (lag - d))])


def _fractional(d: float, n: int, runs: int, rng: np.random.Generator, innovations: Innovations) -> Doubles:
    """Exact covariances of ARFIMA(0, d, 0): innovations on a circle, filtered with the root of its spectrum.

    The phases are those of (1 - B)⁻ᵈ. With normal innovations they are irrelevant; with others each acts on what follows it.
    """
    covariance = autocovariance(d, n)
    power = np.maximum(np.fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real, 0)
    angle = np.linspace(0, np.pi, n + 1)
    phase = np.where((angle > 0) & (angle < np.pi), d * (np.pi - angle) / 2, 0)
    white = rng.standard_normal((runs, 2 * n)) if innovations == "normal" else rng.standard_t(3, size=(runs, 2 * n)) / 3**0.5
    return np.fft.irfft(np.fft.rfft(white, axis=1) * (np.sqrt(power) * np.exp(1j * phase)), axis=1)[:, :n]


def _short(x: Doubles, ar: Sequence[float], ma: Sequence[float]) -> Doubles:
    """xₜ + Σ maⱼ xₜ₋ⱼ as the innovations of an autoregression."""
    y = x.copy()
    for lag, weight in enumerate(ma, 1):
        y[:, lag:] += weight * x[:, :-lag]
    for t in range(1, y.shape[1]) if ar else ():
        for lag, weight in enumerate(ar[:t], 1):
            y[:, t] += weight * y[:, t - lag]
    return y
