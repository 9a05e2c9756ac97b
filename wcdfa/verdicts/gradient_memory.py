"""The memory of gradients, from the sketch: the optimizer's own memory is undone, and what is left is compared with itself at each lag."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.memory_filter import MemoryFilter
from wcdfa.verdicts.record import Record

Floats = npt.NDArray[np.float64]

FAR = (20, 40)
"""Lags at which only a mean gradient, or what changes slowly, is left."""


class Correlations(NamedTuple):
    """Autocorrelation of gradients as vectors: an estimate for each step, whose mean over the steps is that of the window."""

    each: Floats
    """Shape (n, lags): the products at each step over the mean square; NaN where a step or the one before is missing."""

    def mean(self, weights: dict[int, float]) -> tuple[float, float]:
        """A weighted sum over lags, and its standard error, from the spread over the steps."""
        series = self.series(weights)
        known = series[np.isfinite(series)]
        if len(known) < 20:
            return math.nan, math.nan
        return float(known.mean()), _stderr(known)

    def series(self, weights: dict[int, float]) -> Floats:
        """The weighted sum over lags at each step."""
        return np.asarray(sum(weight * self.each[:, lag] for lag, weight in weights.items()))


def correlations(record: Record, lags: int = FAR[1], undone: MemoryFilter | None = None) -> Correlations | None:
    """Autocorrelation of the gradients of a record at lags 0 to `lags`; None without a sketch, or if steps are missing.

    The memory of the named optimizer is undone, or that which is given. Each coordinate counts the same, except those that never move.
    """
    if record.sketch is None or not record.consecutive or len(record) < 2 * lags:
        return None
    scaled = record.sketch / record.rates[:, np.newaxis]
    undone = record.filter if undone is None else undone
    left = scaled if undone is None else undone.undo(scaled)
    with np.errstate(all="ignore"):
        square = np.where(np.isfinite(left), left**2, 0.0).sum(axis=0) / np.maximum(np.isfinite(left).sum(axis=0), 1)
    moving = np.isfinite(square) & (square > 0)
    if not moving.any():
        return None
    left = left[:, moving] / np.sqrt(square[moving])
    each = np.full((len(record), lags + 1), math.nan)
    start = len(record) - len(left)
    for lag in range(lags + 1):
        each[start + lag :, lag] = (left[lag:] * left[: len(left) - lag]).mean(axis=1)
    return Correlations(each)


def contrast(near: dict[int, float]) -> dict[int, float]:
    """Weights of lags less the mean over the far lags."""
    share = sum(near.values()) / (FAR[1] - FAR[0] + 1)
    return near | {lag: -share for lag in range(FAR[0], FAR[1] + 1)}


def _stderr(values: Floats) -> float:
    """Standard error of a mean whose terms may have memory: from means of blocks of 10 steps."""
    blocks = values[: len(values) // 10 * 10].reshape(-1, 10).mean(axis=1)
    if len(blocks) < 5:
        return math.nan
    return float(blocks.std(ddof=1) / math.sqrt(len(blocks)))
