"""Checks what is pushed into a stream, and what it is merged with."""

from __future__ import annotations

import math
import operator
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.arrays import Array, as_series

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.polynomials import Matrix
    from wcdfa.streaming.pieces import Pieces

LARGEST = 1e120  # squares of the profile of larger values would overflow
LAST = 1 << 62  # an index that no series reaches


def check_start(start: int) -> int:
    """Return `start` as an integer; raises unless it is one, from 0 on."""
    try:
        value = operator.index(start)
    except TypeError:
        msg = f"start must be an integer, the index of the first sample in the whole series, got {start!r} ({type(start).__name__})"
        raise TypeError(msg) from None
    if not 0 <= value < LAST:
        msg = f"start must be from 0 to {LAST - 1}, got {value}: it is the index of the first sample in the whole series"
        raise ValueError(msg)
    return value


def check_value(value: float, place: int) -> float:
    """Return a sample as a float; raises if it is not finite or too large."""
    if not -LARGEST <= value <= LARGEST:
        _refuse(value, f"sample {place}", "It is not counted")
    return float(value)


def check_block(values: Array | npt.ArrayLike, place: int) -> Matrix:
    """Return a block as float64 ``(n,)``; raises if it is no series of finite numbers. `place` is the index of its first sample."""
    given = values
    if values is None or np.isscalar(values) or getattr(values, "ndim", 1) == 0:
        values = np.reshape(np.asarray(values), 1)
    try:
        series = as_series(values, -1)[0]
    except (TypeError, ValueError) as error:
        msg = f"push takes real numbers, got {_kind(given)}: {_way_out(given)}"
        raise TypeError(msg) from error
    if hasattr(series, "detach"):  # torch refuses to convert a tensor that has a gradient, or lies elsewhere
        series = series.detach().cpu()
    block: Matrix = np.asarray(series, dtype=np.float64)
    if block.ndim != 1:
        msg = f"a block must have one axis, got shape {block.shape}: a stream is for one series, so take a stream for each"
        raise ValueError(msg)
    if len(block) and not (block.min() >= -LARGEST and block.max() <= LARGEST):  # NaN fails too
        index = int(np.argmin(np.abs(block) <= LARGEST))
        where = f"index {index} of the block, sample {place + index} of the series,"
        _refuse(float(block[index]), where, "Nothing of the block is counted")
    return block


def _kind(values: object) -> str:
    """The type of what was given, and of the values in it."""
    name, dtype = type(values).__name__, getattr(values, "dtype", None)
    if isinstance(values, (list, tuple)):
        with suppress(ValueError):  # lists of different lengths
            dtype = np.asarray(values).dtype
    return name if dtype is None else f"{name} of dtype {str(dtype).rpartition('.')[2]}"


def _way_out(values: object) -> str:
    if isinstance(values, np.ma.MaskedArray):
        return "a stream has no gaps, so push values.compressed(), or values.filled(value)"
    return what_numbers_need(_kind(values))


def what_numbers_need(kind: str) -> str:
    """How to make real numbers of what is of this dtype."""
    if "complex" in kind:
        return "take the absolute values, or the real parts"
    if "bool" in kind:
        return "give the numbers themselves, or 0 and 1 if they are meant"
    return "convert them first, for example by np.asarray(values, dtype=float)"


def _refuse(value: float, where: str, end: str) -> None:
    if abs(value) < math.inf:
        msg = f"{where} is beyond {LARGEST:g}, and squares of such values would overflow: use a larger unit. {end}"
    else:
        msg = f"{where} is {value}: leave it out, or begin a new stream after it. {end}"
    raise ValueError(msg)


def check_neighbours(first: Pieces, second: Pieces) -> None:
    """Raise unless the second follows the first, and both have one order."""
    if first.order != second.order:
        msg = f"only streams of the same order can be merged, and these have {first.order} and {second.order}"
        raise ValueError(msg)
    if first.stop != second.start:
        msg = (
            f"the second stream must start where the first ends: it starts at {second.start}, and the first ends at {first.stop}; "
            "give each stream its start="
        )
        raise ValueError(msg)
