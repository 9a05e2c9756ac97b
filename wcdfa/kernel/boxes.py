"""Mean squared residuals of boxes of any size and overlap, computed directly, one size at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, constant, is_jax, matmul_of
from wcdfa.kernel.polynomials import basis, residual_filter

DENSE = 64  # boxes up to this size are filtered by one dense matrix; longer ones are cumulated and projected


class Layout(NamedTuple):
    """How boxes are placed."""

    overlap: float = 0.0
    backward: bool = False
    final_box: bool = True

    def starts(self, n: int, size: int) -> tuple[range, ...]:
        """First samples of the boxes of one size in `n` samples; empty if none fits."""
        return box_starts(n, size, overlap=self.overlap, backward=self.backward, final_box=self.final_box) if n >= size else ()


SIDE_BY_SIDE, BY_HALVES = Layout(), Layout(overlap=0.5)


def box_starts(n: int, size: int, *, overlap: float = 0.0, backward: bool = False, final_box: bool = True) -> tuple[range, ...]:
    """First samples of the boxes of one size: forward from the start and, if asked, backward from the end.

    >>> box_starts(10, 4)
    (range(0, 7, 4),)
    >>> box_starts(10, 4, overlap=0.5, backward=True)
    (range(0, 7, 2), range(6, -1, -2))
    """
    step = max(1, int(size * (1 - overlap)))
    stop = n - size + (1 if final_box or n == size else 0)
    forward = range(0, stop, step)
    if not backward:
        return (forward,)
    return forward, range(n - size, n - size - stop, -step)


def box_mean_squares(x: Array, size: int, order: int, starts: range, xp: Namespace) -> Array:
    """Mean squared residual of the profile in each box, shape ``(..., len(starts))``."""
    if starts.step < 0:  # the same boxes, first to last
        starts = starts[::-1]
    matmul = matmul_of(xp)
    boxes = _cut(x, size, starts, xp)
    boxes = boxes - boxes[..., :1]  # local to the box, so nothing outside it matters
    if size <= DENSE:
        residual = matmul(boxes, constant(residual_filter, size, order, xp=xp, like=x))
    else:
        polynomials = constant(basis, size, order, xp=xp, like=x)
        profile = xp.cumulative_sum(boxes - xp.mean(boxes, axis=-1, keepdims=True), axis=-1)
        fit = matmul(matmul(profile, polynomials), xp.matrix_transpose(polynomials))
        residual = profile - fit
    return xp.sum(residual * residual, axis=-1) / size


def _cut(x: Array, size: int, starts: range, xp: Namespace) -> Array:
    """The boxes as an array ``(..., len(starts), size)``."""
    batch, count = x.shape[:-1], len(starts)
    if starts.step == size:
        return xp.reshape(x[..., starts[0] : starts[0] + count * size], (*batch, count, size))
    index = np.asarray(starts)[:, None] + np.arange(size)
    taken = xp.take(x, xp.asarray(index.ravel(), device=None if is_jax(xp) else x.device), axis=-1)
    return xp.reshape(taken, (*batch, count, size))
