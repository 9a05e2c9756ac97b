"""The mean squared residual of every box at sizes m·2^k, in O(n): boxes are fitted at the smallest size, and then merged in pairs.

This is the arithmetic of `side_by_side`, which keeps sums over boxes only. Here every box keeps its own residual.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, constant, matmul_of, reshape_of
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.kernel.side_by_side_plan import Box, boxes_from_samples, chains_of, merge

LARGEST_BASE = 64  # samples: smallest boxes up to this size are fitted by one dense matrix
SLAB = 1 << 15  # samples that NumPy fits at a time, so that intermediate arrays stay in the processor's cache


class Merging(NamedTuple):
    """The matrices that fit the smallest boxes, and that merge two boxes after each doubling.

    Their rows are the inputs of a box, the last one the mean of its second half; their columns its state and its details.
    """

    fit: Array
    merges: tuple[Array, ...]


@lru_cache(maxsize=1024)
def merged_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the sizes that are worth merging: doublings of a small size that is there too.

    >>> merged_sizes((4, 8, 13, 16, 100, 200))
    (4, 8, 16)
    """
    chains = chains_of(sizes)
    return tuple(sorted(s for base, chain in chains.items() if base <= LARGEST_BASE and len(chain) > 1 for s in chain))


@lru_cache(maxsize=1024)
def _chains(sizes: tuple[int, ...]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return tuple(chains_of(sizes).items())


@lru_cache(maxsize=128)
def merging(base: int, doublings: int, order: int) -> Merging:
    """The matrices of one chain."""
    (box,) = boxes_from_samples(base, 1, order)
    fields = order + 2
    inputs, empty = np.eye(2 * fields), np.zeros((2 * fields, 0))
    a, b = (Box(inputs[:, j : j + order + 1], inputs[:, j + order + 1 : j + fields], empty) for j in (0, fields))
    return Merging(_columns(box), tuple(_columns(merge(a, b, base << k, order)) for k in range(doublings)))


def _columns(box: Box) -> Matrix:
    return frozen(np.hstack([box.coefficients, box.mean, box.details]))


def merged_residuals(x: Array, sizes: tuple[int, ...], order: int, backward: bool, xp: Namespace) -> dict[int, Array]:
    """The mean squared residual ``(..., ends, boxes)`` of each box, by size: from the start and, unless they coincide, from the end."""
    found: dict[int, Array] = {}
    for base, members in _chains(sizes):
        doublings = (members[-1] // base).bit_length() - 1
        for k, residuals in enumerate(_chain(x, base, doublings, order, backward, xp)):
            if base << k in members:
                found[base << k] = residuals / (base << k)
    return found


def _chain(x: Array, base: int, doublings: int, order: int, backward: bool, xp: Namespace) -> list[Array]:
    """The residual sums of squares ``(..., ends, boxes)`` after 0, 1, … doublings; there is one end as long as boxes from both coincide.

    A mean is kept relative to the first sample of its box, so neither the offset nor the drift of the series costs digits.
    """
    plan, fields = constant(merging, base, doublings, order, xp=xp, like=x), order + 2
    reshape, (*batch, n) = reshape_of(xp), x.shape
    samples = _from_ends(x[..., None, :], n // base * base, backward, xp)
    samples = reshape(samples, (*batch, samples.shape[-2], n // base, base))
    first = samples[..., 0]
    state, residual = _fitted(samples, plan.fit, fields, xp)
    found = [residual]
    for transform in plan.merges:
        boxes = state.shape[-2]
        even = boxes // 2 * 2
        state = _from_ends(reshape(state, (*state.shape[:-2], boxes * fields)), even * fields, backward, xp)
        first, residual = (_from_ends(each, even, backward, xp) for each in (first, residual))
        pairs = reshape(state, (*state.shape[:-1], even // 2, 2 * fields))
        apart = first[..., 1::2] - first[..., ::2]  # to be added to the mean of the second half
        if isinstance(pairs, np.ndarray):
            pairs[..., -1] += apart
            outputs = _product(pairs, transform, xp)
        else:
            outputs = _product(pairs, transform, xp) + apart[..., None] * transform[-1, :]
        state, gained = _split(outputs, fields, xp)
        first, residual = first[..., ::2], residual[..., ::2] + residual[..., 1::2] + gained
        found.append(residual)
    return found


def _from_ends(values: Array, count: int, backward: bool, xp: Namespace) -> Array:
    """The first `count` values and, if asked, the last: ``(..., ends, values)``. All of them stay as they are."""
    if count == values.shape[-1]:
        return values
    if not backward:
        return values[..., :count]
    return xp.concat([values[..., :1, :count], values[..., -1:, values.shape[-1] - count :]], axis=-2)


def _fitted(samples: Array, fit: Array, fields: int, xp: Namespace) -> tuple[Array, Array]:
    """The state ``(..., boxes, fields)`` of the smallest boxes ``(..., boxes, samples)`` and their residual sums of squares."""
    if not isinstance(samples, np.ndarray):
        return _split(_product(samples - samples[..., :1], fit, xp), fields, xp)
    rows, matrix = samples.reshape(-1, samples.shape[-1]), np.asarray(fit)
    state, residual = np.empty((len(rows), fields), matrix.dtype), np.empty(len(rows), matrix.dtype)
    count = max(1, SLAB // rows.shape[-1])
    room, local = (np.empty((min(count, len(rows)), width), matrix.dtype) for width in matrix.shape[::-1])
    counting = _details_only(matrix.shape[1], fields, matrix.dtype)
    for start in range(0, len(rows), count):
        part = rows[start : start + count]
        outputs = np.matmul(np.subtract(part, part[:, :1], out=local[: len(part)]), matrix, out=room[: len(part)])
        state[start : start + count] = outputs[:, :fields]
        np.matmul(np.multiply(outputs, outputs, out=outputs), counting, out=residual[start : start + count])
    return state.reshape(*samples.shape[:-1], fields), residual.reshape(samples.shape[:-1])


def _split(outputs: Array, fields: int, xp: Namespace) -> tuple[Array, Array]:
    """State ``(..., boxes, fields)`` and sum of squared details ``(..., boxes)``."""
    if isinstance(outputs, np.ndarray):  # a product is faster than a sum along a short axis
        return outputs[..., :fields], np.matmul(outputs * outputs, _details_only(outputs.shape[-1], fields, outputs.dtype))
    details = outputs[..., fields:]
    return outputs[..., :fields], xp.sum(details * details, axis=-1)


@lru_cache(maxsize=512)
def _details_only(outputs: int, fields: int, dtype: np.dtype[np.float64]) -> Matrix:
    return frozen((np.arange(outputs) >= fields).astype(dtype))


def _product(rows: Array, matrix: Array, xp: Namespace) -> Array:
    """The product of all rows with one matrix. NumPy would take it batch by batch."""
    if not isinstance(rows, np.ndarray):
        return matmul_of(xp)(rows, matrix)
    return np.asarray(rows.reshape(-1, rows.shape[-1]) @ np.asarray(matrix)).reshape(*rows.shape[:-1], matrix.shape[-1])
