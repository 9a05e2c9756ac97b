"""Chooses the box sizes: plain integers, fixed and checked before anything is traced."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

FEWEST_SIZES = 4  # a default line through fewer points says nothing
SHIPPED = (128, 256, 500, 512, 1000, 1024, 2048, 4096)  # lengths whose calibrations come with the package
LARGEST_EXACT = 1024  # up to this length any calibration is computed exactly


def dyadic(low: int, high: int) -> tuple[int, ...]:
    """Four sizes an octave from `low` to `high`: 4, 5, 6, 7 and their doublings, the grid that merges in O(n).

    >>> dyadic(4, 32)
    (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32)

    Sizes are in samples (training steps).
    """
    octaves = range(max(int(high), 1).bit_length())
    grid = (m << k for k in octaves for m in (4, 5, 6, 7))
    return tuple(s for s in (1, 2, 3, *grid) if low <= s <= high)


def logarithmic(low: int, high: int, count: int) -> tuple[int, ...]:
    """At most `count` sizes spaced evenly in the logarithm from `low` to `high`, rounded, without repeats.

    >>> logarithmic(4, 125, 8)
    (4, 7, 11, 17, 29, 47, 76, 125)
    """
    return tuple(int(s) for s in np.unique(np.rint(np.geomspace(low, high, count)).astype(int)))


def geometric(low: int, high: float, ratio: float) -> tuple[int, ...]:
    """Sizes ``floor(low · ratio^i)`` up to `high`, without repeats: the grid of nolds and antropy.

    >>> geometric(4, 50, 1.2)
    (4, 5, 6, 8, 9, 11, 14, 17, 20, 24, 29, 35, 42)
    """
    count = int(np.floor(np.log(high / low) / np.log(ratio))) + 1
    return tuple(int(s) for s in np.unique([int(np.floor(low * ratio**i)) for i in range(count)]))


@lru_cache(maxsize=1024)
def default_sizes(n: int, order: int) -> tuple[int, ...]:
    """The dyadic grid from ``2 (order + 1)`` to ``n // 4``; four boxes of the largest size fit into the series."""
    low = 2 * (order + 1)
    sizes = dyadic(low, n // 4)
    if len(sizes) < FEWEST_SIZES:
        needed = 4 * dyadic(low, 8 * low)[FEWEST_SIZES - 1]
        msg = (
            f"the series has {n:,} sample{'s' if n != 1 else ''}; the default box sizes of order {order} need at least {needed}. "
            f"Record more samples, or give scales= yourself (sizes from {order + 2} to {n})"
        )
        raise ValueError(msg)
    return sizes


def shortest(order: int) -> int:
    """The length of the shortest series that has `half_sizes`.

    >>> shortest(1), len(half_sizes(shortest(1), 1))
    (16, 4)
    """
    return 2 * [s for s in (3, 4, 6, 8, 12, 16) if s >= order + 2][FEWEST_SIZES - 1]


@lru_cache(maxsize=1024)
def half_sizes(n: int, order: int) -> tuple[int, ...]:
    """2·2^k and 3·2^k from ``order + 2`` to ``n // 2``, the sizes of half-overlapping boxes; at most 2,048.

    Above 1,024 samples the largest size is half of 1,024, 2,048 or 4,096, the lengths that ship with a calibration. Larger boxes would
    add little to α.

    >>> half_sizes(500, 1)
    (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
    """
    longest = n if n <= LARGEST_EXACT else max(m for m in SHIPPED if m <= n)
    grid = sorted(m << k for k in range(longest.bit_length()) for m in (2, 3))
    sizes = tuple(s for s in grid if order + 2 <= s <= longest // 2)
    if len(sizes) < FEWEST_SIZES:
        msg = (
            f"the series has {n:,} sample{'s' if n != 1 else ''}; the default box sizes of order {order} need at least {shortest(order)}. "
            f"Record more samples, or give scales= yourself (sizes from {order + 2} to {n})"
        )
        raise ValueError(msg)
    return sizes
