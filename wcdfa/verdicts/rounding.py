"""Whether weight changes are lost by rounding: how many of the smallest steps of the weights a typical one has."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.checked_window import Check, Window

Floats = npt.NDArray[np.float64]

ROUNDED = 8.0  # smallest steps in a typical change of a coordinate


def rounding(window: Window) -> Iterator[Check]:
    """Changes are few of the smallest steps that the weights can make."""
    record = window.record
    if record.sketch is None:
        return
    units = smallest_steps(record.sketch)
    if math.isfinite(units):
        yield Check("smallest steps in a change", units, ROUNDED, math.inf, 0.0 if units < ROUNDED else 1.0)


def smallest_steps(sketch: Floats) -> float:
    """Median over the coordinates of a typical change, in units of the smallest step that divides nine in ten of its changes.

    Not all of them: one change, such as that from one format to another, may have more digits.

    >>> import numpy as np
    >>> smallest_steps(np.array([[0.5], [-0.25], [0.75], [0.25]]))
    1.5
    """
    mantissa, exponent = np.frexp(np.where(np.isfinite(sketch), sketch, 0.0).astype(np.float32))
    whole = np.abs(mantissa * np.float32(2**24)).astype(np.int64)
    with np.errstate(all="ignore"):
        trailing = np.log2((whole & -whole).astype(np.float64))
    ascending = np.sort(np.where(whole > 0, exponent - 24 + trailing, np.inf), axis=0)
    count = np.isfinite(ascending).sum(axis=0)
    moving = count > 0
    if not moving.any():
        return math.nan
    lowest = np.take_along_axis(ascending, (count // 10)[np.newaxis], axis=0)[0]
    # a coordinate that is often exactly still has its typical change from the steps at which it moves
    sizes = np.where(whole > 0, np.abs(sketch), math.nan)[:, moving]
    typical = np.nanmedian(sizes, axis=0) if np.isnan(sizes).any() else np.median(sizes, axis=0)  # which is much faster
    return float(np.median(typical / 2.0 ** lowest[moving]))
