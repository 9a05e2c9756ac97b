"""Prepares the two sides of a comparison: pairs of series in NumPy, the α of each, and why some cannot be compared."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.cross.fluctuation import check_lengths, whole
from wcdfa.cross.frame import Frame
from wcdfa.inference.exponent import NOT_FINITE, SATURATION, DFAResult, measure
from wcdfa.support import numbers
from wcdfa.support.aliases import Series

BENT = 0.1  # below this p-value log F(s) is not that of ARFIMA(0, d, 0)
RISE = 0.2  # of the slope: if it is larger there is a trend; ARFIMA has less, and short memory that swings slowly has a slope that falls

Causes = npt.NDArray[np.int8]


class Side(NamedTuple):
    """One series, or many of shape (..., n), with the α of each."""

    values: Series  # zeros where the series is not finite
    alpha: Series  # (...)
    memory: Series  # α of the ARFIMA that has its memory, more precise than `alpha`; NaN where log F(s) is not that of any
    trend: npt.NDArray[np.bool_]  # whether log F(s) is that of a trend, a step or noise on one
    cause: Causes  # why there is no α, as a key of wcdfa.inference.exponent.REASONS; else 0

    def at(self, *place: int) -> Side:
        """One of many series, or of many sets of series."""
        return Side(self.values[place], self.alpha[place], self.memory[place], self.trend[place], self.cause[place])

    def spread_to(self, batch: tuple[int, ...]) -> Side:
        """The same for a larger batch, as a list of series."""
        values = np.broadcast_to(self.values, (*batch, self.values.shape[-1])).reshape(-1, self.values.shape[-1])
        return Side(values, *(np.broadcast_to(each, batch).ravel() for each in self[1:]))  # type: ignore[arg-type]


def both(x: object, y: object, axis: int) -> tuple[Series, Series]:
    """Two inputs as NumPy arrays with time along the last axis."""
    left, right = on_host(x, axis), on_host(y, axis, "y")
    check_lengths(left.shape[-1], right.shape[-1])
    return left, right


def on_host(x: object, axis: int, name: str = "x") -> Series:
    """Series as a NumPy array, with time along the last axis."""
    return np.asarray(numbers.on_host(whole(x, name, axis)[0]), dtype=np.float64)


def side_of(values: Series, frame: Frame) -> Side:
    """Measure the α of series; one that is not finite has none."""
    finite = np.asarray(np.isfinite(values).all(axis=-1))
    values = np.where(finite[..., None], values, 0.0)
    with np.errstate(all="ignore"):
        robust, exact = (measure(values, order=frame.order, breaks=frame.breaks, method=method) for method in ("robust", "gls"))
        memory = np.where(exact.adequacy < BENT, np.nan, exact.alpha)
        trend = (robust.alpha > frame.order + 1 - SATURATION) | (exact.adequacy < BENT) & (_rise(exact) > RISE)
    cause = np.where(finite, robust.cause, NOT_FINITE).astype(np.int8)
    return Side(values, np.asarray(robust.alpha), memory, np.asarray(trend), cause)


def _rise(found: DFAResult) -> Series:
    """How much steeper log F(s) is over the larger half of the sizes than over the smaller, per unit of log s."""
    log_s, log_f = np.log(found.scales), np.log(found.fluctuations)
    middle = len(log_s) // 2
    halves = ((log_s[each] - log_s[each].mean(), log_f[..., each]) for each in (slice(None, middle), slice(middle, None)))
    smaller, larger = (log_f @ log_s / (log_s @ log_s) for log_s, log_f in halves)
    return np.asarray(larger - smaller)
