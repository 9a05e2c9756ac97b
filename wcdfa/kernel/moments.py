"""Generalised means over the residuals of boxes: F(s) of any moment q, from one logarithm a box."""

from __future__ import annotations

from collections.abc import Sequence

from wcdfa.kernel.arrays import Array, Namespace


def flat_boxes(residuals: Sequence[Array], floor: Array, xp: Namespace) -> Array:
    """How many boxes of each size ``(..., k)`` have a residual no larger than the `floor` that rounding may leave."""
    counts = [xp.sum(xp.astype(each <= floor[..., i, None], xp.int64), axis=-1) for i, each in enumerate(residuals)]
    return xp.stack(counts, axis=-1)


def box_means(residuals: Sequence[Array], moments: tuple[float, ...], floor: Array | None, xp: Namespace) -> Array:
    """``(mean of residual^(q/2))^(1/q)`` over the boxes of each size ``(..., len(moments), k)``; for q = 0 the geometric mean.

    At q ≤ 0 boxes up to the `floor` are left out; without a floor, all count. If no box is left, the mean is 0.
    """
    columns = [_of_one_size(each, moments, None if floor is None else floor[..., i, None], xp) for i, each in enumerate(residuals)]
    return xp.stack(columns, axis=-1)


def _of_one_size(residuals: Array, moments: tuple[float, ...], floor: Array | None, xp: Namespace) -> Array:
    counted = residuals > (0.0 if floor is None else floor)
    number = xp.sum(xp.astype(counted, residuals.dtype), axis=-1)
    boxes = residuals.shape[-1]
    largest, infinity = xp.max(residuals, axis=-1, keepdims=True), float("inf")
    smallest = xp.min(xp.where(counted, residuals, infinity), axis=-1, keepdims=True)
    one = xp.ones_like(residuals)
    empty = number == 0
    found = []
    for q in moments:
        top = largest if q > 0 else smallest
        top = xp.where((top > 0) & (top < infinity), top, xp.ones_like(top))
        ratio = xp.where(counted, residuals / top, one) if q <= 0 else residuals / top
        root = xp.sqrt(top[..., 0])
        if q > 0:
            found.append(root * (xp.sum(ratio ** (q / 2), axis=-1) / boxes) ** (1 / q))
            continue
        some = xp.where(empty, xp.ones_like(number), number)
        if q == 0:
            value = root * xp.exp(xp.sum(xp.log(ratio), axis=-1) / some / 2)
        else:
            powers = ratio ** (q / 2)
            value = root * (xp.sum(xp.where(counted, powers, xp.zeros_like(powers)), axis=-1) / some) ** (1 / q)
        found.append(xp.where(empty, xp.zeros_like(value), value))
    return xp.stack(found, axis=-1)
