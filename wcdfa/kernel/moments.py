"""Generalised means over the residuals of boxes: F(s) of any moment q."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace
from wcdfa.kernel.evenly_spaced_moments import NEAR_ZERO, WIDEST, Spacing, means_of_evenly_spaced, spacing_of


def flat_boxes(residuals: Sequence[Array], floor: Array, xp: Namespace) -> Array:
    """How many boxes of each size ``(..., k)`` have a residual no larger than the `floor` that rounding may leave."""
    counts = [xp.sum(xp.astype(each <= floor[..., i, None], xp.int64), axis=-1) for i, each in enumerate(residuals)]
    return xp.stack(counts, axis=-1)


def box_means(residuals: Sequence[Array], moments: tuple[float, ...], floor: Array | None, xp: Namespace) -> Array:
    """``(mean of residual^(q/2))^(1/q)`` over the boxes of each size ``(..., len(moments), k)``; for q = 0 the geometric mean.

    At q ≤ 0 boxes up to the `floor` are left out; without a floor, all count. If no box is left, or one of residual 0 counts, the mean is 0.

    >>> import numpy as np
    >>> print(box_means([np.array([1.0, 4.0, 9.0])], (-1.0, 0.0, 1.0, 2.0), None, np)[:, 0].round(4))  # the means of 1, 2 and 3
    [1.6364 1.8171 2.     2.1602]
    """
    spacing = spacing_of(moments) if xp is NUMPY else None
    plain = [False] * len(residuals) if spacing is None else _plain(residuals, floor, spacing)
    fast = iter(
        means_of_evenly_spaced([each for each, is_plain in zip(residuals, plain, strict=True) if is_plain], spacing)
        if spacing
        else ()
    )
    floors = [None if floor is None else floor[..., i, None] for i in range(len(residuals))]
    each_size = zip(residuals, floors, plain, strict=True)
    columns = [next(fast) if is_plain else _of_one_size(each, moments, low, xp) for each, low, is_plain in each_size]
    return xp.stack(columns, axis=-1)


def _of_one_size(residuals: Array, moments: tuple[float, ...], floor: Array | None, xp: Namespace) -> Array:
    """Powers of ratios to the largest residual for q > 0, and to the smallest for q ≤ 0, so that none overflows."""
    everything = xp.ones_like(residuals) > 0
    counted = everything if floor is None else residuals > floor
    largest = xp.max(residuals, axis=-1, keepdims=True)
    smallest = xp.min(xp.where(counted, residuals, xp.ones_like(residuals) * float("inf")), axis=-1, keepdims=True)
    upper, lower = _Ratios(residuals, largest, everything, xp), _Ratios(residuals, smallest, counted, xp)
    return xp.stack([(upper if q > 0 else lower).mean(q) for q in moments], axis=-1)


class _Ratios:
    """The logarithms of residuals to a reference, one a box."""

    def __init__(self, residuals: Array, reference: Array, counted: Array, xp: Namespace) -> None:
        one = xp.ones_like(residuals)
        there = (reference > 0) & (reference < float("inf"))
        self.counted = counted & (residuals > 0)
        self.logarithms = xp.log(xp.where(self.counted, residuals / xp.where(there, reference, xp.ones_like(reference)), one))
        self.root = xp.sqrt(xp.where(there, reference, xp.zeros_like(reference)))[..., 0]  # 0: there is no box that fluctuates
        number = xp.sum(xp.where(counted, one, 0 * one), axis=-1)
        self.number, self.xp = xp.where(there[..., 0], number, xp.ones_like(number)), xp

    def mean(self, q: float) -> Array:
        xp = self.xp
        if q == 0:
            return self.root * xp.exp(self._sum(self.logarithms / 2) / self.number)
        if abs(q) < NEAR_ZERO:  # powers are so near 1 that what they differ from 1 by is summed
            return self.root * xp.exp(xp.log1p(self._sum(xp.expm1(self.logarithms * (q / 2))) / self.number) / q)
        return self.root * (self._sum(xp.exp(self.logarithms * (q / 2))) / self.number) ** (1 / q)

    def _sum(self, values: Array) -> Array:
        return self.xp.sum(self.xp.where(self.counted, values, self.xp.zeros_like(values)), axis=-1)


def _plain(residuals: Sequence[Array], floor: Array | None, spacing: Spacing) -> list[bool]:
    """At which sizes all boxes count at every moment, in float64, and no power overflows."""
    lowest, highest = (np.array([float(of(np.asarray(each))) for each in residuals]) for of in (np.min, np.max))
    floors = 0.0 if floor is None else np.max(np.asarray(floor).reshape(-1, len(residuals)), axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moderate = np.log(highest / lowest) * (spacing.reach / 2) < WIDEST
    return [bool(each) for each in moderate & (lowest > floors) & (residuals[0].dtype == np.float64)]
