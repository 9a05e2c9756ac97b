"""Checks what is pushed into a stream, and what it is merged with."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.arrays import as_series

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
    """Return a sample; raises if it is not finite or too large."""
    if not -LARGEST <= value <= LARGEST:
        _refuse(value, 0, place)
    return value


def check_block(values: object, place: int) -> Matrix:
    """Return a block as float64 ``(n,)``; raises if it is no series of finite numbers. `place` is the index of its first sample."""
    single = isinstance(values, np.generic) or getattr(values, "ndim", 1) == 0
    series = as_series(np.reshape(np.asarray(values), 1) if single else values, -1)[0]
    block: Matrix = np.asarray(series, dtype=np.float64)
    if block.ndim != 1:
        msg = f"a block must have one axis, got shape {block.shape}: a stream is for one series, so take a stream for each"
        raise ValueError(msg)
    if len(block) and not (-LARGEST <= block.min() and block.max() <= LARGEST):  # NaN fails too
        index = int(np.argmin(np.abs(block) <= LARGEST))
        _refuse(float(block[index]), index, place)
    return block


def _refuse(value: float, index: int, place: int) -> None:
    where = f"at index {index} of the block, sample {place + index} of the series"
    if np.isfinite(value):
        msg = f"a value of {value} {where} is beyond {LARGEST:g}, and its squares would overflow: use a larger unit. Nothing of the block is counted"
    else:
        msg = f"a value is {value} {where}: drop it, or begin a new stream there. Nothing of the block is counted"
    raise ValueError(msg)


def check_neighbours(first: Pieces, second: Pieces) -> None:
    """Raise unless the second follows the first, and both have one order."""
    if first.order != second.order:
        msg = f"streams of one order can be merged, and these have {first.order} and {second.order}"
        raise ValueError(msg)
    if first.stop != second.start:
        msg = (
            f"the second stream must start where the first ends: it starts at {second.start}, and the first ends at {first.stop}; "
            "give each stream its start="
        )
        raise ValueError(msg)
