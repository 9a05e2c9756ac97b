"""Finds flat stretches: runs of equal samples, as a sensor leaves that saturates, drops out or repeats its last value."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

FEWEST = 4  # equal samples: two or three are frequent where values are rounded


def half_a_box(size: int) -> int:
    """The length from which a flat stretch matters to boxes of `size` samples: it may fill half of one.

    >>> half_a_box(16), half_a_box(4)
    (8, 4)
    """
    return max(size // 2, FEWEST)


LEAST = half_a_box(16)  # the smallest boxes of `mfdfa`


def flat_stretches(x: npt.ArrayLike, /, *, least: SupportsIndex = LEAST) -> tuple[tuple[int, int], ...]:
    """Find the stretches of at least `least` equal samples in a row, as ``(start, stop)``: samples ``x[start:stop]``.

    >>> from wcdfa.preprocess.flat import flat_stretches
    >>> flat_stretches([3, 1, 4, 4, 4, 4, 1, 5, 5, 5], least=3)
    ((2, 6), (7, 10))

    A box inside such a stretch has a residual of 0, and moments q ≤ 0 of the fluctuation function are then decided by it alone;
    `wcdfa.fluctuations` leaves it out of them. Values that are rounded coarsely have such stretches too.

    Parameters
    ----------
    x : array of shape (n,)
        One series, in any unit. NaN equals nothing, so a gap is no flat stretch.
    least : int, 2 or more
        The shortest stretch that counts, in samples.

    Returns
    -------
    tuple of (start, stop)
        In the order of time; empty if there is none.

    Raises
    ------
    TypeError
        If `least` is not an integer.
    ValueError
        If `x` is not one series, or `least` is below 2.
    """
    values, shortest = np.asarray(x), operator.index(least)
    if values.ndim != 1:
        msg = f"flat stretches are those of one series, an array of shape (n,); got shape {values.shape}: take one row at a time"
        raise ValueError(msg)
    if shortest < 2:
        msg = f"least must be 2 or more equal samples, got {shortest}"
        raise ValueError(msg)
    if values.size == 0:
        return ()
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts, stops = np.concatenate([[0], changes]), np.concatenate([changes, [values.size]])
    long = stops - starts >= shortest
    return tuple(zip(starts[long].tolist(), stops[long].tolist(), strict=True))
