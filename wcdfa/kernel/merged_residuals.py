"""The mean squared residual of every box at sizes m·2^k, in O(n): boxes are fitted at the smallest size, and then merged in pairs.

This is the arithmetic of `side_by_side`, which keeps sums over boxes only. Here every box keeps its own residual.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, constant, matmul_of
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.kernel.side_by_side_plan import Box, boxes_from_samples, chains_of, merge

LARGEST_BASE = 64  # samples: smallest boxes up to this size are fitted by one dense matrix


class Merging(NamedTuple):
    """The matrices that fit the smallest boxes, and those that merge two boxes after each doubling."""

    fit: Array  # (samples of a box, [coefficients, mean, details])
    merges: tuple[Array, ...]  # (fields of two boxes, [coefficients, mean, details])


@lru_cache(maxsize=1024)
def merged_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the sizes that are worth merging: doublings of a small size that is there too.

    >>> merged_sizes((4, 8, 13, 16, 100, 200))
    (4, 8, 16)
    """
    chains = chains_of(sizes)
    return tuple(sorted(s for base, chain in chains.items() if base <= LARGEST_BASE and len(chain) > 1 for s in chain))


@lru_cache(maxsize=128)
def merging(base: int, doublings: int, order: int) -> Merging:
    """The matrices of one chain."""
    (box,) = boxes_from_samples(base, 1, order)
    fields = order + 2
    inputs, empty = np.eye(2 * fields), np.zeros((2 * fields, 0))
    halves = [Box(inputs[:, j : j + order + 1], inputs[:, j + order + 1 : j + fields], empty) for j in (0, fields)]
    return Merging(_columns(box), tuple(_columns(merge(*halves, base << k, order)) for k in range(doublings)))


def _columns(box: Box) -> Matrix:
    return frozen(np.hstack([box.coefficients, box.mean, box.details]))


def forward_boxes(x: Array, sizes: tuple[int, ...], order: int, xp: Namespace) -> dict[int, Array]:
    """The mean squared residuals ``(..., boxes)`` of boxes placed from the start, by size."""
    found: dict[int, Array] = {}
    for base, members in chains_of(sizes).items():
        doublings = (members[-1] // base).bit_length() - 1
        for k, residuals in enumerate(_chain(x, base, doublings, order, xp)):
            if base << k in members:
                found[base << k] = residuals / (base << k)
    return found


def backward_boxes(x: Array, sizes: tuple[int, ...], order: int, xp: Namespace) -> dict[int, Array]:
    """The same for boxes placed from the end, still in the order of time."""
    n, found = x.shape[-1], {}
    for size in sizes:  # boxes of each size end with the series, so they begin where those of no other size do
        base = next(b for b, members in chains_of(sizes).items() if size in members)
        *_, residuals = _chain(x[..., n % size :], base, (size // base).bit_length() - 1, order, xp)
        found[size] = residuals / size
    return found


def _chain(x: Array, base: int, doublings: int, order: int, xp: Namespace) -> list[Array]:
    """The residual sums of squares ``(..., boxes)`` after 0, 1, … doublings.

    A mean is kept relative to the first sample of its box, so neither the offset nor the drift of the series costs digits.
    """
    matmul, batch, count = matmul_of(xp), x.shape[:-1], x.shape[-1] // base
    plan = constant(merging, base, doublings, order, xp=xp, like=x)
    samples = xp.reshape(x[..., : count * base], (*batch, count, base))
    first = samples[..., 0]
    state, residual = _split(matmul(samples - first[..., None], plan.fit), order, xp)
    found = [residual]
    for transform in plan.merges:
        count //= 2
        apart = (first[..., 1 : 2 * count : 2] - first[..., 0 : 2 * count : 2])[..., None]
        first = first[..., 0 : 2 * count : 2]
        left, right = state[..., 0 : 2 * count : 2, :], state[..., 1 : 2 * count : 2, :]
        pairs = xp.concat([left, right[..., : order + 1], right[..., order + 1 :] + apart], axis=-1)
        state, gained = _split(matmul(pairs, transform), order, xp)
        residual = residual[..., 0 : 2 * count : 2] + residual[..., 1 : 2 * count : 2] + gained
        found.append(residual)
    return found


def _split(outputs: Array, order: int, xp: Namespace) -> tuple[Array, Array]:
    """Coefficients and means ``(..., boxes, order + 2)``, and the sum of squared details ``(..., boxes)``."""
    details = outputs[..., order + 2 :]
    return outputs[..., : order + 2], xp.sum(details * details, axis=-1)
