"""What a stream keeps: its boxes, the samples that wait for a box to be complete, and its first few samples."""

from __future__ import annotations

import math

import numpy as np

from wcdfa.kernel.polynomials import Matrix
from wcdfa.streaming.box_merging import bases
from wcdfa.streaming.chain import Chain

PORTION = 1 << 16  # samples that are fitted together, whenever the end of the stream is a multiple of it: half a megabyte
ROOM = PORTION + 128  # samples that wait; less than a block of 64 is left after each portion


class Pieces:
    """The state of a stream, without any check of what comes in."""

    __slots__ = ("chains", "count", "head", "high", "low", "order", "origin", "start", "waiting")

    def __init__(self, order: int, start: int) -> None:
        self.order, self.start, self.count = order, start, 0
        self.low, self.high = math.inf, -math.inf
        self.chains = [Chain(base, order, start) for base in bases(order)]
        self.head: Matrix = np.empty(0)  # the first samples, because a box may begin before them
        self.waiting: Matrix = np.empty(0)  # samples from `origin` on, and room for more
        self.origin = start

    @property
    def stop(self) -> int:
        """Index of the sample that comes next."""
        return self.start + self.count

    @property
    def held(self) -> Matrix:
        """The samples that wait."""
        return self.waiting[: self.stop - self.origin]

    @property
    def head_length(self) -> int:
        """Of a box that begins before the stream, at most so many samples lie in it."""
        return self.chains[-1].base - 1

    def copy(self) -> Pieces:
        """An independent copy; boxes are shared, because nothing changes them."""
        other = Pieces(self.order, self.start)
        other.count, other.low, other.high, other.head = self.count, self.low, self.high, self.head
        other.chains = [chain.copy() for chain in self.chains]
        other.waiting, other.origin = self.held.copy(), self.origin
        return other

    def settled(self) -> Pieces:
        """A copy in which all complete boxes are counted, so that few samples wait."""
        other = self.copy()
        if other.count:
            other.advance(to_the_end=True)
        return other

    def push(self, block: Matrix) -> None:
        """Append samples ``(n,)``."""
        self._note(block)
        done = 0
        while done < len(block):
            part = block[done : done + PORTION - self.stop % PORTION]
            held = self.stop - self.origin
            self.waiting[held : held + len(part)] = part
            self.count += len(part)
            done += len(part)
            if not self.stop % PORTION:
                self.advance(to_the_end=False)

    def push_one(self, value: float) -> None:
        """Append one sample: `push` in a tenth of the time."""
        if len(self.waiting) < ROOM or self.count < self.head_length:
            self.push(np.array([value]))
            return
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.waiting[self.start + self.count - self.origin] = value
        self.count += 1
        if not (self.start + self.count) % PORTION:
            self.advance(to_the_end=False)

    def _note(self, block: Matrix) -> None:
        """Keep the smallest, largest and first samples, and make room."""
        if len(block):
            self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
        self.head = np.concatenate([self.head, block[: self.head_length - len(self.head)]])
        if len(self.waiting) < ROOM:
            held, self.waiting = self.held, np.empty(ROOM)
            self.waiting[: len(held)] = held

    def advance(self, *, to_the_end: bool) -> None:
        """Count boxes of the samples that wait: whole blocks of boxes, or all that are complete. Keep the samples of boxes to come."""
        held = self.held
        for chain in self.chains:
            chain.advance(held, self.origin, to_the_end=to_the_end)
        origin = min(self.stop, *(chain.position for chain in self.chains))
        left = held[origin - self.origin :].copy()
        if to_the_end:
            self.waiting = left
        else:
            self.waiting[: len(left)] = left
        self.origin = origin

    def samples(self) -> Matrix | None:
        """All samples; None if boxes have taken the place of some."""
        if self.count <= self.head_length:
            return self.head
        return self.held if self.origin == self.start else None

    def joined(self, following: Pieces) -> Pieces:
        """What a stream would keep that has also seen the `following` samples."""
        raw = following.samples()
        if raw is not None:
            joint = self.copy()
            joint.push(raw)
            return joint
        joint, later = self.settled(), following.copy()
        for chain, other in zip(joint.chains, later.chains, strict=True):
            chain.join(self._seam(chain.base, joint, later.head), other)
        joint.head = np.concatenate([joint.head, later.head])[: joint.head_length]
        joint.count += later.count
        joint.low, joint.high = min(joint.low, later.low), max(joint.high, later.high)
        joint.waiting, joint.origin = later.waiting, later.origin
        return joint

    @staticmethod
    def _seam(base: int, before: Pieces, head: Matrix) -> Matrix | None:
        """The samples of the box that begins in one stream and ends in the next; None if there is none."""
        inside = before.stop % base
        if not inside or before.stop - inside < before.start:
            return None
        return np.concatenate([before.held[-inside:], head[: base - inside]])

    def boxes(self, size: int) -> int:
        """How many complete boxes of a size there are."""
        return max(0, self.stop // size - -(-self.start // size))

    def chain_of(self, size: int) -> tuple[Chain, int] | None:
        """The chain that has boxes of a size, and how often its smallest size is doubled; None if no chain has."""
        for chain in self.chains:
            times, remainder = divmod(size, chain.base)
            if not remainder and times.bit_count() == 1:
                return chain, times.bit_length() - 1
        return None

    def mean_square(self, size: int) -> float:
        """F² of a size that a chain has, over the boxes that are counted."""
        found = self.chain_of(size)
        assert found is not None
        chain, level = found
        return chain.totals.value(level) / (size * self.boxes(size))
