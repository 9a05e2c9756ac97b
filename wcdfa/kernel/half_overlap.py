"""F²(s) on boxes that overlap by half, for sizes 2·2^k and 3·2^k, in O(n).

A box of size 2h that starts at a multiple of h is two neighbouring boxes of size h. With RSS(p) the residual sum of squares of the
p-th box of size h, and d(p) the details of the joint box of p and p + 1 (see `side_by_side`), the half-overlapping boxes of size 2h have

    Σ RSS = Σ_p RSS(p) + RSS(p + 1) + ‖d(p)‖²

and RSS(p) is itself the sum of the details of the smaller boxes that p is made of. So one matrix computes, from
two neighbouring blocks, everything about the boxes that start in the first block. A weight for each squared output says how often it
counts at each size. Each later stage reads the coefficients and means of the boxes that the stage before leaves.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, constant, is_jax, matmul_of, reshape_of
from wcdfa.kernel.half_overlap_plan import BLOCK, GATHER, Stage, half_plan
from wcdfa.kernel.side_by_side import BATCH, by_slabs_of_series


def mean_squares_by_halves(x: Array, sizes: tuple[int, ...], order: int, xp: Namespace) -> Array:
    """Mean squared residual ``(..., len(sizes))`` of the profile of `x` ``(..., n)`` on boxes that start at every half box."""
    if isinstance(x, np.ndarray) and x.ndim > 1 and x.size > BATCH:
        return by_slabs_of_series(x, lambda rows: mean_squares_by_halves(rows, sizes, order, NUMPY), len(sizes))
    stages, positions = constant(half_plan, x.shape[-1], sizes, order, xp=xp, like=x)
    samples = _blocks(x[..., None], BLOCK, stages[0], xp)[..., 0]
    first = samples[..., :1]
    level = xp.mean(first, axis=-2, keepdims=True)
    pairs = xp.concat([samples[..., :-1, :], samples[..., 1:, :]], axis=-1) - first[..., :-1, :]
    piece, state = _advance(pairs, first[..., :-1, :] - level, None, stages[0], xp)
    pieces = [piece]
    for before, stage in pairwise(stages):
        pairs, reference, residuals = _pairs(state, before.boxes, order, stage, xp)
        piece, state = _advance(pairs, reference, residuals, stage, xp)
        pieces.append(piece)
    return xp.take(xp.concat(pieces, axis=-1), positions, axis=-1)


def _blocks(x: Array, size: int, stage: Stage, xp: Namespace) -> Array:
    """Rows ``(..., n, fields)`` as blocks ``(..., blocks + 1, size, fields)``; padding has weight zero."""
    *batch, n, fields = x.shape
    missing = (stage.blocks + 1) * size - n
    filling = xp.zeros((*batch, missing, fields), dtype=x.dtype, device=None if is_jax(xp) else x.device)
    return reshape_of(xp)(xp.concat([x, filling], axis=-2), (*batch, stage.blocks + 1, size, fields))


def _pairs(state: Array, boxes: int, order: int, stage: Stage, xp: Namespace) -> tuple[Array, Array, Array]:
    """Two neighbouring blocks of boxes: coefficients, then means relative to the first mean; that mean; residuals."""
    reshape = reshape_of(xp)
    blocks = _blocks(state, GATHER, stage, xp)
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


def _advance(pairs: Array, reference: Array, residuals: Array | None, stage: Stage, xp: Namespace) -> tuple[Array, Array]:
    """F² of the sizes of a stage, and the boxes left for the next: ``(..., blocks, [coefficients, means, residuals])``."""
    matmul = matmul_of(xp)
    outputs = matmul(pairs, stage.transform)
    details = outputs[..., : stage.terms]
    terms = details * details
    if residuals is not None:
        terms = xp.concat([residuals, terms], axis=-1)
    edge = stage.blocks - stage.tail
    tail = reshape_of(xp)(terms[..., edge:, :], (*terms.shape[:-2], stage.tail * terms.shape[-1]))
    piece = matmul(terms[..., 0, :], stage.first) + matmul(xp.sum(terms[..., 1:edge, :], axis=-2), stage.every)
    piece = piece + matmul(tail, stage.last)
    kept = outputs.shape[-1] - stage.boxes
    means = outputs[..., kept:] + reference
    return piece, xp.concat([outputs[..., stage.terms : kept], means, matmul(terms, stage.residuals)], axis=-1)
