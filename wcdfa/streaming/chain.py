"""The boxes of a stream for one smallest size and its doublings: totals of those that are complete, and the few that wait for a neighbour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.polynomials import Matrix
from wcdfa.streaming.box_merging import doublings_of_block, fitted, merged
from wcdfa.streaming.totals import Totals


class Waiting(NamedTuple):
    """A complete box whose neighbour, with which it would make a box of twice the size, is not complete."""

    level: int  # its size is the smallest size, doubled so many times
    place: int  # how many boxes of this size lie before it, from sample 0 on
    box: Matrix  # (fields,)


class Chain:
    """Boxes of `base` samples and its doublings, which lie side by side from sample 0 on, for a stream that begins at `start`.

    `waiting` holds boxes in the order of time; no two of them can be merged. There are at most two of each size.
    """

    __slots__ = ("base", "order", "position", "totals", "waiting")

    def __init__(self, base: int, order: int, start: int) -> None:
        self.base, self.order = base, order
        self.position = -(-start // base) * base  # all boxes that end up to here are counted
        self.waiting: list[Waiting] = []
        self.totals = Totals()

    def copy(self) -> Chain:
        """An independent copy; boxes are shared, because nothing changes them."""
        other = Chain(self.base, self.order, 0)
        other.position, other.waiting, other.totals = self.position, self.waiting.copy(), self.totals.copy()
        return other

    def advance(self, samples: Matrix, origin: int, *, to_the_end: bool) -> None:
        """Count the boxes in `samples`, of which the first is sample `origin` of the series: whole blocks, or all complete boxes."""
        end = origin + len(samples)
        doublings = doublings_of_block(self.base)
        block = self.base << doublings
        boundary, whole = -(-self.position // block) * block, end // block * block

        def fit(stop: int, doublings: int) -> None:
            if stop > self.position:
                self._fit(samples[self.position - origin : stop - origin], doublings)

        if boundary <= whole:
            fit(boundary, 0)
            fit(whole, doublings)
        if to_the_end:
            fit(end // self.base * self.base, 0)

    def _fit(self, samples: Matrix, doublings: int) -> None:
        size = self.base << doublings
        boxes, sums = fitted(samples, self.base, doublings, self.order)
        for level, value in enumerate(sums.tolist()):
            self.totals.add(level, value)
        self._extend(doublings, self.position // size, boxes)
        self.position += len(samples)

    def join(self, seam: Matrix | None, following: Chain) -> None:
        """Append the boxes of the stream that follows; `seam` are the samples of the box across the two, if it is complete."""
        if seam is not None:
            self._fit(seam, 0)
        self.totals.include(following.totals)
        self._append(following.waiting)
        self.position = following.position

    def _append(self, boxes: Iterable[Waiting]) -> None:
        for level, index, box in boxes:
            self._extend(level, index, box[None])

    def _extend(self, level: int, index: int, boxes: Matrix) -> None:
        """Append boxes of one size, and merge whatever can be; their own residuals are counted before."""
        after = []
        while len(boxes):
            if index % 2:
                if self.waiting and self.waiting[-1][:2] == (level, index - 1):
                    boxes = np.concatenate([self.waiting.pop().box[None], boxes])
                    index -= 1
                else:  # the stream begins within the joint box
                    self.waiting.append(Waiting(level, index, boxes[0].copy()))
                    boxes = boxes[1:]
                    index += 1
            if len(boxes) % 2:
                after.append(Waiting(level, index + len(boxes) - 1, boxes[-1].copy()))
                boxes = boxes[:-1]
            if len(boxes):
                boxes = merged(boxes, self.base << level, self.order)
                level, index = level + 1, index // 2
                self.totals.add(level, float(np.sum(boxes[:, -1])))
        self.waiting.extend(reversed(after))
