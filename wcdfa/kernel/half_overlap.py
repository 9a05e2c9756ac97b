"""F²(s) on boxes that overlap by half, for sizes 2·2^k and 3·2^k, in O(n).

A box of size 2h that starts at a multiple of h is two neighbouring boxes of size h. With RSS(p) the residual sum of squares of the
p-th box of size h, and d(p) the details of the joint box of p and p + 1 (see `side_by_side`), the half-overlapping boxes of size 2h have

    Σ RSS = Σ_p RSS(p) + RSS(p + 1) + ‖d(p)‖²

and RSS(p) is itself the sum of the details of the smaller boxes that p is made of. So one matrix computes, from
two neighbouring blocks, everything about the boxes that start in the first block. A weight for each squared output says how often it
counts at each size. Each later stage reads the coefficients and means of the boxes that the stage before leaves.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, constant, is_jax, matmul_of, reshape_of
from wcdfa.kernel.half_overlap_plan import BLOCK, GATHER, Stage, half_plan
from wcdfa.kernel.side_by_side import BATCH, SLAB, Inputs, by_slabs_of_series, squared


def mean_squares_by_halves(x: Array, sizes: tuple[int, ...], order: int, xp: Namespace) -> Array:
    """Mean squared residual ``(..., len(sizes))`` of the profile of `x` ``(..., n)`` on boxes that start at every half box."""
    if isinstance(x, np.ndarray) and x.ndim > 1 and x.size > BATCH:
        return by_slabs_of_series(x, lambda rows: mean_squares_by_halves(rows, sizes, order, NUMPY), len(sizes))
    stages, positions = constant(half_plan, x.shape[-1], sizes, order, xp=xp, like=x)
    level = xp.mean(x[..., ::BLOCK], axis=-1)[..., None, None]
    read: Callable[[int, int], Inputs] = partial(_read_samples, x, level, xp)
    pieces = []
    for stage in stages:
        piece, state = _advance(read, stage, xp)
        pieces.append(piece)
        read = partial(_read_boxes, state, stage.boxes, order, xp)
    return xp.take(xp.concat(pieces, axis=-1), positions, axis=-1)


def _blocks(rows: Array, size: int, start: int, stop: int, xp: Namespace) -> Array:
    """Blocks `start` to `stop`, that one included, of rows ``(..., n, fields)``; zeros, of weight zero, where there are no more."""
    *batch, n, fields = rows.shape
    missing = max((stop + 1) * size - n, 0)
    rows = rows[..., min(start * size, n) : min((stop + 1) * size, n), :]
    if missing:
        zeros = xp.zeros((*batch, missing, fields), dtype=rows.dtype, device=None if is_jax(xp) else rows.device)
        rows = xp.concat([rows, zeros], axis=-2)
    return reshape_of(xp)(rows, (*batch, stop + 1 - start, size, fields))


def _read_samples(x: Array, level: Array, xp: Namespace, start: int, stop: int) -> Inputs:
    """Pairs of blocks of samples relative to the first sample of each pair, and that sample relative to the level of the series."""
    samples = _blocks(x[..., None], BLOCK, start, stop, xp)[..., 0]
    first = samples[..., :-1, :1]
    pairs = xp.concat([samples[..., :-1, :], samples[..., 1:, :]], axis=-1) - first
    return pairs, first - level, None


def _read_boxes(state: Array, boxes: int, order: int, xp: Namespace, start: int, stop: int) -> Inputs:
    """Two neighbouring blocks of boxes: coefficients, then means relative to the first mean; that mean; residuals."""
    reshape = reshape_of(xp)
    blocks = _blocks(state, GATHER, start, stop, xp)
    split = boxes * (order + 1)
    both = xp.concat([blocks[..., :-1, :, :], blocks[..., 1:, :, :]], axis=-2)
    *batch, count, width, _ = both.shape
    coefficients = reshape(both[..., :split], (*batch, count, width * split))
    means = reshape(both[..., split : split + boxes], (*batch, count, width * boxes))
    reference = means[..., :1]
    # by chain, then by position, which is the order of the terms of a stage
    residuals = blocks[..., :-1, :, split + boxes :]
    chains = [residuals[..., : boxes - 1], residuals[..., boxes - 1 :]] if boxes > 1 else [residuals]
    flat = [reshape(part, (*batch, count, GATHER * part.shape[-1])) for part in chains]
    return xp.concat([coefficients, means - reference], axis=-1), reference, xp.concat(flat, axis=-1)


def _advance(read: Callable[[int, int], Inputs], stage: Stage, xp: Namespace) -> tuple[Array, Array]:
    """F² of the sizes of a stage, and the boxes left for the next: ``(..., blocks, [coefficients, means, residuals])``.

    NumPy computes a slab of blocks at a time, so that intermediate arrays stay in the processor's cache; other libraries compute all at once.
    """
    matmul = matmul_of(xp)
    edge = stage.blocks - stage.tail
    slab = max(1, SLAB // stage.transform.shape[0]) if xp is NUMPY else stage.blocks
    pieces, tails, states = [], [], []
    for start in range(0, stage.blocks, slab):
        pairs, reference, residuals = read(start, min(start + slab, stage.blocks))
        outputs = matmul(pairs, stage.transform)
        kept = outputs.shape[-1] - stage.boxes
        means = outputs[..., kept:] + reference
        terms = squared(outputs, stage.terms, xp)
        if residuals is not None:
            terms = xp.concat([residuals, terms], axis=-1)
        states.append(xp.concat([outputs[..., stage.terms : kept], means, matmul(terms, stage.residuals)], axis=-1))
        if start == 0:
            pieces.append(matmul(terms[..., 0, :], stage.first))
        pieces.append(matmul(_sum_of_blocks(terms[..., 0 if start else 1 : max(edge - start, 0), :], xp), stage.every))
        if start + slab > edge:
            tails.append(terms[..., max(edge - start, 0) :, :])
    if tails:
        tail = tails[0] if len(tails) == 1 else xp.concat(tails, axis=-2)
        pieces.append(matmul(reshape_of(xp)(tail, (*tail.shape[:-2], stage.tail * tail.shape[-1])), stage.last))
    return reduce(operator.add, pieces), states[0] if len(states) == 1 else xp.concat(states, axis=-2)


def _sum_of_blocks(terms: Array, xp: Namespace) -> Array:
    """The sum over blocks of terms ``(..., blocks, terms)``. A product with ones is four times as fast as NumPy's sum."""
    if isinstance(terms, np.ndarray) and terms.ndim == 2:
        return np.asarray(np.ones(len(terms), terms.dtype) @ terms)
    return xp.sum(terms, axis=-2)
