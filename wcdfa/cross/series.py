"""Prepares the two sides of a comparison: pairs of series in NumPy, the α of each, and why some cannot be compared."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.cross.fluctuation import check_lengths, named_y
from wcdfa.cross.frame import Frame
from wcdfa.inference.exponent import NOT_FINITE, measure
from wcdfa.kernel.arrays import as_series
from wcdfa.support import numbers
from wcdfa.support.aliases import Series

BENT = 0.1  # below this p-value log F(s) is not that of ARFIMA(0, d, 0)

Causes = npt.NDArray[np.int8]


class Side(NamedTuple):
    """One series, or many of shape (..., n), with the α of each."""

    values: Series  # zeros where the series is not finite
    alpha: Series  # (...)
    memory: Series  # α of the ARFIMA that has its memory, more precise than `alpha`; NaN where log F(s) is not that of any
    cause: Causes  # why there is no α, as a key of wcdfa.inference.exponent.REASONS; else 0

    def at(self, *place: int) -> Side:
        """One of many series, or of many sets of series."""
        return Side(self.values[place], self.alpha[place], self.memory[place], self.cause[place])

    def spread_to(self, batch: tuple[int, ...]) -> Side:
        """The same for a larger batch, as a list of series."""
        values = np.broadcast_to(self.values, (*batch, self.values.shape[-1])).reshape(-1, self.values.shape[-1])
        return Side(values, *(np.broadcast_to(each, batch).ravel() for each in self[1:]))  # type: ignore[arg-type]


def both(x: object, y: object, axis: int) -> tuple[Series, Series]:
    """Two inputs as NumPy arrays with time along the last axis."""
    left, right = on_host(x, axis), named_y(lambda: on_host(y, axis))
    check_lengths(left.shape[-1], right.shape[-1])
    return left, right


def on_host(x: object, axis: int) -> Series:
    """Series as a NumPy array, with time along the last axis."""
    return np.asarray(numbers.on_host(as_series(x, axis)[0]), dtype=np.float64)


def side_of(values: Series, frame: Frame) -> Side:
    """Measure the α of series; one that is not finite has none."""
    finite = np.asarray(np.isfinite(values).all(axis=-1))
    values = np.where(finite[..., None], values, 0.0)
    with np.errstate(all="ignore"):
        robust, exact = (measure(values, order=frame.order, breaks=frame.breaks, method=method) for method in ("robust", "gls"))
        memory = np.where(exact.adequacy < BENT, np.nan, exact.alpha)
    return Side(values, np.asarray(robust.alpha), memory, np.where(finite, robust.cause, NOT_FINITE).astype(np.int8))
