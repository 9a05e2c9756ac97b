"""Many evenly spaced moments in NumPy: one logarithm and one exponential a box, then products.

With u = residual^(δ/2), δ the spacing of the moments, the power of moment number i + m·j is u^i · (u^m)^j times that of the first. So m powers
of u and as many of u^m are all that is made for each box; a matrix product over the boxes of one size gives the sums of all m² powers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from wcdfa.kernel.arrays import Array

if TYPE_CHECKING:
    import numpy.typing as npt

FEWEST = 6  # moments; fewer are as fast one by one
GROUP = 1 << 14  # boxes that are computed at a time, so that their powers stay in the processor's cache
WIDEST = 600.0  # of the logarithm of a power: exp(709) is the largest number
NEAR_ZERO = 0.01  # moments nearer to 0 need another formula, for a root of order 1/q is taken of their mean

Floats: TypeAlias = "npt.NDArray[np.float64]"


class Spacing(NamedTuple):
    """Moments that are evenly spaced, and how their powers are split into products."""

    first: float
    step: float
    moments: int  # how many
    zero: int | None  # which of them is 0
    low: int  # powers of u …
    high: int  # … and of u^low

    @property
    def reach(self) -> float:
        """The largest moment, in absolute value, whose powers are made."""
        return max(abs(self.first), abs(self.first + self.step * (self.low * self.high - 1)), abs(self.step * self.low))


@lru_cache(maxsize=64)
def spacing_of(moments: tuple[float, ...]) -> Spacing | None:
    """The spacing of moments; None if there are too few, if they are not evenly spaced, or if one is near 0 without being 0."""
    if len(moments) < FEWEST:
        return None
    step = (moments[-1] - moments[0]) / (len(moments) - 1)
    exact = all(abs(b - a - step) <= 1e-12 * abs(step) for a, b in pairwise(moments))
    near = [i for i, q in enumerate(moments) if abs(q) < NEAR_ZERO]
    if step == 0 or not exact or any(abs(moments[i]) > 1e-12 * abs(step) for i in near):
        return None
    low = math.isqrt(len(moments) - 1) + 1
    return Spacing(moments[0], step, len(moments), near[0] if near else None, low, -(-len(moments) // low))


def means_of_evenly_spaced(residuals: Sequence[Array], floors: Sequence[Array | None], spacing: Spacing) -> list[Array | None]:
    """The generalised means ``(..., moments)`` of residuals ``(..., boxes)`` for each size.

    None where they must be taken one by one: a residual does not exceed its floor, so not every moment counts it, or powers would overflow.
    """
    means: list[Array | None] = []
    for group in _groups([each.shape[-1] for each in residuals]):
        *batch, _ = residuals[group.start].shape
        rows = [np.asarray(each).reshape(-1, each.shape[-1]) for each in residuals[group]]
        slab = max(1, GROUP // sum(each.shape[1] for each in rows))
        with np.errstate(all="ignore"):  # where something is wrong, the size is left to other formulas
            slabs = [_of_group([each[i : i + slab] for each in rows], spacing) for i in range(0, len(rows[0]), slab)]
            found, lowest, widest = (np.concatenate(each) for each in zip(*slabs, strict=True))
            limits = np.stack(
                [np.zeros(len(rows[0])) if each is None else np.asarray(each).reshape(-1) for each in floors[group]], axis=1
            )
            whole = np.all((lowest > limits) & (widest * (spacing.reach / 2) < WIDEST), axis=0).tolist()
        means += [found[:, i].reshape(*batch, spacing.moments) if whole[i] else None for i in range(len(rows))]
    return means


def _groups(counts: list[int]) -> list[slice]:
    """Neighbouring sizes that are computed together."""
    groups, start = [], 0
    for stop in range(1, len(counts) + 1):
        if stop == len(counts) or sum(counts[start : stop + 1]) > GROUP:
            groups.append(slice(start, stop))
            start = stop
    return groups


def _of_group(residuals: list[Floats], spacing: Spacing) -> tuple[Floats, Floats, Floats]:
    """The generalised means ``(rows, sizes, moments)`` of some sizes, their smallest residuals, and how far logarithms reach."""
    counts = [each.shape[1] for each in residuals]
    ends = np.cumsum(counts)
    starts = ends - counts
    together = np.concatenate(residuals, axis=1)
    smallest, largest = (of.reduceat(together, starts, axis=1) for of in (np.minimum, np.maximum))
    logarithms = np.log(together / np.repeat(largest, counts, axis=1))
    low, high = _powers(logarithms, spacing)
    sums = np.stack(
        [_sums_of_products(high[:, :, a:b], low[:, :, a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)], axis=1
    )
    means = sums[..., : spacing.moments] / np.array(counts)[:, None]
    orders = spacing.first + spacing.step * np.arange(spacing.moments)
    if spacing.zero is not None:
        orders[spacing.zero] = 1.0
        means[..., spacing.zero] = np.exp(np.add.reduceat(logarithms, starts, axis=1) / counts / 2)
    return np.sqrt(largest)[..., None] * means ** (1 / orders), smallest, np.log(largest / smallest)


def _powers(logarithms: Floats, spacing: Spacing) -> tuple[Floats, Floats]:
    """u^i ``(low, rows, boxes)``, and the first power times u^(low·j) ``(high, rows, boxes)``."""
    low, high = (np.empty((count, *logarithms.shape)) for count in (spacing.low, spacing.high))
    unit = np.exp(logarithms * (spacing.step / 2))
    low[0] = 1.0
    for i in range(1, spacing.low):
        np.multiply(low[i - 1], unit, out=low[i])
    jump = low[-1] * unit
    np.exp(logarithms * (spacing.first / 2), out=high[0])
    for j in range(1, spacing.high):
        np.multiply(high[j - 1], jump, out=high[j])
    return low, high


def _sums_of_products(high: Floats, low: Floats) -> Floats:
    """Sums over boxes of all products ``(rows, high · low)``."""
    if high.shape[1] == 1:
        return np.asarray(high[:, 0] @ low[:, 0].T).reshape(1, -1)
    return np.asarray(np.matmul(high.transpose(1, 0, 2), low.transpose(1, 2, 0))).reshape(high.shape[1], -1)
