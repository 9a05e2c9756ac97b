"""Slopes of log F(s) over a few small box sizes, with intervals, in any windows of one series, breaks included.

Each window has breaks of its own, so a bias and a variance of its own: `slope_spread` adds them up from its stretches. Where all series
have one layout, as in `measured_ranges` and `local_slopes`, `contrasts` does the same from one table of moments.

F² of a box depends on the box only, so it is computed once for a box at every sample. In a window, boxes lie side by side from its first
sample and from each break: their mean is a difference of running sums, whatever the number and the steps of the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import normal_quantile
from wcdfa.inference.slope_spread import Spread, slope_spread
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.boxes import box_mean_squares
from wcdfa.kernel.rounding import floor_of_extremes

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

AT_ONCE = 1024  # windows whose intervals are found together


class Slopes(NamedTuple):
    """Slopes of log F(s) on log s, each of shape ``(windows,)``; NaN where a size has no box, or its boxes do not fluctuate."""

    slope: Values
    low: Values
    high: Values
    boxes: Places
    """Boxes of the largest size."""


class Pieces(NamedTuple):
    """What windows are made of: the stretch that each begins in, the one it stops in, and whole ones between, by their numbers."""

    head: tuple[Places, Places]
    tail: tuple[Places, Places]
    whole: tuple[Places, Places]
    ends: Places

    def summed(self, of: Callable[[Places, Places], Values]) -> Values:
        """The sum over the stretches of each window of a function of where they start and stop."""
        running = np.cumsum(of(self.ends[:-1], self.ends[1:]), axis=0)
        running = np.concatenate([np.zeros_like(running[:1]), running])
        return np.asarray(of(*self.head) + of(*self.tail) + running[self.whole[1]] - running[self.whole[0]])


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

    A stretch between breaks counts if the largest box fits into it. The interval is for the slope that a very long series would show:
    ``low`` and ``high`` are on the scale of ``slope``, and the bias of short series is removed from them.
    """
    pieces = _pieces(starts, stops, np.concatenate([[0], breaks, [len(x)]]).astype(np.intp))
    counts = pieces.summed(lambda start, stop: _counts(stop - start, sizes))
    mean_square = np.stack([_sums(x, pieces, size, sizes[-1], order) for size in sizes], axis=-1) / np.maximum(counts, 1)
    counted = mean_square > (floor_of_extremes(float(x.min()), float(x.max()), sizes) if len(x) else 0.0)
    spread = slope_spread(sizes, order)
    log_f = np.where(counted, 0.5 * np.log(np.where(counted, mean_square, 1.0)), np.nan)
    slope = log_f @ spread.weights
    lengths = pieces.summed(lambda start, stop: spread.lengths(stop - start))
    quantile = normal_quantile(confidence)
    parts = [slice(i, i + AT_ONCE) for i in range(0, len(slope), AT_ONCE)]
    ends = [_interval(slope[part], counts[part], lengths[part], spread, quantile) for part in parts]
    low, high = (np.concatenate(each) for each in zip(*ends, strict=True))
    return Slopes(slope, low, high, counts[:, -1].astype(np.intp))


def _pieces(starts: Places, stops: Places, ends: Places) -> Pieces:
    first = np.searchsorted(ends, starts, side="right") - 1
    last = np.maximum(np.searchsorted(ends, stops, side="left") - 1, first)
    across = first < last
    after = np.minimum(first + 1, len(ends) - 1)
    head, tail = np.where(across, ends[after], stops), np.where(across, ends[last], stops)
    return Pieces((starts, head), (tail, stops), (np.where(across, after, 0), np.where(across, last, 0)), ends)


def _counts(samples: Places, sizes: tuple[int, ...]) -> Values:
    """How many boxes of each size a stretch holds: none if the largest does not fit, so that all sizes are measured in the same stretches."""
    return np.where(samples >= sizes[-1], samples, 0)[:, None] // np.array(sizes, dtype=np.float64)


def _sums(x: Values, pieces: Pieces, size: int, longest: int, order: int) -> Values:
    """The sum of F² over the boxes of one size in each window."""
    if len(pieces.head[0]) == 1:
        return _of_one_window(x, pieces, size, longest, order)
    if len(x) < longest:
        return np.zeros(len(pieces.head[0]))
    each = np.asarray(box_mean_squares(x, size, order, range(len(x) - size + 1), NUMPY))
    rows = -(-len(x) // size)
    each = np.pad(each, (0, rows * size - len(each))).reshape(rows, size)
    running = np.concatenate(
        [np.zeros((1, size)), np.cumsum(each, axis=0)]
    ).ravel()  # over the boxes a whole number of sizes before

    def of(start: Places, stop: Places) -> Values:
        samples = np.where(stop - start >= longest, stop - start, 0)
        return np.asarray(running[start + samples // size * size] - running[start])

    return pieces.summed(of)


def _of_one_window(x: Values, pieces: Pieces, size: int, longest: int, order: int) -> Values:
    """The same for a single window, without the boxes that it does not use."""
    ends = np.clip(pieces.ends, pieces.head[0], pieces.tail[1])
    samples = np.diff(ends)
    counts = np.where(samples >= longest, samples // size, 0)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # of each box in its stretch
    first = np.repeat(ends[:-1], counts) + size * number
    boxes = x[first[:, None] + np.arange(size)].ravel()
    each = np.asarray(box_mean_squares(boxes, size, order, range(0, len(boxes), size), NUMPY)) if len(boxes) else np.zeros(0)
    return np.asarray(each.sum(keepdims=True))


def _interval(slope: Values, counts: Values, lengths: Values, spread: Spread, quantile: float) -> tuple[Values, Values]:
    """The slopes of very long series that are within `quantile` standard deviations of those measured."""
    known = np.isfinite(slope)
    bias, deviation = spread.of(np.where(known[:, None], counts, 1), lengths)
    shown = spread.slopes + bias - slope[:, None]  # (windows, alphas): how much higher a series of each α shows
    above, below = shown + quantile * deviation, shown - quantile * deviation
    points = len(spread.slopes)
    first = np.where((above >= 0).any(axis=1), np.argmax(above >= 0, axis=1), points)
    after_last = np.where((below >= 0).all(axis=1), 0, points - np.argmax(below[:, ::-1] < 0, axis=1))
    low, high = _crossing(above, first, spread), _crossing(below, after_last, spread)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _crossing(values: Values, index: Places, spread: Spread) -> Values:
    """The slope at which the values, one row for each window, come to zero before this place; beyond the grid they rise as the slope does."""
    rows, last = np.arange(len(values)), len(spread.slopes) - 1
    right = np.clip(index, 1, last)
    step = values[rows, right] - values[rows, right - 1]
    share = -values[rows, right - 1] / np.where(step > 0, step, 1.0)
    inside = spread.slopes[right - 1] + share * (spread.slopes[right] - spread.slopes[right - 1])
    outside = np.where(index == 0, spread.slopes[0] - values[:, 0], spread.slopes[-1] - values[:, -1])
    return np.where((index == 0) | (index > last), outside, inside)
