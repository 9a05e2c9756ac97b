"""The power spectrum of a series by sine tapers, averaged over bins that widen with the frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

TAPERS = 2  # their side lobes fall off as frequency to the power -4
INFORMATION = TAPERS / (TAPERS + 0.5)  # neighbouring ordinates share what they know: so much of their likelihood is new
WIDENING = 0.07  # a bin is so wide as a share of its frequency …
FEWEST = 50  # … and never wider than the whole spectrum divided by this
LEAKING = 40  # ordinates, from the lowest, whose leakage is taken into account
RANGE, CENTRE, POWERS = (-0.5, 1.45), 0.5, 9  # of the polynomial in d that describes it
REFERENCE = 2048  # samples
SHORTEST = 32  # samples of a stretch: a shorter one says too little


class Spectrum(NamedTuple):
    """Power per bin of k series with the same frequencies."""

    frequency: Values
    """Mean angular frequency of each bin, from above 0 to below π, shape (bins,)."""
    power: Values
    """Mean power in each bin, with a mean of 1 over all ordinates, shape (k, bins)."""
    ordinates: Values
    """Number of ordinates in each bin, shape (bins,)."""
    leakage: Values
    """Coefficients of `leakage`, averaged over the ordinates in each bin, shape (powers, bins)."""
    unit: Values
    """Spectral density, as a sum of autocovariances, that stands for a power of 1, shape (k,)."""


def spectrum(stretches: Sequence[Values]) -> Spectrum:
    """Spectrum of k series that consist of stretches, each of shape (k, samples); each stretch may have a level of its own.

    >>> found = spectrum([np.random.default_rng(0).standard_normal((1, 1000))])
    >>> print(len(found.frequency), int(found.ordinates.sum()), f"{found.power[0, -1]:.1f}")
    95 499 0.7

    The ordinates of all stretches are put in order of frequency before they are averaged, so that short stretches add to what a
    long one says of high frequencies.

    References
    ----------
    K. S. Riedel, A. Sidorenko, IEEE Trans. Signal Process. 43, 188 (1995), doi:10.1109/78.365298.
    """
    parts = [_ordinates(each) for each in stretches]
    frequency = np.concatenate([each for each, _ in parts])
    power = np.concatenate([each for _, each in parts], axis=-1)
    leaks = np.concatenate([_leakage_of(len(each)) for each, _ in parts], axis=-1)
    if len(parts) > 1:
        order = np.argsort(frequency, kind="stable")
        frequency, power, leaks = frequency[order], power[:, order], leaks[:, order]
    starts, count = _bins(len(frequency))
    mean = power.mean(axis=-1, keepdims=True)
    binned = np.add.reduceat(power / np.where(mean > 0, mean, np.nan), starts, axis=-1) / count
    means = (np.add.reduceat(each, starts, axis=-1) / count for each in (frequency, leaks))
    frequency, leaks = means
    return Spectrum(frequency, binned, count, leaks, mean[:, 0] / TAPERS)


def _ordinates(x: Values) -> tuple[Values, Values]:
    """Angular frequencies 2πj/n between 0 and π, and the power there, averaged over the tapers."""
    n = x.shape[-1]
    x = x - x.mean(axis=-1, keepdims=True)
    power = np.zeros((len(x), (n + 1) // 2 - 1))
    for taper in _tapers(n):
        power += np.abs(np.fft.rfft(taper * x, axis=-1)[:, 1 : (n + 1) // 2]) ** 2
    return 2 * np.pi / n * np.arange(1, (n + 1) // 2), power


@lru_cache(maxsize=8)
def _tapers(n: int) -> Values:
    """Orthonormal sine tapers, shape (TAPERS, n)."""
    time = np.pi * np.arange(1, n + 1) / (n + 1)
    return np.asarray(np.sqrt(2 / (n + 1)) * np.sin(np.arange(1, TAPERS + 1)[:, None] * time))


def leakage(d: Values, coefficients: Values) -> tuple[Values, Values]:
    """Log of how much more power the tapers let through than |2 sin ω/2|^(-2d) at the frequency itself, and its slope in d.

    Parameters
    ----------
    d : numbers of shape (rows, 1)
    coefficients : numbers of shape (powers, bins)

    Returns
    -------
    numbers of shape (rows, bins), twice
    """
    inside = np.clip(d, *RANGE)
    powers = (inside - CENTRE) ** np.arange(POWERS)
    slopes = np.arange(1, POWERS) * powers[:, :-1] * (inside == d)
    return powers @ coefficients, slopes @ coefficients[1:]


def _leakage_of(ordinates: int) -> Values:
    """Coefficients of `leakage` at each ordinate, shape (POWERS, ordinates)."""
    found = np.zeros((POWERS, ordinates))
    known = min(ordinates, LEAKING)
    found[:, :known] = _leaks()[:, :known]
    return found


@lru_cache(maxsize=1)
def _leaks() -> Values:
    """Exact leakage of the lowest ordinates of `REFERENCE` samples; that of any number, because a power law has no scale."""
    at = np.linspace(*RANGE, 4 * POWERS)
    frequency = 2 * np.pi / REFERENCE * np.arange(1, LEAKING + 1)
    weights = _tapers(REFERENCE)[:, None] * np.exp(-1j * frequency[:, None] * np.arange(REFERENCE))
    weights -= weights.mean(axis=-1, keepdims=True)  # as the mean is subtracted from the series
    sums = np.fft.fft(np.cumsum(weights, axis=-1), 2 * REFERENCE)  # of the differences of the series, which are stationary
    products = np.fft.ifft(np.abs(sums) ** 2).real[..., :REFERENCE]
    products[..., 1:] *= 2
    covariance = np.stack([_autocovariance(d - 1, REFERENCE) for d in at.tolist()])
    power = (products @ covariance.T).sum(axis=0)
    log_ratio = np.log(power) + at * 2 * np.log(2 * np.sin(frequency / 2))[:, None]
    found: Values = np.linalg.lstsq((at[:, None] - CENTRE) ** np.arange(POWERS), log_ratio.T - math.log(TAPERS), rcond=None)[0]
    return found


def _autocovariance(d: float, lags: int) -> Values:
    """Of ARFIMA(0, d, 0) with innovations of unit variance, for d below 1/2 (J. R. M. Hosking, doi:10.1093/biomet/68.1.165)."""
    lag = np.arange(1.0, lags)
    ratios = np.cumprod((lag - 1 + d) / (lag - d))
    variance = math.exp(math.lgamma(1 - 2 * d) - 2 * math.lgamma(1 - d))
    return np.asarray(variance * np.concatenate([[1.0], ratios]))


@lru_cache(maxsize=32)
def _bins(ordinates: int) -> tuple[Indices, Values]:
    """First ordinate of each bin, and how many it holds."""
    edges = [0]
    widest = max(1, ordinates // FEWEST)
    while edges[-1] < ordinates:
        edges.append(min(ordinates, edges[-1] + max(1, min(int(WIDENING * edges[-1]), widest))))
    return np.array(edges[:-1]), np.diff(np.array(edges, dtype=np.float64))
