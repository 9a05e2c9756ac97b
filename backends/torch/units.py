"""Decides which parameters are measured together, and measures those that are not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol

import torch

from wcdfa.backends.torch.found import Found, of_one
from wcdfa.backends.torch.norms import PIECE
from wcdfa.backends.torch.packs import PACK, PACK_ON_DEVICE, WIDE, Pack, SampledPack, Spare
from wcdfa.backends.torch.parts import Part
from wcdfa.backends.torch.squares import ROW, TOGETHER_BELOW, square_of_rows, square_sum


class Unit(Protocol):
    """Parts that are measured together."""

    parts: Sequence[Part]
    segments: list[int]
    """The segments whose squares it finds, in order."""

    def moved(self, *, weigh: bool) -> Found:
        """How far the parts have moved. The next call measures from here."""

    def view(self) -> None:
        """Look again at where the numbers of the parts are."""


class Large:
    """A large part on a CPU: measured a piece at a time, so that all but the first read of the memory is from its cache."""

    def __init__(self, part: Part, segment: int, width: int) -> None:
        self.parts: Sequence[Part] = [part]
        self.segments, self._width = [segment], width
        self.view()

    def view(self) -> None:
        """Look again at where the numbers of the part are."""
        (part,) = self.parts
        now = part.now_view
        rows = part.old.numel() // self._width
        count = -(-rows // (-(-rows // max(1, PIECE // self._width))))  # rows of a piece, so that all are about as large
        size = count * self._width
        self._pieces = []
        if now is None:
            return
        lengths = now.new_empty(count)
        for old, new in zip(part.old.split(size), now.split(size), strict=True):  # type: ignore[no-untyped-call]
            own = old.view(-1, self._width)
            self._pieces.append((old, own, new, new.view(-1, self._width), lengths[: len(own)]))

    def moved(self, *, weigh: bool) -> Found:
        """How far it has moved. The next call measures from here."""
        if not self._pieces:
            return _of(self.parts[0], weigh=weigh)
        square = weight = 0.0
        for old, rows, new, new_rows, lengths in self._pieces:
            old.sub_(new)
            own = square_of_rows(rows, lengths)
            square += float(square_sum(old).numpy()) if math.isnan(own) else own
            if weigh:
                own = square_of_rows(new_rows, lengths)
                weight += float(square_sum(new).numpy()) if math.isnan(own) else own
            old.copy_(new)
        return of_one(square, weight if weigh else None)


class Lone:
    """A part by itself: on a device, with earlier values on another one, or whose numbers must be copied to be in a row."""

    def __init__(self, part: Part, segment: int) -> None:
        self.parts: Sequence[Part] = [part]
        self.segments = [segment]

    def view(self) -> None:
        """The part has looked."""

    def moved(self, *, weigh: bool) -> Found:
        """How far it has moved. The next call measures from here."""
        return _of(self.parts[0], weigh=weigh)


def _of(part: Part, *, weigh: bool) -> Found:
    if part.now_view is None and not part.fits:
        unknown = torch.full((1,), math.nan)
        return Found(unknown, None, unknown if weigh else None)
    square, variance, weight = part.moved(part.now_view, weigh=weigh)
    return Found(square.view(1), None if variance is None else variance.view(1), None if weight is None else weight.view(1))


def units_of(parts: Sequence[Part], segments: Sequence[int], kinds: Sequence[int]) -> list[Unit]:
    """Units of parts, each of one kind.

    Parameters
    ----------
    parts : list of Part
    segments : list of int
        The segment of each part.
    kinds : list of int
        Parts of different kinds of sharding are never in one unit.
    """
    found = [_alone(part, segment) for part, segment in zip(parts, segments, strict=True) if not _packs(part)]
    small = [i for i, part in enumerate(parts) if _packs(part)]

    def key(i: int) -> tuple[object, ...]:
        return (str(parts[i].kind.device), str(parts[i].kind.dtype), parts[i].stride > 1)

    for _, same in groupby(sorted(small, key=lambda i: (*key(i), segments[i])), key):
        rows = list(_cut(list(same), parts, kinds))
        size = max(sum(parts[i].old.numel() for i in row) for row in rows)
        spare = Spare(parts[rows[0][0]].old, size)
        for row in rows:
            kind = SampledPack if parts[row[0]].stride > 1 else Pack
            found.append(kind([parts[i] for i in row], [segments[i] for i in row], spare))
    return found


def _alone(part: Part, segment: int) -> Unit:
    """The unit of one part."""
    near = part.now_view is not None and {part.kind.device.type, part.old.device.type} == {"cpu"}
    width = _width(part.old.numel())
    return Large(part, segment, width) if near and part.stride == 1 and part.old.dtype in WIDE and width else Lone(part, segment)


def _width(size: int) -> int:
    """The longest row, of those that are short enough for a sum in float32, that a number of numbers can be cut into; 0 if none."""
    return next((each for each in range(2 * ROW, ROW // 8, -1) if size % each == 0), 0)


def _packs(part: Part) -> bool:
    """Whether it is cheaper to measure the part with others."""
    size, on_cpu = part.old.numel(), part.kind.device.type == "cpu"
    there = part.now_view is not None and part.old.device == part.kind.device
    return there and size < (TOGETHER_BELOW if on_cpu and part.stride == 1 else PACK if on_cpu else PACK_ON_DEVICE)


def _cut(places: Sequence[int], parts: Sequence[Part], kinds: Sequence[int]) -> Iterator[list[int]]:
    """Rows of parts that are not too long, and of one kind of sharding."""
    row: list[int] = []
    size = 0
    for i in places:
        own = parts[i].old.numel()
        if row and (size + own > (PACK if parts[i].kind.device.type == "cpu" else PACK_ON_DEVICE) or kinds[i] != kinds[row[-1]]):
            yield row
            row, size = [], 0
        row.append(i)
        size += own
    yield row
