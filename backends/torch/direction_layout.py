"""Lays out the sample that the direction is measured on: which numbers this process holds, in which order, and which are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from wcdfa.backends.torch.norms import ProcessGroups
from wcdfa.backends.torch.own_sample import Own, own_sample
from wcdfa.backends.torch.parts import Part
from wcdfa.backends.torch.snapshot import Places
from wcdfa.recording.sample import Sample, sample_of


class Held(NamedTuple):
    """Where the numbers of one parameter are in the row of all that this process holds."""

    part: int
    process_groups: ProcessGroups
    own: Own
    begin: int  # where they begin in the row
    base: int  # where those of all processes begin in the sample
    size: int  # how many they are on all processes

    @property
    def end(self) -> int:
        """Where they end in the row."""
        return self.begin + len(self.own.numbers)


class Layout:
    """The row of the numbers that this process holds: by kind of sharding, then by group, so that each is one segment.

    Parameters
    ----------
    parts : list of Part
    places : Places
        The segment of each part.
    blocks : list
        The kinds of sharding.
    order : list of int
        The order of the parts in a segment.
    coordinates, seed : int
        As in `wcdfa.recording.sample.sample_of`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        places: Places,
        blocks: Sequence[ProcessGroups],
        order: Sequence[int],
        *,
        coordinates: int,
        seed: int,
    ) -> None:
        sizes = {str(i): part.tensor.numel() * (2 if part.tensor.is_complex() else 1) for i, part in enumerate(parts)}
        self.sample, self.total = sample_of(sizes, coordinates, seed), sum(sizes.values())
        self.lengths = [0] * (places.blocks * places.each)
        self.held: list[Held] = []
        bases = [0, *accumulate(self.sample.counts.values())]
        for i in sorted(order, key=places.of.__getitem__):
            own = own_sample(parts[i].tensor, self.sample.firsts[str(i)], self.sample.every)
            self.held.append(Held(i, parts[i].process_groups, own, sum(self.lengths), bases[i], self.sample.counts[str(i)]))
            self.lengths[places.of[i]] += len(own.numbers)
        self.rows, self.columns = self._kept([blocks.index(held.process_groups) * coordinates for held in self.held])

    @property
    def size(self) -> int:
        """How many numbers this process holds."""
        return sum(self.lengths)

    def _kept(self, offsets: Sequence[int]) -> tuple[list[int], list[int]]:
        """Where the coordinates that are kept are in the row, and where they go: the column of each, behind an offset."""
        found = [
            (row, offset + column)
            for held, offset in zip(self.held, offsets, strict=True)
            for row, column in _kept_of(self.sample, held)
        ]
        return [row for row, _ in found], [column for _, column in found]


def _kept_of(sample: Sample, held: Held) -> Iterator[tuple[int, int]]:
    """The place in the row, and the column, of each coordinate that is kept of one parameter and that this process holds."""
    numbers = held.own.numbers
    for column, kept in enumerate(sample.kept):
        number = kept - held.base
        if not 0 <= number < held.size:
            continue
        if isinstance(numbers, range):
            place = number - numbers.start
            there = 0 <= place < len(numbers)
        else:
            place = int(np.searchsorted(numbers, number))
            there = place < len(numbers) and bool(numbers[place] == number)
        if there:
            yield held.begin + place, column
