"""A slow, obvious DFA in extended precision: one polynomial fit per box, in a loop, on one global profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def slow_fluctuations(
    x: Any, sizes: Sequence[int], order: int = 1, *, starts: Any = None, moment: float = 2, dtype: Any = np.longdouble
) -> np.ndarray:
    """F(s) of one series, box by box; `starts(n, s)` gives the first samples of the boxes, forward ones by default."""
    profile = np.cumsum(np.asarray(x, dtype=dtype) - np.mean(np.asarray(x, dtype=dtype)))
    n = len(profile)
    values = []
    for size in sizes:
        boxes: Iterable[int] = range(0, n - size + 1, size) if starts is None else starts(n, size)
        mean_squares = np.array([slow_residual(profile[b : b + size], order) for b in boxes], dtype=dtype)
        values.append(
            np.mean(mean_squares ** (dtype(moment) / 2)) ** (2 / dtype(moment)) if moment else np.exp(np.mean(np.log(mean_squares)))
        )
    return np.sqrt(np.array(values, dtype=dtype))


def slow_residual(profile: np.ndarray, order: int) -> Any:
    """Mean squared residual of the least-squares polynomial, by Gram-Schmidt on 1, t, t², … in the precision of the profile."""
    size = len(profile)
    t = np.arange(size).astype(profile.dtype) - profile.dtype.type(size - 1) / 2
    residual = profile - profile[0]
    columns: list[np.ndarray] = []
    for degree in range(order + 1):
        column = t**degree
        for _ in range(2):  # twice is enough
            for other in columns:
                column = column - other * (column @ other)
        columns.append(column / np.sqrt(column @ column))
    for _ in range(2):
        for column in columns:
            residual = residual - column * (residual @ column)
    return residual @ residual / size
