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
    """From the coefficients of two boxes and the difference of their means to the details and coefficients of the joint box."""
    stage = merging_stage(boxes_from_boxes(2, order), 2 * size, size, 2, 1, order, later=True, final=False)
    return frozen(np.delete(np.asarray(stage.transform)[:, :-1], order + 1, axis=0))


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
    details, ones = len(counts), np.ones(len(blocks))
    outputs = (blocks - blocks[:, :1]) @ transform
    boxes = np.empty((len(blocks), fields(order)))
    boxes[:, : order + 1] = outputs[:, details:-1]
    boxes[:, order + 1] = blocks[:, 0]
    boxes[:, order + 2] = outputs[:, -1]
    np.multiply(outputs, outputs, out=outputs)  # all of them, because they are contiguous
    terms = outputs[:, :details]
    np.matmul(terms, np.ones(details), out=boxes[:, order + 3])
    return boxes, (ones @ terms) @ counts


def merged(left: Matrix, right: Matrix, size: int, order: int) -> Matrix:
    """Merge each box of `size` samples in `left` with its neighbour in `right`: rows ``(boxes, fields)``."""
    known = order + 1
    difference = right[:, known] - left[:, known] + (right[:, known + 1] - left[:, known + 1])
    inputs = np.concatenate([left[:, :known], right[:, :known], difference[:, None]], axis=1)
    outputs = inputs @ _merging(size, order)
    details = outputs[:, :known]
    joint = np.empty_like(left)
    joint[:, :known] = outputs[:, known:]
    joint[:, known] = left[:, known]
    joint[:, known + 1] = left[:, known + 1] + difference / 2
    joint[:, known + 2] = left[:, known + 2] + right[:, known + 2] + np.einsum("ij,ij->i", details, details)
    return joint
