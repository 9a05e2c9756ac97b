"""Tests a whole curve log F(s) against replays of an optimizer, which is sharper than a test of α alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wcdfa.synthetic import arfima

Floats = npt.NDArray[np.float64]

TOLERANCE = 0.02
"""Log F(s) of an ordinary run may differ by about this much per octave from that of every replay."""
LEVELS = np.array([1, 0.9, 0.75, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005])
"""Probabilities at which the distribution of a statistic is kept; beyond the last, its tail falls exponentially."""
TAIL = 0.05  # from this probability on, the tail is taken to be exponential
LONG_MEMORY = 1.3  # α of the noise whose direction the second statistic looks in
LOUD = 2.0  # its standard deviation, relative to that of the log norms
NOISY = 200  # replicates that it is added to


@dataclass(frozen=True, eq=False)
class CurveTest:
    """What replays of one kind say of the curve log F(s) of a window.

    Two statistics, each with its distribution over the replays: the squared distance to their mean, in units of their covariance, which
    sees any other shape; and the component in the direction of long memory, which sees less, but sooner. The p-value is that of the
    smaller of the two.
    """

    mean: Floats
    """Of log F(s) - log F(s₁), shape (sizes - 1,)."""
    whitener: Floats
    """Shape (sizes - 1, sizes - 1): the distance is the norm of ``whitener @ (curve - mean)``."""
    direction: Floats
    """Shape (sizes - 1,)."""
    distances: Floats
    """Upper quantiles of the squared distance, at `LEVELS`."""
    components: Floats
    """Upper quantiles of the component in the direction of long memory, at `LEVELS`."""
    both: float
    """Factor that makes the smaller of the two p-values a p-value."""
    least_spread: float
    """Smallest standard deviation of log norms in a replay; less speaks against few coordinates, where these norms come from."""
    rises: tuple[float, float]
    """How far the level of log norms rises from the first fifth to the last: nearly the range over all replays."""

    def p_values(self, curves: Floats) -> tuple[Floats, Floats, Floats]:
        """The p-value of curves of shape (..., sizes - 1): of both statistics together, of the distance, and of the component."""
        away = curves - self.mean
        distance = np.sum((away @ self.whitener.T) ** 2, axis=-1)
        of_distance, of_component = upper_tail(distance, self.distances), upper_tail(away @ self.direction, self.components)
        return np.minimum(1.0, self.both * np.minimum(of_distance, of_component)), of_distance, of_component

    def spread(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of log F(s) at each size, relative to its mean over the sizes; each of shape (sizes,)."""
        with_first = np.vstack([np.zeros(len(self.mean)), np.eye(len(self.mean))])  # the curve is relative to the first size
        centred = with_first - with_first.mean(axis=0)
        return centred @ self.mean, np.linalg.norm(centred @ np.linalg.inv(self.whitener), axis=-1)


def curves_of(fluctuations: npt.ArrayLike) -> Floats:
    """Log F(s) relative to that of the smallest size, from F(s) of shape (..., sizes)."""
    logs = np.log(np.maximum(np.asarray(fluctuations, dtype=np.float64), 1e-300))
    return np.asarray(logs[..., 1:] - logs[..., :1])


def curve_test(logs: Floats, curves: Floats, noisy: Floats, sizes: Sequence[int]) -> CurveTest:
    """Make the test from log norms of replays, (replicates, n), their curves, (replicates, sizes - 1), and those with long memory on top."""
    mean, covariance = curves.mean(axis=0), np.cov(curves.T)
    octaves = np.log2(np.asarray(sizes[1:]) / sizes[0])
    covariance = covariance + TOLERANCE**2 * np.minimum(octaves[:, None], octaves)
    whitener = np.linalg.inv(np.linalg.cholesky(covariance))
    away = curves - mean
    direction = whitener.T @ whitener @ (noisy.mean(axis=0) - mean)
    direction = direction / np.sqrt(direction @ covariance @ direction)
    distance = _left_out(np.sum((away @ whitener.T) ** 2, axis=-1), len(curves))
    component = away @ direction
    distances, components = _quantiles(distance), _quantiles(component)
    smaller = np.minimum(upper_tail(distance, distances), upper_tail(component, components))
    both = max(1.0, 0.05 / float(np.quantile(smaller, 0.05)))
    low, high = np.quantile(rise(logs), [0.002, 0.998])
    return CurveTest(
        mean, whitener, direction, distances, components, both, float(logs.std(axis=-1).min()), (float(low), float(high))
    )


def rise(logs: Floats) -> Floats:
    """How far the level of log norms, shape (..., n), rises from the first fifth to the last."""
    fifth = max(1, logs.shape[-1] // 5)
    return np.asarray(logs[..., -fifth:].mean(axis=-1) - logs[..., :fifth].mean(axis=-1))


def with_long_memory(logs: Floats) -> Floats:
    """Add long memory to some of the log norms, shape (replicates, n), to find its direction."""
    few = logs[:NOISY]
    noise = arfima(few.shape[-1], d=LONG_MEMORY - 0.5, batch=(len(few),), seed=0)
    noise = (noise - noise.mean(axis=-1, keepdims=True)) / noise.std(axis=-1, keepdims=True)
    return np.asarray(few + LOUD * few.std() * noise)


def _left_out(distance: Floats, count: int) -> Floats:
    """Squared distances of replays from a mean and covariance of which they are part, as if each had been left out."""
    inner = distance * (count - 2) / (count - 1)
    return np.asarray((count / (count - 1)) ** 2 * inner / np.maximum(1 - count / ((count - 1) * (count - 2)) * inner, 0.05))


def _quantiles(values: Floats) -> Floats:
    return np.asarray(np.quantile(values, 1 - LEVELS))


def upper_tail(values: npt.ArrayLike, quantiles: Floats) -> Floats:
    """Probability of a value at least this large, given upper quantiles at `LEVELS`; NaN for NaN.

    >>> at_levels = -np.log(LEVELS)
    >>> print(upper_tail([0.0, 3.0, 12.0], at_levels).round(6))
    [1.0000e+00 4.9787e-02 6.0000e-06]
    """
    x = np.asarray(values, dtype=np.float64)
    inside = np.exp(np.interp(x, quantiles, np.log(LEVELS)))
    at, last = quantiles[LEVELS == TAIL][0], quantiles[-1]
    decay = np.log(TAIL / LEVELS[-1]) / max(last - at, 1e-12)
    beyond = LEVELS[-1] * np.exp(-decay * np.maximum(x - last, 0))
    return np.asarray(np.where(np.isnan(x), np.nan, np.where(x > last, beyond, inside)))
