"""F²(s) of one short series in NumPy: the plans of `side_by_side` and `half_overlap`, carried out in arrays that are made once.

A series of a few hundred samples needs less time for its arithmetic than NumPy takes to start each operation and to make its result. So
each product here writes into an array that waits for it. Of these arrays there is one set for each computation that runs at the same
time: a set is taken from those that are idle, and put back when it is done.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wcdfa.kernel.half_overlap_plan import BLOCK, half_plan, on_grid
from wcdfa.kernel.half_overlap_plan import Stage as HalfStage
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.kernel.side_by_side_plan import plan, worthwhile

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 1024  # samples; for more, the time is in the arithmetic


class Work(Protocol):
    """A set of arrays, and the computation that uses them."""

    def __call__(self, x: Matrix) -> Matrix:
        """Mean squared residuals, a new array."""


class OneSeries:
    """Computes F²(s) of one float64 series of a fixed length; several threads may use it at once."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self._make = make
        self._idle = [make()]

    def __call__(self, x: Matrix) -> Matrix:
        """Mean squared residuals, a new array ``(sizes,)``."""
        try:
            work = self._idle.pop()
        except IndexError:  # all are at work in other threads
            work = self._make()
        values = work(x)
        self._idle.append(work)
        return values


@lru_cache(maxsize=32)
def one_series(n: int, sizes: tuple[int, ...], order: int, overlap: float) -> OneSeries | None:
    """The computation for series of `n` samples and boxes side by side (overlap 0) or that overlap by half; None if it would not pay."""
    if n > LONGEST or len(sizes) < 2:
        return None
    if overlap:
        return OneSeries(lambda: _ByHalves(n, sizes, order)) if all(map(on_grid, sizes)) else None
    if not worthwhile(sizes) or any(len(chain) > 1 for chain in plan(n, sizes, order).chains):
        return None
    return OneSeries(lambda: _SideBySide(n, sizes, order))


class _SideBySide:
    """Boxes side by side: one product for each chain of doublings, and one that sums its squares."""

    def __init__(self, n: int, sizes: tuple[int, ...], order: int) -> None:
        chains, positions, longest = plan(n, sizes, order)
        self._positions = np.asarray(positions)
        stages = [stage for (stage,) in chains]
        samples = np.zeros(max(longest, n))  # the padding belongs to incomplete boxes, which have weight zero
        self._samples = samples[:n]
        self._terms, terms = _segments([stage.blocks * stage.details for stage in stages])
        self._values, values = _segments([stage.every.shape[1] for stage in stages])
        self._products = []
        for stage, part in zip(stages, terms, strict=True):
            blocks = samples[: stage.blocks * stage.inputs].reshape(stage.blocks, stage.inputs)
            details = part.reshape(stage.blocks, stage.details)
            self._products.append((blocks, blocks[:, :1], np.empty_like(blocks), np.asarray(stage.transform), details))
        self._sums = [(part, np.asarray(stage.every), value) for part, stage, value in zip(terms, stages, values, strict=True)]

    def __call__(self, x: Matrix) -> Matrix:
        np.copyto(self._samples, x)
        for blocks, first, local, transform, details in self._products:
            np.subtract(blocks, first, out=local)
            np.matmul(local, transform, out=details)
        np.multiply(self._terms, self._terms, out=self._terms)
        for terms, every, value in self._sums:
            np.dot(terms, every, out=value)
        return np.asarray(self._values.take(self._positions))


class _ByHalves:
    """Boxes that overlap by half: one product for all blocks, one for all larger boxes, and one that sums all squares."""

    def __init__(self, n: int, sizes: tuple[int, ...], order: int) -> None:
        count = -(-n // BLOCK)
        gather = 1 << (count - 1).bit_length()  # so that the second stage is a single block
        (stage, *later), positions = half_plan(n, sizes, order, gather)
        samples = np.zeros((count + 1) * BLOCK)
        self._samples = samples[:n]
        self._windows = np.lib.stride_tricks.as_strided(samples, (count, 2 * BLOCK), (BLOCK * 8, 8), writeable=False)
        self._first = samples[: count * BLOCK : BLOCK, None]
        self._reference = np.empty_like(self._first)
        self._local = np.empty((count, 2 * BLOCK))
        self._transform = np.asarray(stage.transform)
        self._outputs = np.empty((count, self._transform.shape[1]))
        coefficients = self._transform.shape[1] - stage.terms - stage.boxes
        self._details, self._coefficients = self._outputs[:, : stage.terms], self._outputs[:, stage.terms : -stage.boxes]
        self._means = self._outputs[:, -stage.boxes :]
        state, (left, levels) = _segments([count * coefficients, count * stage.boxes])
        self._state, self._left, self._levels = state, left.reshape(count, -1), levels.reshape(count, -1)
        weights, self._later = _weights_of_two(stage, later, count, gather)
        self._weights = frozen(weights[:, np.asarray(positions)].T)
        self._terms, (own, self._more) = _segments([count * stage.terms, len(self._later)])
        self._own = own.reshape(count, stage.terms)

    def __call__(self, x: Matrix) -> Matrix:
        np.copyto(self._samples, x)
        np.subtract(self._windows, self._first, out=self._local)
        np.matmul(self._local, self._transform, out=self._outputs)
        np.multiply(self._details, self._details, out=self._own)
        if len(self._more):
            np.copyto(self._left, self._coefficients)
            np.subtract(self._first, self._first[0], out=self._reference)
            np.add(self._means, self._reference, out=self._levels)
            np.dot(self._later, self._state, out=self._more)
            np.multiply(self._more, self._more, out=self._more)
        return np.asarray(np.dot(self._weights, self._terms))


def _segments(lengths: list[int]) -> tuple[Matrix, list[Matrix]]:
    """An array, and consecutive parts of it of the given lengths."""
    whole = np.zeros(sum(lengths))
    return whole, np.split(whole, np.cumsum(lengths)[:-1])


def _weights_of_two(stage: HalfStage, later: list[HalfStage], count: int, gather: int) -> tuple[Matrix, Matrix]:
    """The weight of each squared output in each F², ``(terms, sizes)``, and the rows that give the outputs of the second stage.

    Terms are those of the first stage, block by block, then those of the second stage, less those that count nowhere.
    """
    middle = count - 1 - stage.tail
    own = np.concatenate([np.asarray(stage.first), np.tile(np.asarray(stage.every), (middle, 1)), np.asarray(stage.last)])
    if not later:
        return own, np.zeros((0, 0))
    (second,) = later
    weights, transform = np.asarray(second.first), np.asarray(second.transform)
    boxes, summed = stage.boxes, gather * stage.boxes
    of_box = np.concatenate(  # (gather, boxes, sizes): all boxes of one chain stand before the one of the other
        [weights[: summed - gather].reshape(gather, boxes - 1, -1), weights[summed - gather : summed, None]], axis=1
    )
    nested = np.einsum("tj,bjs->bts", np.asarray(stage.residuals), of_box[:count]).reshape(len(own), -1)
    details = weights[summed:]
    counting = np.flatnonzero(details.any(axis=1))
    fields = (transform.shape[0] // (2 * summed)) - 1
    rows = np.concatenate([np.arange(count * boxes * fields), 2 * summed * fields + np.arange(count * boxes)])
    wide = np.block([[own, nested], [np.zeros((len(counting), own.shape[1])), details[counting]]])
    return wide, frozen(transform[np.ix_(rows, counting)].T)
