"""Slopes of log F(s) over a few small box sizes, with intervals, in any windows of one series, breaks included.

F² of a box depends on the box only, so it is computed once for a box at every sample. In a window, boxes lie side by side from its first
sample and from each break: their mean is a difference of running sums, whatever the number and the steps of the windows.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.approximate_moments import boxes_of
from wcdfa.inference.moments import alpha_range, exact_moments, interpolation
from wcdfa.inference.range_exponents import slope_weights
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.boxes import box_mean_squares
from wcdfa.kernel.polynomials import frozen

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

STEP = 0.05  # of the grid of α on which mean and covariance of log F are tabulated
BASE = 16  # boxes of the largest size in the series that they are computed for
AT_ONCE = 2048  # windows whose intervals are found together


class Slopes(NamedTuple):
    """Slopes of log F(s) on log s, each of shape ``(windows,)``; NaN where a size has no box, or its boxes do not fluctuate."""

    slope: Values
    low: Values
    high: Values
    boxes: Places
    """Boxes of the largest size."""


class Expected(NamedTuple):
    """What series of one exponent show at these sizes, on a grid of α, for `boxes` boxes of each size."""

    slopes: Values  # (alphas,), of log of the mean of F²
    covariance: Values  # (alphas, sizes, sizes), of log F
    boxes: Values  # (sizes,)
    weights: Values  # (sizes,), whose product with log F is the slope


def rolling_slopes(
    x: Values, starts: Places, stops: Places, *, breaks: Places, sizes: tuple[int, ...], order: int, confidence: float
) -> Slopes:
    """Measure the slope in windows ``[start, stop)`` of a series of shape ``(n,)``, with intervals for a single exponent.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(400)
    >>> starts = np.array([0, 200])
    >>> found = rolling_slopes(x, starts, starts + 200, breaks=starts[1:], sizes=(4, 6, 8, 12, 16), order=1, confidence=0.95)
    >>> print(found.slope.round(2), found.boxes)
    [0.65 0.56] [12 12]

    The interval is for the slope that a very long series would show: ``low`` and ``high`` are on the scale of ``slope``, and the bias of
    short series is removed from them.
    """
    ends = np.concatenate([[0], breaks, [len(x)]]).astype(np.intp)
    if len(starts) == 1:
        inside = np.clip(ends, starts[0], stops[0])
        sums = [_of_one_window(x, inside, size, sizes[-1], order) for size in sizes]
    else:
        sums = [_of_size(x, starts, stops, ends, size, sizes[-1], order) for size in sizes]
    squares, counts = (np.stack(each, axis=-1) for each in zip(*sums, strict=True))
    rounding = (np.finfo(np.float64).eps * np.max(np.abs(x), initial=0.0)) ** 2 * np.array(sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = squares / counts
        log_f = np.where(mean_square > rounding, 0.5 * np.log(mean_square), np.nan)
    table = expected(sizes, order)
    slope = log_f @ table.weights
    low, high = _interval(slope, counts, table, NormalDist().inv_cdf(0.5 + confidence / 2))
    return Slopes(slope, low, high, counts[:, -1])


def _of_one_window(x: Values, ends: Places, size: int, longest: int, order: int) -> tuple[Values, Places]:
    """The sum of F² over the boxes of one window, which has these stretches, and their number."""
    counts = _count(np.diff(ends), size, longest)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # of each box in its stretch
    first = np.repeat(ends[:-1], counts) + size * number
    boxes = x[first[:, None] + np.arange(size)].ravel()
    each = np.asarray(box_mean_squares(boxes, size, order, range(0, len(boxes), size), NUMPY)) if len(boxes) else np.zeros(0)
    return each.sum(keepdims=True), counts.sum(keepdims=True)


def _count(samples: Places, size: int, longest: int) -> Places:
    """How many boxes a stretch holds: none if the largest does not fit, so that all sizes are measured in the same stretches."""
    return np.where(samples >= longest, samples // size, 0)


def _of_size(x: Values, starts: Places, stops: Places, ends: Places, size: int, longest: int, order: int) -> tuple[Values, Places]:
    """The sum of F² over the boxes in each window, and their number."""
    if len(x) < size:
        return np.zeros(len(starts)), np.zeros(len(starts), dtype=np.intp)
    each = np.asarray(box_mean_squares(x, size, order, range(len(x) - size + 1), NUMPY))
    rows = -(-len(x) // size)
    each = np.pad(each, (0, rows * size - len(each))).reshape(rows, size)
    running = np.concatenate(
        [np.zeros((1, size)), np.cumsum(each, axis=0)]
    ).ravel()  # sum of the boxes a whole number of sizes before

    def between(start: Places, stop: Places) -> tuple[Values, Places]:
        count = _count(stop - start, size, longest)
        return running[start + count * size] - running[start], count

    whole = [np.concatenate([[0], np.cumsum(part)]) for part in between(ends[:-1], ends[1:])]
    first = np.searchsorted(ends, starts, side="right") - 1  # the stretch in which a window begins …
    last = np.maximum(np.searchsorted(ends, stops, side="left") - 1, first)  # … and in which it stops
    inside, across = between(starts, stops), first < last
    head = between(starts, ends[np.minimum(first + 1, len(ends) - 1)])
    tail = between(ends[last], stops)
    total, count = (
        np.where(across, h + w[last] - w[np.minimum(first + 1, len(w) - 1)] + t, i)
        for i, h, w, t in zip(inside, head, whole, tail, strict=True)
    )
    return total, count.astype(np.intp)


@lru_cache(maxsize=8)
def expected(sizes: tuple[int, ...], order: int) -> Expected:
    """Tabulate what series of one exponent, ARFIMA(0, d, 0), show at these sizes."""
    n = BASE * sizes[-1]
    moments = exact_moments(n, sizes, order, 0.0)
    low, high = alpha_range(order)
    between = interpolation(order, np.linspace(low, high, round((high - low) / STEP) + 1))
    covariance = np.einsum("gn,nkl->gkl", between, moments.root @ np.swapaxes(moments.root, 1, 2))
    weights = slope_weights(sizes, ((sizes[0], sizes[-1]),))[:, 0]
    mean = between @ (moments.mean + np.sum(moments.root**2, axis=-1))  # half the log of the mean of F²
    boxes = np.array(boxes_of(sizes, (n,), 0.0), dtype=np.float64)
    return Expected(*map(frozen, (mean @ weights, covariance, boxes, weights)))


def _interval(slope: Values, counts: Places, table: Expected, quantile: float) -> tuple[Values, Values]:
    """The slopes of very long series that are within `quantile` standard deviations of those measured."""
    parts = [slice(i, i + AT_ONCE) for i in range(0, len(slope), AT_ONCE)]
    ends = [_ends(slope[part], counts[part], table, quantile) for part in parts]
    low, high = (np.concatenate(each) for each in zip(*ends, strict=True))
    return low, high


def _ends(slope: Values, counts: Places, table: Expected, quantile: float) -> tuple[Values, Values]:
    known = np.isfinite(slope)
    ratio = np.sqrt(table.boxes / np.where(known[:, None], counts, 1))
    weighted = ratio * table.weights
    pairs = (weighted[:, :, None] * weighted[:, None, :]).reshape(len(slope), -1)
    deviation = np.sqrt(np.maximum(pairs @ table.covariance.reshape(len(table.slopes), -1).T, 0.0))
    bias = -(weighted * ratio) @ np.diagonal(table.covariance, axis1=1, axis2=2).T
    shown = table.slopes + bias - slope[:, None]  # (windows, alphas): how much higher a series of each α shows
    above = shown + quantile * deviation >= 0
    below = shown - quantile * deviation >= 0
    last = len(table.slopes) - 1
    first_above = np.where(above.any(axis=1), np.argmax(above, axis=1), last + 1)
    first_below = 1 + last - np.argmax(~below[:, ::-1], axis=1)  # after the last that is not
    first_below = np.where(below.all(axis=1), 0, first_below)
    ends = _crossing(shown + quantile * deviation, first_above, table), _crossing(shown - quantile * deviation, first_below, table)
    return np.where(known, ends[0], np.nan), np.where(known, ends[1], np.nan)


def _crossing(values: Values, index: Places, table: Expected) -> Values:
    """The slope at which the values, one row for each window, come to zero before this place; beyond the grid they rise as the slope does."""
    rows, last = np.arange(len(values)), len(table.slopes) - 1
    right, left = np.clip(index, 1, last), np.clip(index, 1, last) - 1
    step = values[rows, right] - values[rows, left]
    share = -values[rows, left] / np.where(step > 0, step, 1.0)
    inside = table.slopes[left] + share * (table.slopes[right] - table.slopes[left])
    outside = np.where(index == 0, table.slopes[0] - values[:, 0], table.slopes[-1] - values[:, -1])
    return np.where((index == 0) | (index > last), outside, inside)
