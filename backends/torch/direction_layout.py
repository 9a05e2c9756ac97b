"""Lays out the sample that the direction is measured on: which numbers this process holds, in which order, and which are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch

from wcdfa.backends.torch.norms import ProcessGroups
from wcdfa.backends.torch.own_sample import Own, own_sample
from wcdfa.backends.torch.snapshot import Part
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
    groups : list of tuples of int
        The positions of the parts of each group; a part may belong to none.
    blocks : list
        The kinds of sharding.
    coordinates, seed : int
        As in `wcdfa.recording.sample.sample_of`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        groups: Sequence[Sequence[int]],
        blocks: Sequence[ProcessGroups],
        *,
        coordinates: int,
        seed: int,
    ) -> None:
        sizes = {str(i): part.tensor.numel() * (2 if part.tensor.is_complex() else 1) for i, part in enumerate(parts)}
        self.sample, self.total = sample_of(sizes, coordinates, seed), sum(sizes.values())
        self.lengths = [0] * (len(blocks) * (len(groups) + 1))
        self.held: list[Held] = []
        bases = [0, *accumulate(self.sample.counts.values())]
        group_of = {i: number for number, members in enumerate(groups) for i in members}
        segments = [
            blocks.index(part.process_groups) * (len(groups) + 1) + group_of.get(i, len(groups)) for i, part in enumerate(parts)
        ]
        for i in sorted(range(len(parts)), key=segments.__getitem__):
            own = own_sample(parts[i].tensor, self.sample.firsts[str(i)], self.sample.every)
            self.held.append(Held(i, parts[i].process_groups, own, sum(self.lengths), bases[i], self.sample.counts[str(i)]))
            self.lengths[segments[i]] += len(own.numbers)
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


def gathered(rows: Sequence[torch.Tensor], device: torch.device) -> torch.Tensor:
    """One new row of all numbers on the device, in float32 or wider."""
    if not rows:
        return torch.zeros(0, device=device)
    if any(row.device != device for row in rows):
        rows = [row.to(device, non_blocking=True) for row in rows]
    if len({row.dtype for row in rows}) > 1:
        rows = [row if row.dtype == torch.float64 else row.float() for row in rows]
    row = torch.cat(list(rows))
    return row if row.dtype == torch.float64 else row.float()
