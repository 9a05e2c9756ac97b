"""The constants for half-overlapping boxes of given length, sizes and order: the matrix of each stage, and weights of its outputs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix, frozen, residual_filter
from wcdfa.kernel.side_by_side_plan import Box, boxes_from_samples, merge

if TYPE_CHECKING:
    import numpy.typing as npt

BLOCK = 24  # samples in a block of the first stage: a multiple of the steps of all sizes of that stage
GATHER = 8  # each later stage joins this many blocks
TAIL = 3  # only this many last blocks of a stage can hold incomplete boxes


class Stage(NamedTuple):
    """One matrix, and how often each of its squared outputs counts at each size."""

    blocks: int
    tail: int  # how many last blocks are weighted one by one
    terms: int  # leading outputs that are squared; coefficients and means of the boxes that are left follow
    boxes: int  # boxes that a block leaves for the next stage
    transform: Array  # (inputs of two blocks, outputs)
    first: Array  # (terms, sizes): the weights of the terms of the first block …
    every: Array  # … of those in the middle …
    last: Array  # … and of the last ones, (tail · terms, sizes)
    residuals: Array  # (terms, boxes): which terms are residuals of the boxes that are left


class Plan(NamedTuple):
    """Everything that is computed without the data."""

    stages: tuple[Stage, ...]
    positions: Array  # positions of the wanted sizes among all that the stages give


class _Chain(NamedTuple):
    """Boxes of one chain of doublings in two neighbouring blocks, as functions of the inputs of the stage."""

    name: int  # 2 or 3: the sizes are this times a power of two
    length: int  # length of a box
    boxes: list[Box]


class _Terms(NamedTuple):
    """Describes the squared outputs, one entry per term; positions count from the start of the block."""

    chain: npt.NDArray[np.int_]
    start: npt.NDArray[np.int_]
    length: npt.NDArray[np.int_]
    nested: npt.NDArray[np.bool_]  # whether it is part of the residual of a larger box that begins at a multiple of its length
    size: npt.NDArray[np.int_]  # size of the half-overlapping boxes that the term is part of; 0 if there is none


def on_grid(size: int) -> bool:
    """Whether a size is 2·2^k or 3·2^k."""
    return size > 2 and size // (size & -size) in (1, 3)


@lru_cache(maxsize=64)
def half_plan(n: int, sizes: tuple[int, ...], order: int, gather: int | None = None) -> Plan:
    """The stages for a series of `n` samples; each later stage joins `gather` blocks, a power of two; by default GATHER."""
    gather = GATHER if gather is None else gather
    chains = [_Chain(b, h, boxes_from_samples(h, 2 * BLOCK // h, order)) for b, h in smallest_halves(order).items()]
    direct = [s for s in sizes if s < 2 * smallest_halves(order)[s // (s & -s) if s % 3 == 0 else 2]]
    stages: list[Stage] = []
    block, given = BLOCK, list[int]()
    while True:
        stage, found, chains = _stage(n, block, chains, direct if not stages else [], order, later=bool(stages))
        stages.append(stage)
        given += found
        if set(sizes) <= set(given):
            return Plan(tuple(stages), np.array([given.index(size) for size in sizes]))
        chains = _entering(chains, order, gather)
        block *= gather


def smallest_halves(order: int) -> dict[int, int]:
    """The smallest box of each chain that determines a polynomial: from this size on, two boxes make a half-overlapping one."""
    return {base: next(base << k for k in range(4) if base << k > order) for base in (2, 3)}


def _stage(
    n: int, block: int, chains: list[_Chain], direct: list[int], order: int, *, later: bool
) -> tuple[Stage, list[int], list[_Chain]]:
    columns: list[Matrix] = []
    tags: list[tuple[int, int, int, bool, int]] = []
    sizes: list[int] = list(direct)
    left: list[_Chain] = []
    for size in direct:
        step = size // 2
        for start in range(0, block, step):
            wide = np.zeros((2 * block, size - order - 1))
            wide[start : start + size] = residual_filter(size, order)
            columns.append(wide)
            tags += [(0, start, size, False, size)] * wide.shape[1]
    for name, length, boxes in chains:  # first the residuals of the boxes that enter: sums from before, or their own details
        for j, box in enumerate(boxes[: len(boxes) // 2]):
            columns.append(box.details)
            tags += [(name, j * length, length, True, 0)] * (1 if later else box.details.shape[1])
    for name, length, boxes in chains:
        in_block = len(boxes) // 2
        current, h, level = boxes, length, 0
        while True:
            joint = [merge(a, b, h, order) for a, b in pairwise(current)]
            done_before = later and level == 0  # the stage before has done all pairs of this size
            if not done_before:
                sizes.append(2 * h)
            for j in range(0, in_block, 2 if done_before else 1):
                columns.append(joint[j].details)
                tags += [(name, j * h, 2 * h, j % 2 == 0, 0 if done_before else 2 * h)] * (order + 1)
            if in_block % 2:
                left.append(_Chain(name, h, current[:in_block]))
                break
            current, h, level, in_block = joint[::2], 2 * h, level + 1, in_block // 2
    terms = _Terms(*map(np.array, zip(*tags, strict=True)))
    columns += [box.coefficients for chain in left for box in chain.boxes]
    columns += [box.mean for chain in left for box in chain.boxes]
    blocks = -(-n // block)
    tail = min(TAIL, blocks - 1)
    weights = [_weights(terms, i * block, n, sizes) for i in (0, *range(blocks - tail, blocks))]
    middle = (
        _weights(terms, block * max(1, blocks // 2), 4 * block * blocks, sizes)
        * _boxes_of(4 * block * blocks, sizes)
        / _boxes_of(n, sizes)
    )
    residuals = _residuals(terms, left)
    last = np.concatenate(weights[1:]) if tail else np.zeros((0, len(sizes)))
    matrices = (np.hstack(columns), weights[0], middle, last, residuals)
    summed = sum(len(c.boxes) // 2 for c in chains) if later else 0
    stage = Stage(blocks, tail, len(tags) - summed, residuals.shape[1], *(frozen(m) for m in matrices))
    return stage, sizes, left


def _weights(terms: _Terms, offset: int, n: int, sizes: list[int]) -> Matrix:
    """How often each term of the block at `offset` counts in F² of each size, ``(terms, sizes)``."""
    columns = []
    for size in sizes:
        start = terms.start + offset
        own = (terms.size == size) & (start + size <= n)
        half = max(size // 2, 1)
        halves, position = n // half, start // half
        within = terms.nested & (terms.length <= half) & (terms.chain == _chain_of(size)) & (position < halves)
        twice = 2.0 - (position == 0) - (position == halves - 1)  # every half is in two boxes, except the first and the last
        columns.append((own + within * twice) / size)
    return np.stack(columns, axis=1) / _boxes_of(n, sizes)


def _boxes_of(n: int, sizes: list[int]) -> Matrix:
    return np.array([max((n - size) // max(size // 2, 1) + 1, 1) for size in sizes], dtype=np.float64)


def _chain_of(size: int) -> int:
    return 3 if size % 3 == 0 else 2


def _residuals(terms: _Terms, left: list[_Chain]) -> Matrix:
    columns = []
    for chain in left:
        for j in range(len(chain.boxes)):
            inside = (terms.start >= j * chain.length) & (terms.start + terms.length <= (j + 1) * chain.length)
            columns.append(terms.nested & inside & (terms.chain == chain.name))
    return np.stack(columns, axis=1).astype(np.float64)


def _entering(left: list[_Chain], order: int, gather: int) -> list[_Chain]:
    """The boxes that a stage leaves, in two blocks of the next: first the coefficients, block by block, then the means."""
    per_block, fields = sum(len(chain.boxes) for chain in left), order + 1
    count = 2 * gather * per_block
    inputs = np.eye(count * (fields + 1))
    empty = np.zeros((len(inputs), 0))
    chains, offset = [], 0
    for name, length, boxes in left:
        entering = []
        for j in (b * per_block + offset + i for b in range(2 * gather) for i in range(len(boxes))):
            coefficients, mean = inputs[:, j * fields : (j + 1) * fields], inputs[:, count * fields + j : count * fields + j + 1]
            entering.append(Box(coefficients, mean, empty))
        chains.append(_Chain(name, length, entering))
        offset += len(boxes)
    return chains
