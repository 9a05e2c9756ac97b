"""Computes F²(s) for sizes m·2^k in O(n): boxes are fitted once, at the smallest size, and then merged.

The coefficients and means of two neighbouring boxes of size s determine their fits; an orthogonal matrix turns these into the fit on
the joint box and its *details*. The joint residual sum of squares is that of the two halves plus the squared details. No
term is ever subtracted from another, at any length: this is the discrete multiwavelet transform of the profile (B. Alpert, SIAM J.
Math. Anal. 24, 246, 1993, doi:10.1137/0524016), and F² is the energy of its details below scale s.

One matrix, a *stage*, does several doublings. The first stage reads samples; each later stage reads the coefficients and means that the
one before left, a thirtieth of the data or less. Nothing outside a box affects it: values are relative to the first one of their
block, and profiles start and end at zero, so float32 keeps its precision at any n.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, constant, matmul_of, reshape_of
from wcdfa.kernel.side_by_side_plan import Stage, plan

if TYPE_CHECKING:
    import numpy.typing as npt

SLAB = 1 << 15  # samples of one series that NumPy computes at a time …
BATCH = 1 << 15  # … and of many short ones

Inputs = tuple[Array, Array, Array | None]  # block, reference value, residuals of its boxes


def mean_squares_side_by_side(x: Array, sizes: tuple[int, ...], order: int, xp: Namespace) -> Array:
    """Mean squared residual ``(..., len(sizes))`` of the profile of `x` ``(..., n)`` on forward boxes."""
    if isinstance(x, np.ndarray) and x.ndim > 1 and x.size > BATCH:
        return by_slabs_of_series(x, lambda rows: mean_squares_side_by_side(rows, sizes, order, NUMPY), len(sizes))
    matmul, reshape = matmul_of(xp), reshape_of(xp)
    chains, positions, longest = constant(plan, x.shape[-1], sizes, order, xp=xp, like=x)
    batch = x.shape[:-1]
    alone = isinstance(x, np.ndarray) and x.ndim == 1
    if longest > x.shape[-1] and not alone:  # pad with any finite values: their boxes are incomplete and have weight zero
        x = xp.concat([x, x[..., : longest - x.shape[-1]]], axis=-1)
    pieces = []
    for *stages, final in chains:
        first = stages[0] if stages else final
        level = xp.mean(x[..., : first.blocks * first.inputs : first.inputs], axis=-1)[..., None, None] if stages else 0.0
        if alone:
            read = partial(_read_blocks, np.asarray(x), first, level)
        else:
            samples = reshape(x[..., : first.blocks * first.inputs], (*batch, first.blocks, first.inputs))
            read = partial(_read_samples, samples, level)
        for stage, following in pairwise([*stages, final]):
            piece, state = _advance(read, stage, xp)
            pieces.append(piece)
            read = partial(_read_boxes, _blocks_of_boxes(state, following, xp), order, xp)
        block, _, residuals = read()
        terms = _terms(matmul(block, final.transform), final.details, residuals, xp)
        pieces.append(matmul(reshape(terms, (*batch, final.blocks * terms.shape[-1])), final.every))
    return xp.take(xp.concat(pieces, axis=-1), positions, axis=-1)


def by_slabs_of_series(x: npt.NDArray[np.floating], compute: Callable[[Array], Array], sizes: int) -> Array:
    """Compute a large batch in NumPy a few series at a time, so that the intermediate arrays stay in the processor's cache."""
    rows = x.reshape(-1, x.shape[-1])
    count = max(1, BATCH // x.shape[-1])
    slabs = [rows[i] if count == 1 else rows[i : i + count] for i in range(0, len(rows), count)]
    parts = [np.reshape(np.asarray(compute(slab)), (-1, sizes)) for slab in slabs]
    return np.concatenate(parts).reshape(*x.shape[:-1], sizes)


def _advance(read: Callable[..., Inputs], stage: Stage, xp: Namespace) -> tuple[Array, Array]:
    """F² of a stage that is not the last, and the boxes it leaves ``(..., boxes, [coefficients, mean, residual])``."""
    if xp is NUMPY and stage.blocks * stage.inputs > SLAB:
        return _advance_by_slabs(read, stage)
    matmul = matmul_of(xp)
    block, first, residuals = read()
    outputs = matmul(block, stage.transform)
    terms = _terms(outputs, stage.details, residuals, xp)
    mean, residual = first + outputs[..., -1:], xp.sum(terms, axis=-1, keepdims=True)
    # the last block may be partly padding, so it is weighted separately
    piece = matmul(xp.sum(terms[..., :-1, :], axis=-2), stage.every) + matmul(terms[..., -1, :], stage.last)
    return piece, xp.concat([outputs[..., stage.details : -1], mean, residual], axis=-1)


def _advance_by_slabs(read: Callable[..., Inputs], stage: Stage) -> tuple[Array, Array]:
    """`_advance` for one long series in NumPy, a slab of blocks at a time, so that intermediate arrays stay in the processor's cache.

    Sums are products with ones, which are four times as fast as NumPy's sums.
    """
    transform, every, last = (np.asarray(each) for each in (stage.transform, stage.every, stage.last))
    rows, kept = max(1, SLAB // stage.inputs), transform.shape[1] - stage.details
    room, state = np.empty((rows, transform.shape[1]), transform.dtype), np.empty((stage.blocks, kept + 1), transform.dtype)
    ones = np.ones(max(rows, transform.shape[1]), transform.dtype)
    total = np.zeros(len(every), transform.dtype)
    for start in range(0, stage.blocks, rows):
        entering, first, residuals = read(slice(start, start + rows))
        block = np.asarray(entering)
        outputs = np.matmul(block, transform, out=room[: len(block)])
        left, terms = state[start : start + rows], outputs[:, : stage.details]
        left[:, :kept] = outputs[:, stage.details :]
        left[:, kept - 1 : kept] += np.asarray(first)
        np.multiply(outputs, outputs, out=outputs)  # all of them, because they are contiguous
        np.matmul(terms, ones[: stage.details], out=left[:, kept])
        if residuals is not None:
            left[:, kept] += np.sum(np.asarray(residuals), axis=-1)
        parts = [terms] if residuals is None else [np.asarray(residuals), terms]
        counted = min(len(block), stage.blocks - 1 - start)  # the last block may be partly padding, so it is weighted separately
        total += np.concatenate([ones[:counted] @ part[:counted] for part in parts])
        final = np.concatenate([part[-1] for part in parts])
    return total @ every + final @ last, state


def _terms(outputs: Array, details: int, residuals: Array | None, xp: Namespace) -> Array:
    """The terms whose weighted sum is F²: the residuals of the boxes that enter each block, and its squared details."""
    squares = squared(outputs, details, xp)
    return squares if residuals is None else xp.concat([residuals, squares], axis=-1)


def squared(outputs: Array, count: int, xp: Namespace) -> Array:
    """The squares of the first so many outputs of each block. NumPy is faster if it squares all, because they are contiguous."""
    if xp is NUMPY:
        return (outputs * outputs)[..., :count]
    details = outputs[..., :count]
    return details * details


def _read_samples(samples: Array, level: Array | float) -> Inputs:
    """Blocks of samples relative to the first sample of each block, and that sample relative to the level of the series.

    Both differences are exact if a series is far from zero, so its offset never enters a mean.
    """
    first = samples[..., :1]
    return samples - first, first - level, None


def _read_blocks(x: npt.NDArray[np.floating], stage: Stage, level: Array | float, span: slice | None = None) -> Inputs:
    """`_read_samples` for some blocks of one series in NumPy: only the last one is padded, so the series is not copied."""
    start, stop = (0, stage.blocks) if span is None else (span.start, min(span.stop, stage.blocks))
    part = x[start * stage.inputs : stop * stage.inputs]
    missing = (stop - start) * stage.inputs - len(part)
    if missing:
        part = np.concatenate([part, x[:missing]])
    return _read_samples(part.reshape(stop - start, stage.inputs), level)


def _blocks_of_boxes(state: Array, stage: Stage, xp: Namespace) -> Array:
    """The complete boxes that a stage leaves, padded to whole blocks of the next: ``(..., blocks, per_block, fields)``."""
    *batch, _, fields = state.shape
    state = state[..., : stage.boxes, :]
    missing = stage.blocks * stage.per_block - stage.boxes
    if missing:  # less than a block is missing: pad with any finite values
        state = xp.concat([state, state[..., :missing, :]], axis=-2)
    return xp.reshape(state, (*batch, stage.blocks, stage.per_block, fields))


def _read_boxes(boxes: Array, order: int, xp: Namespace, span: slice | None = None) -> Inputs:
    """Blocks of merged boxes as coefficients and means, the means relative to the first of each block."""
    boxes = boxes if span is None else boxes[..., span, :, :]
    means = boxes[..., order + 1]
    first = means[..., :1]
    inputs = xp.concat([boxes[..., : order + 1], (means - first)[..., None]], axis=-1)
    return xp.reshape(inputs, (*means.shape[:-1], means.shape[-1] * (order + 2))), first, boxes[..., order + 2]
