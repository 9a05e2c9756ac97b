"""One tensor that is measured, and its earlier values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from wcdfa.backends.torch.marks import Marks, here, mark_of
from wcdfa.backends.torch.norms import added, flat, is_sharded, local, pieces, summed_over, widened
from wcdfa.backends.torch.squares import square_sum, wide

NOT_SAMPLED_UP_TO = (
    1 << 12
)  # numbers in a tensor: small ones cost no more as a whole, and are often of another kind (biases, norms)
PLAIN = (torch.Tensor, torch.nn.Parameter)


class Moved(NamedTuple):
    """Σ|ΔW|² of one tensor, its variance if it is an estimate from a sample, and Σ|W|² if it was asked for."""

    square: torch.Tensor
    variance: torch.Tensor | None
    weight: torch.Tensor | None = None


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
        self._old: torch.Tensor | None = self.now().clone()
        if on_cpu and self._old.device.type != "cpu":
            self._old = self._old.to("cpu").pin_memory()
        self.marks, self.position = Marks([tensor]), 0
        self.view()

    @property
    def old(self) -> torch.Tensor:
        """The earlier values."""
        return self._old if self._old is not None else self._pack.old_of(self)

    def move_into(self, pack: Holder) -> None:
        """Leave the earlier values to a pack, which has copied them."""
        self._old, self._pack = None, pack

    def move_out(self) -> None:
        """Take the earlier values back from the pack, if they are in one."""
        if self._old is None:
            self._old = self.old.clone()

    def mark_in(self, marks: Marks, position: int) -> None:
        """Note changes in the marks of many from now on."""
        marks.note(position, self.marks.of(self.position))
        self.marks, self.position = marks, position

    def view(self) -> None:
        """Look at the numbers where they are now, so that a step need not look for them again."""
        row = self.row()
        plain = type(here(self.tensor)) in PLAIN and row.data_ptr() == here(self.tensor).data_ptr()
        self.whole_view = row if plain else None  # None if the row is a copy
        self.now_view = self.now(row) if plain else None

    @property
    def fits(self) -> bool:
        """Whether the tensor still has the same shape, dtype, device and sharding."""
        return kind_of(self.tensor) == self.kind

    @property
    def touched(self) -> bool:
        """Whether the tensor may have been changed since `keep`: in place, but not through its ``data``, or by another content."""
        return mark_of(self.tensor) != self.marks.of(self.position)

    def keep(self) -> None:
        """Note that the tensor has not been touched so far."""
        self.marks.note(self.position, mark_of(self.tensor))

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

    def moved(self, now: torch.Tensor | None = None, *, weigh: bool = False) -> Moved:
        """How far the tensor has moved; its current numbers to measure may be given. The next call measures from here."""
        new, before = self.now() if now is None else now, self.old
        squares, fourths, weights = [], [], []
        for old, here_now in pieces(before, new):
            change = self._change(old, here_now)
            if self.stride > 1:
                change = wide(change).square()
                squares.append(change.sum())
                fourths.append(change.square_().sum())
            else:
                squares.append(square_sum(change))
                if weigh:
                    weights.append(square_sum(widened(here_now)))
            old.copy_(here_now, non_blocking=old.is_pinned())
        square, weight = added(squares, new) * self.stride, added(weights, new) if weigh else None
        if self.stride == 1:
            return Moved(square, None, weight)
        n = max(new.numel(), 1)
        # the variance of a sum over n values drawn without replacement, where each stands for `stride` values
        spread = added(fourths, new) / n - (added(squares, new) / n) ** 2
        return Moved(square, spread.clamp_(min=0) * (n * self.stride * (self.stride - 1)), weight)

    @staticmethod
    def _change(old: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """Old minus new, written over the old if its dtype has enough digits: no temporary, and half the memory traffic."""
        if old.device != now.device:
            return widened(old.to(now.device, non_blocking=True)) - widened(now)
        return widened(old).sub_(widened(now))  # for half precision, widened(old) is a copy


class Holder:
    """Holds the earlier values of several parts."""

    def old_of(self, part: Part) -> torch.Tensor:
        """Those of one part."""
        raise NotImplementedError


def touched(parts: Sequence[Part]) -> list[Part]:
    """The parts that may have been changed since `keep`."""
    if parts and len(parts) == len(parts[0].marks):
        places = set(parts[0].marks.touched())
        return [part for part in parts if part.position in places] if places else []
    return [part for part in parts if part.touched]


def keep(parts: Sequence[Part]) -> None:
    """Note that the parts have been changed by a step up to now."""
    if parts and len(parts) == len(parts[0].marks):
        parts[0].marks.keep()
        return
    for part in parts:
        part.keep()


def kind_of(tensor: torch.Tensor) -> Kind:
    """The kind of a tensor; for a DTensor, the kind of this process's part, and how it is sharded."""
    sharding: tuple[object, ...] = ()
    if is_sharded(tensor):
        sharding, tensor = (tensor.device_mesh, *tensor.placements), local(tensor)
    return Kind(tensor.shape, tensor.stride(), tensor.dtype, tensor.device, sharding)


def sampled_every(tensor: torch.Tensor, sample: float) -> int:
    """The distance between sampled numbers: about 1 / sample, chosen so that all columns are visited.

    >>> sampled_every(torch.zeros(1024, 1024), 1 / 64), sampled_every(torch.zeros(10), 1 / 64)
    (65, 1)
    """
    part = local(tensor)
    if part.numel() <= NOT_SAMPLED_UP_TO or sample == 1:
        return 1
    columns, wanted = part.shape[-1], round(1 / sample)
    return next(each for each in range(wanted, wanted + columns + 2) if math.gcd(each, columns) == 1)
