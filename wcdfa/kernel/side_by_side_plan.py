"""The constants for merging boxes of given length, sizes and order: the matrices of each stage, and weights of their outputs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix, basis, constant_and_ramp, frozen, residual_filter, two_scale

WIDEST_BLOCK = 256  # one dense stage costs n · block; up to this block a second stage would cost more
FIRST_BLOCK = 64  # the first of several stages reads blocks shorter than this
DOUBLINGS = 4  # doublings that each later stage does


class Stage(NamedTuple):
    """One matrix for several doublings, and which of its squared outputs count at which size."""

    inputs: int  # inputs of a block: samples, or coefficients and means of boxes
    boxes: int  # complete boxes that enter
    per_block: int  # how many boxes a block holds
    blocks: int  # the last one may be partly padding
    details: int  # leading outputs that are details; coefficients and mean of the block follow
    transform: Array  # (inputs of a block, outputs)
    every: Array  # (terms of a block, sizes): the weight of each term in F² …
    last: Array  # … and the same for the last block, where only terms in complete boxes count


class Plan(NamedTuple):
    """Everything that is computed without the data."""

    chains: tuple[tuple[Stage, ...], ...]  # one for each smallest size
    positions: Array  # positions of the wanted sizes among all that the chains give
    longest: int  # samples that the first stages read, with padding


def chains_of(sizes: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """Group sizes into chains of doublings, each under its smallest member.

    >>> chains_of((4, 5, 8, 20, 32))
    {4: (4, 8, 32), 5: (5, 20)}
    """
    chains: dict[int, tuple[int, ...]] = {}
    for size in sizes:
        base = next((b for b in chains if size % b == 0 and (size // b).bit_count() == 1), size)
        chains[base] = (*chains.get(base, ()), size)
    return chains


@lru_cache(maxsize=1024)
def worthwhile(sizes: tuple[int, ...]) -> bool:
    """Whether merging beats fitting each size: enough doublings, and smallest boxes that one dense matrix can hold."""
    chains = chains_of(sizes)
    return 2 * len(chains) <= len(sizes) and max(chains) <= WIDEST_BLOCK // 2


@lru_cache(maxsize=64)
def plan(n: int, sizes: tuple[int, ...], order: int) -> Plan:
    """The stages for a series of `n` samples."""
    chains, computed = [], []
    for base, members in chains_of(sizes).items():
        size, boxes = base, n // base
        stages: list[Stage] = []
        for doublings in _split(base, (members[-1] // base).bit_length() - 1):
            final = size << doublings == members[-1]
            inputs = boxes_from_boxes(1 << doublings, order) if stages else boxes_from_samples(size, 1 << doublings, order)
            stages.append(merging_stage(inputs, n, size, boxes, doublings, order, later=bool(stages), final=final))
            computed += [size << k for k in range(1 if len(stages) > 1 else 0, doublings + 1)]
            size, boxes = size << doublings, boxes >> doublings
        chains.append(tuple(stages))
    longest = max(stages[0].blocks * stages[0].inputs for stages in chains)
    return Plan(tuple(chains), np.array([computed.index(size) for size in sizes]), longest)


def _split(base: int, doublings: int) -> list[int]:
    """How many doublings each stage does."""
    if base << doublings <= WIDEST_BLOCK:
        return [doublings]
    first = max((FIRST_BLOCK - 1) // base, 1).bit_length() - 1
    rest = doublings - first
    return [first] + [DOUBLINGS] * (rest // DOUBLINGS) + ([rest % DOUBLINGS] if rest % DOUBLINGS else [])


class Box(NamedTuple):
    """The properties of a box as linear functions of the inputs of its block: columns of ``(inputs, …)``."""

    coefficients: Matrix
    mean: Matrix
    details: Matrix


def boxes_from_samples(size: int, count: int, order: int) -> list[Box]:
    """The smallest boxes of a block of `count` of them, as functions of its samples."""
    centre = np.eye(size) - 1 / size
    project = centre @ np.tril(np.ones((size, size))).T @ basis(size, order)
    boxes = []
    for j in range(count):
        rows = slice(j * size, (j + 1) * size)
        parts = project, np.full((size, 1), 1 / size), residual_filter(size, order)
        wide = [np.zeros((count * size, part.shape[1])) for part in parts]
        for target, part in zip(wide, parts, strict=True):
            target[rows] = part
        boxes.append(Box(*wide))
    return boxes


def boxes_from_boxes(count: int, order: int) -> list[Box]:
    """The boxes that enter a later stage, as functions of their own coefficients and means; their details are already summed."""
    fields = order + 2
    inputs = np.eye(count * fields)
    starts = range(0, count * fields, fields)
    empty = np.zeros((count * fields, 0))
    return [Box(inputs[:, j : j + order + 1], inputs[:, j + order + 1 : j + fields], empty) for j in starts]


def merge(a: Box, b: Box, size: int, order: int) -> Box:
    """Merge two boxes: take both profiles relative to the joint mean, then apply the two-scale map."""
    coarse, fine = two_scale(size, order)
    constant, ramp = constant_and_ramp(size, order)
    tilt = (b.mean - a.mean) / 2
    joint = np.hstack([a.coefficients - tilt * ramp, b.coefficients + tilt * (ramp - size * constant)])
    return Box(joint @ coarse, (a.mean + b.mean) / 2, joint @ fine)


def merging_stage(
    boxes_in: list[Box], n: int, size: int, boxes: int, doublings: int, order: int, *, later: bool, final: bool
) -> Stage:
    """Merge the boxes of a block `doublings` times; keep every detail, and at which size and in which box it arises."""
    columns: list[Matrix] = []
    levels: list[int] = []  # for each term: the number of doublings after which it arises …
    ends: list[int] = []  # … and where its box ends, in boxes that enter
    if later:  # the residuals of the boxes that enter are the first terms
        levels += [0] * len(boxes_in)
        ends += range(1, len(boxes_in) + 1)
    current = boxes_in
    for level in range(doublings + 1):
        if level:
            current = [merge(a, b, size << (level - 1), order) for a, b in list(pairwise(current))[::2]]
        for j, box in enumerate(current):
            columns.append(box.details)
            levels += [level] * box.details.shape[1]
            ends += [(j + 1) << level] * box.details.shape[1]
    details = sum(c.shape[1] for c in columns)
    if not final:
        columns += [current[0].coefficients, current[0].mean]
    per_block = 1 << doublings
    blocks = -(-boxes // per_block)
    # a term counts at a size if it arises at that size or below …
    sizes = range(1 if later else 0, doublings + 1)
    counts = np.array([[level <= k for k in sizes] for level in levels], dtype=np.float64).reshape(len(levels), -1)
    counts /= [(size << k) * (n // (size << k)) for k in sizes]
    # … and lies in a complete box of that size
    remaining = boxes - (blocks - 1) * per_block
    complete = [(remaining >> k) << k for k in sizes]
    last = counts * (np.array(ends).reshape(-1, 1) <= complete)
    every = np.concatenate([np.tile(counts, (blocks - 1, 1)), last]) if final else counts
    by_size = frozen(every.T).T  # one row of memory per size is read twice as fast
    transform = frozen(np.hstack(columns))
    return Stage(len(transform), boxes, per_block, blocks, details, transform, by_size, frozen(last))
