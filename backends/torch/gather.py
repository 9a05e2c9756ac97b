"""Takes the numbers of a sample from many parameters at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias

import torch

from wcdfa.backends.torch.direction_layout import Held
from wcdfa.backends.torch.packs import Pack
from wcdfa.backends.torch.parts import Part
from wcdfa.backends.torch.snapshot import Snapshot

MANY = 4  # pieces of a row, above which all are taken by their places at once
Source: TypeAlias = "Callable[[], torch.Tensor]"


class Run(NamedTuple):
    """Numbers of a pack at equal distances."""

    pack: Pack
    begin: int
    step: int
    size: int

    @property
    def end(self) -> int:
        """Where the next number would be."""
        return self.begin + self.size * self.step

    def goes_on(self, other: Run) -> bool:
        """Whether the other begins where this one ends."""
        return (other.pack, other.begin) == (self.pack, self.end) and other.step == self.step


class Gather:
    """The numbers of the sample that this process holds, in one new row in float32 or wider: as they were when last measured.

    Of parts of which not all numbers are measured, or elsewhere, they are the current ones.

    Parameters
    ----------
    held : list of Held
        Where the numbers of each part are, in the order of the row.
    device : torch.device
        Where the row is to be.
    """

    def __init__(self, held: Sequence[Held], device: torch.device) -> None:
        self._held, self._device = [each for each in held if len(each.own.numbers)], device

    def __call__(self, snapshot: Snapshot) -> torch.Tensor:
        """Take them."""
        sources = snapshot.kept.get(id(self))  # kept there, because they hold the numbers
        if sources is None:
            sources = snapshot.kept[id(self)] = self._sources(snapshot)
        rows = [source() for source in sources]
        if not rows:
            return torch.zeros(0, device=self._device)
        if len({(row.dtype, row.device) for row in rows} | {(rows[0].dtype, self._device)}) > 1:
            rows = [_wide(row.to(self._device, non_blocking=True)) for row in rows]
        return _wide(torch.cat(rows))

    def _sources(self, snapshot: Snapshot) -> list[Source]:
        """Where the numbers come from, in order."""
        packs = {id(part): unit for unit in snapshot.units if type(unit) is Pack for part in unit.parts}
        found: list[Source] = []
        for pack, same in groupby(self._held, lambda each: packs.get(id(snapshot.parts[each.part]))):
            parts = [(snapshot.parts[each.part], each) for each in same]
            if pack is None:
                found += [_source(part, each) for part, each in parts]
            else:
                found += _sources_in(pack, parts)
        return found


def _sources_in(pack: Pack, parts: Sequence[tuple[Part, Held]]) -> list[Source]:
    """Where the numbers of the parts of a pack come from: as few pieces of its row as there can be."""
    if not all(isinstance(each.own.places, slice) for _, each in parts):
        return [_source(part, each) for part, each in parts]
    runs = list(_runs(pack, parts))
    if len(runs) <= MANY:
        return [_of_run(run) for run in runs]
    places = torch.cat([torch.arange(run.begin, run.end, run.step) for run in runs]).to(pack.row.device)
    return [lambda: pack.row.index_select(0, places)]


def _runs(pack: Pack, parts: Sequence[tuple[Part, Held]]) -> Iterator[Run]:
    """The numbers of the parts, joined where they go on at the same distance."""
    last: Run | None = None
    for part, each in parts:
        places = each.own.places
        assert isinstance(places, slice)
        run = Run(pack, pack.begin_of(part) + (places.start or 0), places.step or 1, len(each.own.numbers))
        if last is not None and last.goes_on(run):
            last = last._replace(size=last.size + run.size)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _of_run(run: Run) -> Source:
    places = slice(run.begin, run.end - run.step + 1, run.step)
    return lambda: run.pack.row[places]


def _source(part: Part, held: Held) -> Source:
    """Where the numbers of one part come from, if it is not in a pack of which all numbers are measured."""
    places = held.own.places

    def taken(row: torch.Tensor) -> torch.Tensor:
        return row[places] if isinstance(places, slice) else row.index_select(0, places)

    if part.stride == 1 and part.old.device == part.kind.device:
        return lambda: taken(part.old)
    if part.whole_view is not None:
        view = part.whole_view
        own = taken(view) if isinstance(places, slice) else None
        return lambda: taken(view) if own is None else own
    return lambda: taken(part.row())


def _wide(row: torch.Tensor) -> torch.Tensor:
    return row if row.dtype == torch.float64 else row.float()
