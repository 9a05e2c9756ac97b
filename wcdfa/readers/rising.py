"""Looks at long arrays block by block, so that no second array of their length is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Floats, Integers

Number = TypeVar("Number", np.float64, np.int64)

BLOCK = 1 << 14  # numbers
EXACT = 2.0**53  # below this, a float represents every integer


def rises(numbers: npt.NDArray[Number]) -> bool:
    """Whether each number is larger than the one before.

    >>> rises(np.array([1, 2, 5])), rises(np.array([1, 1]))
    (True, False)
    """
    return all(bool(np.all(block[1:] > block[:-1])) for block in _overlapping(numbers))


def equal_distance(numbers: Integers) -> int | None:
    """How far apart whole numbers are, if all distances are the same; else None.

    >>> equal_distance(np.array([0, 10, 20])), equal_distance(np.array([0, 1, 3])), equal_distance(np.array([0]))
    (10, None, None)
    """
    if len(numbers) < 2:
        return None
    first = numbers[1] - numbers[0]
    return int(first) if all(bool(np.all(np.diff(block) == first)) for block in _overlapping(numbers)) else None


def are_whole(values: Floats) -> bool:
    """Whether all numbers are whole, and so small that they are exact.

    >>> are_whole(np.array([1.0, 2.0])), are_whole(np.array([0.5])), are_whole(np.array([np.nan])), are_whole(np.zeros(0))
    (True, False, False, False)
    """
    blocks = (values[i : i + BLOCK] for i in range(0, len(values), BLOCK))
    return len(values) > 0 and all(
        bool(block.min() > -EXACT and block.max() < EXACT and np.array_equal(block, np.rint(block))) for block in blocks
    )


def _overlapping(numbers: npt.NDArray[Number]) -> Iterator[npt.NDArray[Number]]:
    """Blocks that begin with the last number of the one before."""
    return (numbers[i : i + BLOCK + 1] for i in range(0, len(numbers), BLOCK))
