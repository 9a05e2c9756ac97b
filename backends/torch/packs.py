"""Measures small parameters together: they are copied into one row, and what is then done is done once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, groupby

import torch

from wcdfa.backends.torch.found import Found, of_one
from wcdfa.backends.torch.norms import widened
from wcdfa.backends.torch.parts import Holder, Part
from wcdfa.backends.torch.segments import Segments
from wcdfa.backends.torch.squares import ROW, square_of_rows, squares_of_rows, wide

PACK = 1 << 17  # numbers in a row of small tensors, on a CPU: they stay in its cache
PACK_ON_DEVICE = 1 << 23
WIDE = (torch.float32, torch.float64)


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
        return None if math.isnan(square + weight) else of_one(square, weight if weigh else None)

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
