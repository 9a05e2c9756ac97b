"""Fits boxes of samples, and merges neighbouring boxes of one size, with the matrices of the kernel.

A box is a row of numbers: its ``order + 1`` coefficients, a level, its mean above that level, and its residual sum of squares. The level
is its first sample. So two means differ by a difference of samples, which is exact where they are close, and a difference of small
numbers: neither an offset nor a long drift costs digits, at any length.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.kernel.side_by_side_plan import FIRST_BLOCK, boxes_from_boxes, boxes_from_samples, merging_stage
from wcdfa.scales import dyadic

SLAB = 1 << 13  # samples that are fitted at a time, so that their arrays stay in the processor's cache
CHAINS = 4  # smallest sizes, of which all others are doublings


@lru_cache(maxsize=8)
def bases(order: int) -> tuple[int, ...]:
    """The smallest size of each chain of doublings.

    >>> bases(1), bases(2)
    ((4, 5, 6, 7), (6, 7, 8, 10))
    """
    low = 2 * (order + 1)
    return dyadic(low, 4 * low)[:CHAINS]


def fields(order: int) -> int:
    """How many numbers describe a box."""
    return order + 4


@lru_cache(maxsize=16)
def doublings_of_block(base: int) -> int:
    """Doublings that one matrix does, from the samples on."""
    return ((FIRST_BLOCK - 1) // base).bit_length() - 1


@lru_cache(maxsize=64)
def _first_stage(base: int, doublings: int, order: int) -> tuple[Matrix, Matrix]:
    """From the samples of a block to its details, coefficients and mean; and which details count at which doubling."""
    count = 1 << doublings
    boxes = boxes_from_samples(base, count, order)
    stage = merging_stage(boxes, count * base, base, count, doublings, order, later=False, final=False)
    return np.asarray(stage.transform), np.asarray(stage.every) * (count * base)


@lru_cache(maxsize=512)
def _merging(size: int, order: int) -> Matrix:
    """From two boxes, the left one with level and mean 0 and the right one relative to it, to the joint box and its details."""
    known, width = order + 1, fields(order)
    inputs = boxes_from_boxes(2, order)
    stage = np.asarray(merging_stage(inputs, 2 * size, size, 2, 1, order, later=True, final=False).transform)
    matrix = np.zeros((2, width, width + known))
    for box, rows in zip(matrix, np.split(stage, 2), strict=True):
        box[:known, :known], box[:known, width:] = rows[:known, known:-1], rows[:known, :known]
        box[-1, width - 1] = 1  # residuals add up
    difference = stage[-1]
    for column in (known, known + 1):  # the mean is the level and what is above it
        matrix[1, column, :known], matrix[1, column, width:] = difference[known:-1], difference[:known]
        matrix[1, column, known + 1] = difference[-1]
    return frozen(matrix.reshape(2 * width, -1))


def fitted(samples: Matrix, base: int, doublings: int, order: int) -> tuple[Matrix, Matrix]:
    """Fit boxes of ``base << doublings`` samples each, one after the other.

    Returns
    -------
    boxes : numbers of shape (boxes, fields)
    sums : numbers of shape (doublings + 1,)
        The residual sums of squares of all boxes of `base` samples, of twice as many, and so on.
    """
    transform, counts = _first_stage(base, doublings, order)
    blocks = samples.reshape(-1, base << doublings)
    boxes, sums = np.empty((len(blocks), fields(order))), np.zeros(len(counts))
    rows = max(1, min(SLAB // (base << doublings), len(blocks)))
    room = np.empty((rows, base << doublings)), np.empty((rows, transform.shape[1]))
    for start in range(0, len(blocks), rows):
        part = slice(start, start + rows)
        sums += _fit(blocks[part], transform, boxes[part], room)
    return boxes, sums @ counts


def _fit(blocks: Matrix, transform: Matrix, boxes: Matrix, room: tuple[Matrix, Matrix]) -> Matrix:
    """Fill in the boxes of some blocks, and return the sum over blocks of each squared detail."""
    local, outputs = (each[: len(blocks)] for each in room)
    kept = boxes.shape[1] - 2  # coefficients and mean
    first = blocks[:, :1]
    np.subtract(blocks, first, out=local)
    np.matmul(local, transform, out=outputs)
    boxes[:, : kept - 1] = outputs[:, -kept:-1]
    boxes[:, kept - 1] = first[:, 0]
    boxes[:, kept] = outputs[:, -1]
    np.multiply(outputs, outputs, out=outputs)  # all of them, because they are contiguous
    terms = outputs[:, :-kept]
    np.matmul(terms, np.ones(terms.shape[1]), out=boxes[:, -1])
    return np.ones(len(blocks)) @ terms


def merged(boxes: Matrix, size: int, order: int) -> Matrix:
    """Merge the first of the boxes of `size` samples with the second, the third with the fourth, and so on."""
    width, known = fields(order), order + 1
    means = slice(known, known + 2)
    pairs = boxes.reshape(-1, 2, width)
    inputs = pairs.copy()
    inputs[:, 1, means] -= pairs[:, 0, means]
    inputs[:, 0, means] = 0
    outputs = inputs.reshape(-1, 2 * width) @ _merging(size, order)
    joint, details = outputs[:, :width], outputs[:, width:]
    joint[:, means] += pairs[:, 0, means]
    joint[:, -1] += np.einsum("ij,ij->i", details, details)
    return joint
