"""How ρ(s) varies between series that have nothing to do with each other but share the memory of the measured ones."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.cross.frame import Frame
from wcdfa.inference.approximate_moments import SAMPLES, arfima_of
from wcdfa.inference.moments import alpha_range
from wcdfa.kernel.polynomials import frozen
from wcdfa.support.aliases import Series
from wcdfa.surrogates import phase_randomised

STEP = 0.05  # of α in the nulls that are kept: below the error of a measured one
LONGEST = 4096  # samples of simulated series; with more, z varies as one over the square root of the number of boxes


class Null(NamedTuple):
    """z = artanh ρ(s) of pairs without coupling."""

    magnitudes: Series  # |z|, (replicates, lags, sizes), sorted along the first axis
    deviation: Series  # standard deviation of z, (lags, sizes)
    largest: Series  # the largest |z| / deviation of each pair, sorted, (replicates,)
    covariance: Series  # of z between sizes, (lags, sizes, sizes)

    def p_by_size(self, z: Series) -> Series:
        """The share of pairs whose |z| is at least this, at each lag and size."""
        more = np.sum(self.magnitudes >= np.abs(z), axis=0)
        return np.asarray((1 + more) / (1 + len(self.magnitudes)))

    def p_value(self, z: Series) -> float:
        """The share of pairs that are so far from 0 at any lag or size."""
        more = len(self.largest) - np.searchsorted(self.largest, self.statistic(z), side="left")
        return float((1 + more) / (1 + len(self.largest)))

    def statistic(self, z: Series) -> float:
        """The largest |z| over lags and sizes, in standard deviations."""
        return float(np.max(np.abs(z) / self.deviation))

    def reach(self, confidence: float) -> Series:
        """How far z is from 0 in this share of pairs, (lags, sizes)."""
        place = min(int(np.ceil(confidence * (len(self.magnitudes) + 1))), len(self.magnitudes)) - 1
        return np.asarray(self.magnitudes[place])


def null_of(z: Series) -> Null:
    """The null from z of simulated pairs, (replicates, lags, sizes)."""
    deviation = np.sqrt(np.mean(z * z, axis=0))
    magnitude = np.abs(z)
    covariance = np.einsum("rls,rlt->lst", z, z) / len(z)
    largest = np.sort(np.max(magnitude / deviation, axis=(1, 2)))
    return Null(*map(frozen, (np.sort(magnitude, axis=0), deviation, largest, covariance)))


def rounded(alpha: float, order: int) -> float:
    """The α of the null that is kept for a measured α.

    >>> rounded(0.987, 1)
    1.0
    """
    low, high = alpha_range(order)
    return round(min(max(round(alpha / STEP) * STEP, low), high), 6)


def memory_null(frame: Frame, alpha_x: float, alpha_y: float, replicates: int, seed: int) -> Null:
    """The null of pairs of independent Gaussian series, ARFIMA(0, α - 1/2, 0) with the two α; it is kept."""
    return _memory_null(frame, rounded(alpha_x, frame.order), rounded(alpha_y, frame.order), replicates, seed)


@lru_cache(maxsize=256)
def _memory_null(frame: Frame, alpha_x: float, alpha_y: float, replicates: int, seed: int) -> Null:
    shorter = _shorter(frame)
    rng = np.random.default_rng([seed, frame.n, frame.order])
    parts = []
    for start in range(0, replicates, max(1, SAMPLES // shorter.n)):
        count = min(max(1, SAMPLES // shorter.n), replicates - start)
        x, y = (arfima_of(alpha, shorter.n, count, rng) for alpha in (alpha_x, alpha_y))
        parts.append(np.arctanh(shorter.coefficients(x, y)))
    return null_of(np.concatenate(parts) * np.sqrt(shorter.boxes() / frame.boxes()))


def _shorter(frame: Frame) -> Frame:
    """The frame of the series to simulate: far from its ends a series looks the same everywhere."""
    span = frame.n - frame.compared
    n = max(LONGEST, 4 * frame.sizes[-1]) + span
    return frame if frame.n <= n else frame._replace(n=n, breaks=())


def phase_null(frame: Frame, x: Series, y: Series, replicates: int, seed: int) -> Null:
    """The null of pairs with the spectra of these two series and random phases."""
    rng = np.random.default_rng([seed, frame.n, frame.order])
    parts = []
    for start in range(0, replicates, max(1, SAMPLES // frame.n)):
        count = min(max(1, SAMPLES // frame.n), replicates - start)
        parts.append(np.arctanh(frame.coefficients(*(phase_randomised(each, count, seed=rng) for each in (x, y)))))
    return null_of(np.concatenate(parts))
