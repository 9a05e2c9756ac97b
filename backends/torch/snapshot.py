"""Keeps the parameters of an optimizer from before a step, completely or as a sample, and measures how far they moved."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from wcdfa.backends.torch.norms import added, flat, is_sharded, local, pieces, square_of, summed_over, widened
from wcdfa.backends.torch.squares import square_sum, square_sums, wide

NOT_SAMPLED_BELOW = 1 << 12  # numbers in a tensor: small ones cost nothing, and are often of another kind (biases, norms)
TOGETHER_BELOW = 1 << 14  # on the CPU, tensors with fewer numbers are measured together; on other devices all are


class Moved(NamedTuple):
    """Σ|ΔW|² of one tensor, and its variance if it is an estimate from a sample."""

    square: torch.Tensor
    variance: torch.Tensor | None


class Kind(NamedTuple):
    """The properties that two tensors must share for their difference to make sense."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    sharding: tuple[object, ...]  # mesh and placements of a DTensor; else empty


class Part:
    """One tensor and its earlier values."""

    def __init__(self, tensor: torch.Tensor, stride: int, offset: int, *, on_cpu: bool) -> None:
        self.tensor = tensor  # not a weak reference: torch could not swap the content then
        self.kind, self.process_groups = kind_of(tensor), summed_over(tensor)
        self.stride, self.offset = stride, offset
        self.old = self.now().clone()
        self.keep()
        if on_cpu and self.old.device.type != "cpu":
            self.old = self.old.to("cpu").pin_memory()

    @property
    def fits(self) -> bool:
        """Whether the tensor still has the same shape, dtype, device and sharding."""
        return kind_of(self.tensor) == self.kind

    @property
    def touched(self) -> bool:
        """Whether the tensor may have been changed since `keep`: in place, but not through its ``data``, or by another content."""
        return mark_of(self.tensor) != self._mark

    def keep(self) -> None:
        """Note that the tensor has not been touched so far."""
        self._mark = mark_of(self.tensor)

    @property
    def together(self) -> bool:
        """Whether it is cheaper to measure it together with others."""
        size, device = self.old.numel(), self.old.device
        plain = self.stride == 1 and self.old.dtype == torch.float32 and device == self.kind.device
        return plain and (size < TOGETHER_BELOW or device.type != "cpu")

    def row(self) -> torch.Tensor:
        """All current numbers of this process, in one row."""
        return flat(local(self.tensor))

    def now(self, row: torch.Tensor | None = None) -> torch.Tensor:
        """The current numbers to measure, of the row of all if it is given."""
        row = self.row() if row is None else row
        return row[self.offset :: self.stride] if self.stride > 1 else row

    def rebase(self) -> None:
        """Measure from the current values."""
        self.old.copy_(self.now())
        self.keep()

    def moved(self, row: torch.Tensor | None = None) -> Moved:
        """How far the tensor has moved, of the row of all its current numbers if it is given. The next call measures from here."""
        new = self.now(row)
        squares, fourths = [], []
        for old, now in pieces(self.old, new):
            change = self._change(old, now)
            if self.stride > 1:
                change = wide(change).square()
                squares.append(change.sum())
                fourths.append(change.square_().sum())
            else:
                squares.append(square_sum(change))
            old.copy_(now, non_blocking=old.is_pinned())
        square = added(squares, new) * self.stride
        if self.stride == 1:
            return Moved(square, None)
        n = max(new.numel(), 1)
        # the variance of a sum over n values drawn without replacement, where each stands for `stride` values
        spread = added(fourths, new) / n - (added(squares, new) / n) ** 2
        return Moved(square, spread.clamp_(min=0) * (n * self.stride * (self.stride - 1)))

    @staticmethod
    def _change(old: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """Old minus new, written over the old if its dtype has enough digits: no temporary, and half the memory traffic."""
        if old.device != now.device:
            return widened(old.to(now.device, non_blocking=True)) - widened(now)
        return widened(old).sub_(widened(now))  # for half precision, widened(old) is a copy


def moved(parts: Sequence[Part], rows: Sequence[torch.Tensor | None]) -> list[Moved]:
    """How far each tensor has moved; NaN if its row is None. The rows are what `current` gives. The next call measures from here."""
    found: dict[int, Moved] = {}
    many: dict[torch.device, list[tuple[int, torch.Tensor]]] = {}
    for i, (part, row) in enumerate(zip(parts, rows, strict=True)):
        if row is None:
            found[i] = Moved(torch.full((), math.nan), None)
        elif part.together:
            many.setdefault(part.old.device, []).append((i, row))
        else:
            found[i] = part.moved(row)
    for same in many.values():
        olds, news = [parts[i].old for i, _ in same], [new for _, new in same]
        torch._foreach_sub_(olds, news)  # written over the old: no temporaries
        squares = square_sums(olds)
        torch._foreach_copy_(olds, news)
        found |= {i: Moved(square, None) for (i, _), square in zip(same, squares.unbind(), strict=True)}
    return [found[i] for i in range(len(parts))]


def current(parts: Sequence[Part]) -> list[torch.Tensor | None]:
    """The current numbers of each tensor in one row; None if its kind has changed."""
    return [part.row() if part.fits else None for part in parts]


def kind_of(tensor: torch.Tensor) -> Kind:
    """The kind of a tensor; for a DTensor, the kind of this process's part, and how it is sharded."""
    sharding: tuple[object, ...] = ()
    if is_sharded(tensor):
        sharding, tensor = (tensor.device_mesh, *tensor.placements), local(tensor)
    return Kind(tensor.shape, tensor.stride(), tensor.dtype, tensor.device, sharding)


def mark_of(tensor: torch.Tensor) -> tuple[int, int]:
    """What differs after a change: how often the tensor was changed in place, and where its numbers are."""
    here = tensor._local_tensor if is_sharded(tensor) else tensor
    return 0 if tensor.is_inference() else tensor._version, here.data_ptr()


def sampled_every(tensor: torch.Tensor, sample: float) -> int:
    """The distance between sampled numbers: about 1 / sample, chosen so that all columns are visited.

    >>> sampled_every(torch.zeros(1024, 1024), 1 / 64), sampled_every(torch.zeros(10), 1 / 64)
    (65, 1)
    """
    part = local(tensor)
    if part.numel() < NOT_SAMPLED_BELOW or sample == 1:
        return 1
    columns, wanted = part.shape[-1], round(1 / sample)
    return next(each for each in range(wanted, wanted + columns + 2) if math.gcd(each, columns) == 1)


class Snapshot:
    """The parameters after the last step."""

    def __init__(self, sample: float, seed: int, *, on_cpu: bool) -> None:
        self.sample, self.seed, self.on_cpu = sample, seed, on_cpu
        self.parts: list[Part] = []
        self._places: dict[int, Part] = {}

    def fits(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Whether all of these tensors are known, and their kinds have not changed."""
        return all((part := self._places.get(id(tensor))) is not None and part.fits for tensor in tensors)

    def of(self, tensors: Iterable[torch.Tensor]) -> list[Part]:
        """The parts of these tensors, as far as they are known."""
        return [part for tensor in tensors if (part := self._places.get(id(tensor))) is not None]

    def distance(self) -> float:
        """How far the tensors are from their earlier values, on this process."""
        squares = [square_of(part.now(), part.old.to(part.kind.device)) for part in self.parts if part.fits]
        return math.sqrt(sum(float(square) for square in squares))

    def follow(self, tensors: Sequence[torch.Tensor]) -> None:
        """Measure these tensors from now on, and forget all others. New ones, and those of a new kind, start at their current values."""
        places = {}
        for i, tensor in enumerate(tensors):
            part = self._places.get(id(tensor))
            if part is None or not part.fits:
                stride = sampled_every(tensor, self.sample)
                offset = random.Random(f"{self.seed} {i} {tuple(tensor.shape)}").randrange(stride)
                part = Part(tensor, stride, offset, on_cpu=self.on_cpu)
            places[id(tensor)] = part
        self._places, self.parts = places, list(places.values())

    def rebase(self) -> None:
        """Measure from the current values."""
        for part in self.parts:
            if part.fits:
                part.rebase()
