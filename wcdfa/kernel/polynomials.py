"""Orthonormal polynomials on a box, and the fixed maps that merge two boxes into one.

The polynomials are those of Gram (the discrete Chebyshev polynomials) on the points ``0 … size-1``; everything here is NumPy
float64, depends on ``(size, order)`` alone, is cached, and is read-only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Matrix: TypeAlias = "npt.NDArray[np.float64]"  # a string: numpy.typing takes half a millisecond to import


def frozen(array: Matrix) -> Matrix:
    """Return `array`, contiguous and read-only, because all callers of a cached function share it."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def evaluate(points: Matrix, size: int, order: int) -> Matrix:
    """Values ``(len(points), order + 1)`` of the polynomials orthonormal on ``0 … size-1``, by their three-term recurrence."""
    centred = points - (size - 1) / 2
    columns = [np.full(len(points), size**-0.5)]
    previous = np.zeros(len(points))
    for k in range(order):
        following = centred * columns[k] - _recurrence(k, size) * previous
        previous = columns[k]
        columns.append(following / _recurrence(k + 1, size))
    return np.stack(columns, axis=1)


def _recurrence(k: int, size: int) -> float:
    return 0.5 * k * ((size * size - k * k) / (4 * k * k - 1)) ** 0.5 if k else 0.0


@lru_cache(maxsize=512)
def basis(size: int, order: int) -> Matrix:
    """Orthonormal polynomials of degree 0 to `order` on a box, as columns ``(size, order + 1)``."""
    return frozen(evaluate(np.arange(size, dtype=np.float64), size, order))


def complement(columns: Matrix) -> Matrix:
    """Orthonormal columns that span the orthogonal complement of the given ones."""
    full, _ = np.linalg.qr(columns, mode="complete")
    return full[:, columns.shape[1] :]


@lru_cache(maxsize=512)
def residual_filter(size: int, order: int) -> Matrix:
    """The matrix ``(size, size - order - 1)`` that maps the samples of a box to the coordinates of its detrended profile.

    The sum of squares of those coordinates is the residual sum of squares: nothing is subtracted, so no digits cancel.
    """
    cumulate = np.tril(np.ones((size, size)))
    return frozen(cumulate.T @ complement(basis(size, order)))


@lru_cache(maxsize=512)
def two_scale(size: int, order: int) -> tuple[Matrix, Matrix]:
    """Two maps from the coefficients of two neighbouring boxes of `size`: to the coefficients of the joint box, and to its details.

    Both have shape ``(2 (order + 1), order + 1)``. A polynomial of the joint box is a polynomial on each half, so ``order + 1``
    points of a half determine it, and the cost does not depend on `size`.
    """
    k = np.arange(order + 1)
    spread = np.round((size - 1) * (1 - np.cos(np.pi * (k + 0.5) / (order + 1))) / 2)
    points = spread if len(set(spread)) > order else k.astype(np.float64)
    half = evaluate(points, size, order)
    left = np.linalg.solve(half, evaluate(points, 2 * size, order))
    right = np.linalg.solve(half, evaluate(points + size, 2 * size, order))
    coarse = np.vstack([left, right])
    return frozen(coarse), frozen(complement(coarse))


def constant_and_ramp(size: int, order: int) -> tuple[Matrix, Matrix]:
    """Coefficients of the profiles ``1, 1, 1, …`` and ``1, 2, 3, …`` on a box, in closed form."""
    constant, ramp = np.zeros(order + 1), np.zeros(order + 1)
    constant[0] = size**0.5
    ramp[0] = size**0.5 * (size + 1) / 2
    ramp[1] = size**0.5 * _recurrence(1, size)
    return constant, ramp
