"""Generalised means over the residuals of boxes: F(s) of any moment q."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, is_jax
from wcdfa.kernel.evenly_spaced_moments import NEAR_ZERO, means_of_evenly_spaced, spacing_of


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
    floors = [None if floor is None else floor[..., i, None] for i in range(len(residuals))]
    many = xp is NUMPY and residuals[0].dtype == np.float64 and 0 not in residuals[0].shape
    spacing = spacing_of(moments) if many else None
    fast = [None] * len(residuals) if spacing is None else means_of_evenly_spaced(residuals, floors, spacing)
    each_size = zip(fast, residuals, floors, strict=True)
    return xp.stack([_of_one_size(each, moments, low, xp) if found is None else found for found, each, low in each_size], axis=-1)


def _of_one_size(residuals: Array, moments: tuple[float, ...], floor: Array | None, xp: Namespace) -> Array:
    """Powers of ratios to the largest residual for q > 0, and to the smallest for q ≤ 0, so that none overflows.

    A compiler gets all moments of a kind as one array, others one by one, which takes less memory.
    """
    everything = xp.ones_like(residuals) > 0
    counted = everything if floor is None else residuals > floor
    largest = xp.max(residuals, axis=-1, keepdims=True)
    smallest = xp.min(xp.where(counted, residuals, xp.ones_like(residuals) * float("inf")), axis=-1, keepdims=True)
    upper, lower = _Ratios(residuals, largest, everything, xp), _Ratios(residuals, smallest, counted, xp)
    kinds = {q: (q > 0, _near_zero(q)) for q in moments}
    groups = [tuple(q for q in kinds if kinds[q] == kind) for kind in dict.fromkeys(kinds.values())]
    if not is_jax(xp):
        groups = [(q,) for group in groups for q in group]
    found = {
        q: part[..., i]
        for group in groups
        for part in [(upper if group[0] > 0 else lower).means(group)]
        for i, q in enumerate(group)
    }
    return xp.stack([found[q] for q in moments], axis=-1)


def _near_zero(q: float) -> int:
    return 2 if q == 0 else int(abs(q) < NEAR_ZERO)


class _Ratios:
    """The logarithms of residuals to a reference, one a box, and means of their powers."""

    def __init__(self, residuals: Array, reference: Array, counted: Array, xp: Namespace) -> None:
        one, self.xp = xp.ones_like(residuals), xp
        self.there = (reference > 0) & (reference < float("inf"))  # otherwise no box fluctuates that counts
        self.counted = (counted & (residuals > 0))[..., None, :]
        unit = xp.where(self.there, reference, xp.ones_like(reference))
        self.logarithms = xp.log(xp.where(self.counted[..., 0, :], residuals / unit, one))[..., None, :]
        self.root = xp.sqrt(unit)
        self.number = xp.where(self.there, xp.sum(xp.where(counted, one, 0 * one), axis=-1, keepdims=True), xp.ones_like(unit))

    def means(self, moments: tuple[float, ...]) -> Array:
        """The means ``(..., moments)`` of moments that are all 0, all near 0, or none."""
        xp, kind = self.xp, _near_zero(moments[0])
        q = xp.asarray(np.array(moments), dtype=self.root.dtype, device=None if is_jax(xp) else self.root.device)
        powers = self.logarithms * (q[:, None] / 2)
        if kind == 2:
            mean = xp.exp(self._mean(self.logarithms / 2))
        elif kind:  # they are so near 1 that what they differ from 1 by is summed
            mean = xp.exp(xp.log1p(self._mean(xp.expm1(powers))) / q)
        else:
            mean = xp.where(self.there, self._mean(xp.exp(powers)), xp.ones_like(self.root)) ** (1 / q)
        return xp.where(self.there, self.root * mean, xp.zeros_like(mean))

    def _mean(self, values: Array) -> Array:
        return self.xp.sum(self.xp.where(self.counted, values, self.xp.zeros_like(values)), axis=-1) / self.number
