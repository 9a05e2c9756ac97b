"""The parameters of an optimizer as they were before a step, whole or a sample of them, and how far they have moved since."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from wcdfa.backends.torch.norms import added, flat, is_sharded, local, pieces, summed_over, widened

NOT_SAMPLED_BELOW = 1 << 12  # numbers of a tensor: small ones cost nothing, and are often of another kind (biases, norms)
TOGETHER_BELOW = 1 << 14  # tensors of fewer numbers are taken together on the CPU; on other devices all of them are


class Moved(NamedTuple):
    """Σ|ΔW|² of one tensor; where that is an estimate from a sample, its variance too."""

    square: torch.Tensor
    variance: torch.Tensor | None


class Kind(NamedTuple):
    """What must stay the same for a difference of two tensors to make sense."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    sharding: tuple[object, ...]  # mesh and placements of a DTensor; empty for others


class Part:
    """One tensor as it was."""

    def __init__(self, tensor: torch.Tensor, stride: int, offset: int, *, on_cpu: bool) -> None:
        self.tensor = tensor  # not a weak reference, which would keep torch from swapping what is in it
        self.kind, self.process_groups = kind_of(tensor), summed_over(tensor)
        self.stride, self.offset = stride, offset
        self.old = self.now().clone()
        if on_cpu and self.old.device.type != "cpu":
            self.old = self.old.to("cpu").pin_memory()

    @property
    def fits(self) -> bool:
        """Whether the tensor is still of the same shape, type, device and sharding."""
        return kind_of(self.tensor) == self.kind

    @property
    def together(self) -> bool:
        """Whether it is cheaper to take it together with others."""
        size, device = self.old.numel(), self.old.device
        plain = self.stride == 1 and self.old.dtype == torch.float32 and device == self.kind.device
        return plain and (size < TOGETHER_BELOW or device.type != "cpu")

    def now(self) -> torch.Tensor:
        """The numbers that are measured, in one row."""
        row = flat(local(self.tensor))
        return row[self.offset :: self.stride] if self.stride > 1 else row

    def rebase(self) -> None:
        """Measure from its values now."""
        self.old.copy_(self.now())

    def moved(self) -> Moved:
        """How far it has moved; the next call measures from here."""
        new = self.now()
        squares, fourths = [], []
        for old, now in pieces(self.old, new):
            change = self._change(old, now)
            if self.stride > 1:
                change = wide(change).square()
                squares.append(change.sum())
                fourths.append(change.square_().sum())
            else:
                squares.append(change.square_().sum())
            old.copy_(now, non_blocking=old.is_pinned())
        square = added(squares, new) * self.stride
        if self.stride == 1:
            return Moved(square, None)
        n = max(new.numel(), 1)
        # the variance of a sum over n values drawn without replacement, each of which stands for `stride` values
        spread = added(fourths, new) / n - (added(squares, new) / n) ** 2
        return Moved(square, spread.clamp_(min=0) * (n * self.stride * (self.stride - 1)))

    @staticmethod
    def _change(old: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """Old minus new, in place of the old where that holds enough digits: no temporary, and half the traffic."""
        if old.device != now.device:
            return widened(old.to(now.device, non_blocking=True)) - widened(now)
        return widened(old).sub_(widened(now))  # for half precision the first is a copy


def wide(x: torch.Tensor) -> torch.Tensor:
    """The tensor in float64, where the device has it: fourth powers and squares of small changes do not fit float32."""
    return x if x.device.type == "mps" else x.double()


def moved(parts: Sequence[Part]) -> list[Moved]:
    """How far each tensor has moved, NaN where it is of another kind now; the next call measures from here."""
    found: dict[int, Moved] = {}
    many: dict[torch.device, list[tuple[int, torch.Tensor]]] = {}
    for i, part in enumerate(parts):
        if not part.fits:
            found[i] = Moved(torch.full((), math.nan), None)
        elif part.together:
            many.setdefault(part.old.device, []).append((i, part.now()))
        else:
            found[i] = part.moved()
    for rows in many.values():
        olds, news = [parts[i].old for i, _ in rows], [new for _, new in rows]
        torch._foreach_sub_(olds, news)  # in place of the old: no temporaries
        squares = wide(torch.stack(torch._foreach_norm(olds))).square()
        torch._foreach_copy_(olds, news)
        found |= {i: Moved(square, None) for (i, _), square in zip(rows, squares.unbind(), strict=True)}
    return [found[i] for i in range(len(parts))]


def kind_of(tensor: torch.Tensor) -> Kind:
    """The kind of a tensor; of a DTensor, that of the part which this process holds, and how it is sharded."""
    sharding: tuple[object, ...] = ()
    if is_sharded(tensor):
        sharding, tensor = (tensor.device_mesh, *tensor.placements), local(tensor)
    return Kind(tensor.shape, tensor.stride(), tensor.dtype, tensor.device, sharding)


def sampled_every(tensor: torch.Tensor, sample: float) -> int:
    """One in how many of its numbers is sampled: about 1 / sample, and such that all columns are visited.

    >>> sampled_every(torch.zeros(1024, 1024), 1 / 64), sampled_every(torch.zeros(10), 1 / 64)
    (65, 1)
    """
    part = local(tensor)
    if part.numel() < NOT_SAMPLED_BELOW or sample == 1:
        return 1
    columns, wanted = part.shape[-1], round(1 / sample)
    return next(each for each in range(wanted, wanted + columns + 2) if math.gcd(each, columns) == 1)


class Snapshot:
    """The parameters as they were after the last step."""

    def __init__(self, sample: float, seed: int, *, on_cpu: bool) -> None:
        self.sample, self.seed, self.on_cpu = sample, seed, on_cpu
        self.parts: list[Part] = []
        self._places: dict[int, Part] = {}

    def fits(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Whether all of these are known, and of the same kind as they were."""
        return all((part := self._places.get(id(tensor))) is not None and part.fits for tensor in tensors)

    def follow(self, tensors: Sequence[torch.Tensor]) -> None:
        """Measure these: those that are new or of another kind from their values now. Forget all others."""
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
        """Measure from the values now."""
        for part in self.parts:
            if part.fits:
                part.rebase()
