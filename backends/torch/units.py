"""Measures how far parameters moved, many at a time: small ones are copied into one row, and what is then done is done once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple, Protocol, TypeAlias

import torch

from wcdfa.backends.torch.norms import PIECE, widened
from wcdfa.backends.torch.parts import Holder, Part
from wcdfa.backends.torch.segments import Segments
from wcdfa.backends.torch.squares import ROW, TOGETHER_BELOW, square_of_rows, square_sum, squares_of_rows, wide

PACK = 1 << 17  # numbers in a row of small tensors, on a CPU: they stay in its cache
PACK_ON_DEVICE = 1 << 23
WIDE = (torch.float32, torch.float64)


Sums: TypeAlias = "torch.Tensor | list[float]"


class Found(NamedTuple):
    """What is found of the parts of a unit."""

    squares: Sums  # Σ|ΔW|² of each of its segments
    variances: Sums | None  # of each, if they are estimates from a sample
    weight: Sums | None  # Σ|W|² of all, one number, if it was asked for


class Unit(Protocol):
    """Parts that are measured together."""

    parts: Sequence[Part]
    segments: list[int]
    """The segments whose squares it finds, in order."""

    def moved(self, *, weigh: bool) -> Found:
        """How far the parts have moved. The next call measures from here."""

    def view(self) -> None:
        """Look again at where the numbers of the parts are."""


class Buffer:
    """Room for the numbers of a pack, and zeros behind them."""

    def __init__(self, like: torch.Tensor, size: int) -> None:
        self.row = torch.zeros(-(-size // ROW) * ROW, dtype=like.dtype, device=like.device)
        self.rows = self.row.view(-1, ROW)


class Spare:
    """A buffer that is free. A pack writes its current numbers there, and leaves that of the earlier ones."""

    def __init__(self, like: torch.Tensor, size: int) -> None:
        self.buffer = Buffer(like, size)
        self.lengths = like.new_empty(len(self.buffer.rows))
        self.like, self.size = like, size


class Pack(Holder):
    """Parts of one dtype on one device."""

    def __init__(self, parts: Sequence[Part], segments: Sequence[int], spare: Spare) -> None:
        self.parts, self._spare = parts, spare
        sizes = [part.old.numel() for part in parts]
        self.segments = [each for each, _ in groupby(segments)]
        self._lengths = [
            sum(size for _, size in same) for _, same in groupby(zip(segments, sizes, strict=True), lambda both: both[0])
        ]
        self._ends = list(accumulate(sizes))
        self._positions = {id(part): i for i, part in enumerate(parts)}
        self._buffer = Buffer(spare.like, spare.size)
        behind = self._buffer.row.numel() - self._ends[-1]
        self._behind = [self._buffer.row.new_zeros(behind)] if behind else []
        torch.cat([*(part.old for part in parts), *self._behind], out=self._buffer.row)
        for part in parts:
            part.move_into(self)
        self.view()

    def view(self) -> None:
        """Look again at where the numbers of the parts are."""
        self._views = [view for part in self.parts if (view := part.now_view) is not None] + self._behind
        self._copies = len(self._views) < len(self.parts) + len(self._behind)

    @property
    def row(self) -> torch.Tensor:
        """The earlier values of all parts, one after the other."""
        return self._buffer.row

    def begin_of(self, part: Part) -> int:
        """Where the values of a part begin in the row."""
        i = self._positions[id(part)]
        return self._ends[i - 1] if i else 0

    def old_of(self, part: Part) -> torch.Tensor:
        """The earlier values of a part."""
        return self.row[self.begin_of(part) : self._ends[self._positions[id(part)]]]

    def moved(self, *, weigh: bool) -> Found:
        """How far the parts have moved. The next call measures from here."""
        now, old = self._spare.buffer, self._buffer
        torch.cat([*(part.now() for part in self.parts), *self._behind] if self._copies else self._views, out=now.row)
        self._buffer, self._spare.buffer = now, old
        if old.row.dtype in WIDE:
            old.row.sub_(now.row)  # in place: the buffer is free now
            return self._quick(old, now, weigh=weigh) or self._found(old.row, now.row, weigh=weigh)
        return self._found(widened(old.row).sub_(widened(now.row)), now.row, weigh=weigh)

    def _quick(self, change: Buffer, now: Buffer, *, weigh: bool) -> Found | None:
        """What is found of one segment on a CPU, unless only float64 may hold the squares."""
        if len(self._lengths) > 1 or change.row.device.type != "cpu":
            return None
        square = square_of_rows(change.rows, self._spare.lengths)
        weight = square_of_rows(now.rows, self._spare.lengths) if weigh else 0.0
        return None if math.isnan(square + weight) else _found(square, weight if weigh else None)

    def _found(self, change: torch.Tensor, now: torch.Tensor, *, weigh: bool) -> Found:
        rows = [change] if len(self._lengths) == 1 else list(change[: self._ends[-1]].split(self._lengths))  # type: ignore[no-untyped-call]
        if not weigh:
            return Found(squares_of_rows(rows), None, None)
        squares = squares_of_rows([*rows, widened(now)])
        return Found(squares[:-1], None, squares[-1:])


class SampledPack(Pack):
    """Parts of which every n-th number is measured."""

    def __init__(self, parts: Sequence[Part], segments: Sequence[int], spare: Spare) -> None:
        super().__init__(parts, segments, spare)
        self.segments = list(segments)  # one for each part, because the variance is that of each
        counts = [end - begin for begin, end in zip([0, *self._ends], self._ends, strict=False)]
        self._sums = Segments([i for i, count in enumerate(counts) for _ in range(count)], len(counts))
        strides = torch.tensor([float(part.stride) for part in parts])
        self._factors = torch.stack([torch.tensor(counts).clamp(min=1), strides, strides * (strides - 1)])

    def _quick(self, change: Buffer, now: Buffer, *, weigh: bool) -> Found | None:
        return None

    def _found(self, change: torch.Tensor, now: torch.Tensor, *, weigh: bool) -> Found:
        squared = wide(change[: self._ends[-1]]).square()
        self._factors = self._factors.to(squared.device, squared.dtype)
        counts, strides, spread = self._factors.unbind()
        squares, fourths = self._sums(squared), self._sums(squared.square())
        # the variance of a sum over values drawn without replacement, where each stands for as many as the stride
        return Found(squares * strides, (fourths - squares * squares / counts).clamp_(min=0) * spread, None)


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
        return _found(square, weight if weigh else None)


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


def _found(square: float, weight: float | None) -> Found:
    return Found([square], None, None if weight is None else [weight])


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
