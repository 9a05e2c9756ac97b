"""What the tiny pictures are drawn from: ranges of numbers, and lines of few points with gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Point = tuple[float, float]


class Span(NamedTuple):
    """The range of numbers from one edge of a picture to the other."""

    low: float
    high: float

    def place(self, value: float, start: float, stop: float) -> float:
        """Where a value lies between two places of the picture; what lies outside is drawn at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(start + (stop - start) * min(1.0, max(0.0, share)), 1)


def span_of(values: Values) -> Span:
    """The range of the finite values, a little wider if they are all the same.

    >>> span_of(np.array([3.0, np.nan, 5.0])), span_of(np.array([])), span_of(np.array([2.0]))
    (Span(low=3.0, high=5.0), Span(low=0.0, high=1.0), Span(low=1.5, high=2.5))
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return Span(0.0, 1.0)
    low, high = float(known.min()), float(known.max())
    room = (0.5 * abs(low) or 1.0) if low == high else 0.0
    return Span(low - room / 2, high + room / 2)


def runs(points: Iterable[Point | None]) -> list[list[Point]]:
    """The points between gaps.

    >>> runs([(0.0, 1.0), None, None, (3.0, 1.0)])
    [[(0.0, 1.0)], [(3.0, 1.0)]]
    """
    found: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]
