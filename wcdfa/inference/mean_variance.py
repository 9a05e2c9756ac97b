"""The variance of the mean of n samples, from the spectrum of the series.

It is ∫ S(ω) K(ω) dω / π from 0 to π, with K = sin²(nω/2) / (n sin ω/2)². For ARFIMA(0, d, 0) it is known in closed form, which corrects
the first bin, where S may rise without bound.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.multitaper import POWERS, Spectrum
from wcdfa.inference.spectral_models import density, log_density
from wcdfa.inference.spectral_prior import Components, D

Values = npt.NDArray[np.float64]

LOWEST = 0.02  # upper end of the first bin, as a share of the first frequency 2π/n: below it, short memory is flat
WIDENING = 0.07  # width of a bin, as a share of its frequency
LOBES = 40  # beyond so many lobes of K its mean is taken, over whole lobes
NODES = 8  # of Gauss and Legendre's rule, in bins of less than a lobe or so
EDGE = 1e-6  # so near to d = ±1/2 the closed form is taken at most

_lgamma = np.vectorize(math.lgamma, otypes=[np.float64])


class Weights(NamedTuple):
    """Bins of frequency, and ∫ K dω / π over each."""

    at: Spectrum
    integral: Values


def arfima_variance(n: int, d: Values) -> Values:
    """Variance of the mean of n samples of ARFIMA(0, d, 0) with innovations of unit variance, for d between -1/2 and 1/2.

    >>> print(arfima_variance(100, np.array([-0.3, 0.0, 0.3])).round(5))
    [0.00113 0.01    0.18863]

    References
    ----------
    F. Sowell, Econometrica 58, 495 (1990), doi:10.2307/2938213.
    """
    d = np.clip(d, EDGE - 0.5, 0.5 - EDGE)
    factor = np.exp(_lgamma(1 - 2 * d) - _lgamma(1 + d) - _lgamma(1 - d)) / (1 + 2 * d)
    sum_of = np.exp(_lgamma(n + 1 + d) - _lgamma(n - d)) + d * np.exp(_lgamma(1 + d) - _lgamma(1 - d))
    return np.asarray(factor * sum_of / n**2)


def log_variance(points: Values, of: Components, n: int) -> Values:
    """Log of the variance of the mean, in the unit of the spectrum, for parameters of shape (rows, SIZE): shape (rows,)."""
    at = weights_of(n).at
    return np.asarray(np.log(_shares(log_density(points, of, at), points[:, D], n).sum(axis=-1)))


def slope_of_log_variance(points: Values, of: Components, n: int) -> Values:
    """Gradient of `log_variance` by the parameters beside d, shape (rows, SIZE); that by d leaves out how the first bin changes."""
    found = density(points, of, weights_of(n).at)
    shares = _shares(found.log, points[:, D], n)
    return np.asarray((found.gradient @ shares[..., None])[..., 0] / shares.sum(axis=-1, keepdims=True))


def _shares(log: Values, d: Values, n: int) -> Values:
    """Share of each bin in the variance, shape (rows, bins)."""
    at, integral = weights_of(n)
    gain = np.exp(-d[:, None] * 2 * np.log(2 * np.sin(at.frequency / 2)))
    shares = integral * np.exp(log)
    first = np.maximum(arfima_variance(n, d) - gain[:, 1:] @ integral[1:], 0)  # of ARFIMA(0, d, 0), whose variance is known
    shares[:, 0] = np.exp(log[:, 0]) * first / gain[:, 0]
    return shares


@lru_cache(maxsize=32)
def weights_of(n: int) -> Weights:
    """Bins that widen with the frequency, from 0 to π."""
    edges = _edges(n)
    nodes, shares = np.polynomial.legendre.leggauss(NODES)
    low, width = edges[:-1, None], np.diff(edges)[:, None]
    at = low + width * (nodes + 1) / 2
    part = shares * width / 2 * (np.sin(n * at / 2) / (n * np.sin(at / 2))) ** 2
    integral, moment = part.sum(axis=-1), (part * at).sum(axis=-1)
    frequency = moment / integral
    wide = edges[:-1] >= 2 * math.pi / n * LOBES
    integral[wide] = -np.diff(_tail(edges, n))[wide]
    frequency[wide] = np.sqrt(edges[:-1] * edges[1:])[wide]
    bins = len(frequency)
    at_all = Spectrum(frequency, np.empty((0, bins)), np.ones(bins), np.zeros((POWERS, bins)), np.empty(0))
    return Weights(at_all, integral / math.pi)


def _edges(n: int) -> Values:
    first = 2 * math.pi / n
    count = math.ceil(math.log(n / 2 / LOWEST) / WIDENING)
    edges = np.concatenate([[0.0], np.geomspace(LOWEST * first, math.pi, count + 1)])
    whole = edges > LOBES * first
    edges[whole] = np.rint(edges[whole] / first) * first  # whole lobes
    edges[-1] = math.pi
    return np.unique(edges)


def _tail(x: Values, n: int) -> Values:
    """∫ dω / (2 n² sin² ω/2) from x to π: K with its mean over a lobe."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (n**2 * np.tan(x / 2)))
