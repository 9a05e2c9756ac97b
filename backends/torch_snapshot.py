"""What the parameters of an optimizer were before a step: a copy, or a sample of their coordinates; and how far they have moved since."""

from __future__ import annotations

import math
import random
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch

from wcdfa.backends.torch_norms import added, flat, local, pieces, widened

WHOLE = 1 << 12  # tensors of fewer numbers are not sampled: they cost nothing, and are often of another kind (biases, norms)


class Moved(NamedTuple):
    """Σ|ΔW|² of one tensor, and the variance of that where it is an estimate; None where it is none."""

    square: torch.Tensor
    variance: torch.Tensor | None


class Part:
    """One tensor as it was."""

    def __init__(self, tensor: torch.Tensor, stride: int, offset: int, *, on_cpu: bool) -> None:
        part, self.share = local(tensor)
        self.of = weakref.ref(tensor)
        self.kind = kind_of(tensor)
        self.stride, self.offset = stride, offset
        self.old = self._seen(part).clone()
        if on_cpu and part.device.type != "cpu":
            self.old = self.old.to("cpu").pin_memory()

    @property
    def sharded(self) -> bool:
        """Whether other processes hold the rest of it."""
        return self.kind[-1] is not None

    def fits(self, tensor: torch.Tensor) -> bool:
        """Whether it is this tensor, still of the same shape, type, device and sharding."""
        return self.of() is tensor and kind_of(tensor) == self.kind

    def rebase(self, tensor: torch.Tensor) -> None:
        """Measure from its values now."""
        self.old.copy_(self._seen(local(tensor)[0]))

    def moved(self) -> Moved:
        """How far its tensor is from what it was, and measure from here on; NaN where it is gone or of another kind."""
        tensor = self.of()
        if tensor is None or not self.fits(tensor):
            return Moved(torch.full((), math.nan), None)
        new = self._seen(local(tensor)[0])
        squares, fourths = [], []
        for old, now in pieces(self.old, new):
            change = self._change(old, now)
            if self.stride > 1:
                change = change.square_()
                squares.append(change.sum())
                fourths.append(change.square_().sum())
            else:
                squares.append(change.square_().sum())
            old.copy_(now, non_blocking=old.is_pinned())
        square = added(squares, new) * (self.share * self.stride)
        if self.stride == 1:
            return Moved(square, None)
        n = max(new.numel(), 1)
        # of a sum of n values drawn without replacement, each of which stands for `stride`
        spread = added(fourths, new) / n - (added(squares, new) / n) ** 2
        return Moved(square, spread.clamp_(min=0) * (n * self.stride * (self.stride - 1) * self.share))

    def _seen(self, part: torch.Tensor) -> torch.Tensor:
        row = flat(part)
        return row[self.offset :: self.stride] if self.stride > 1 else row

    @staticmethod
    def _change(old: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        """Old minus new, in place of the old where that holds enough digits: no temporary, and half the traffic."""
        if old.device != now.device:
            return widened(old.to(now.device, non_blocking=True)) - now
        wide = widened(old)
        return wide.sub_(now)  # of a half, `wide` is a copy


def kind_of(tensor: torch.Tensor) -> tuple[Any, ...]:
    """What must stay the same for a difference to make sense."""
    placements = None
    if hasattr(tensor, "placements"):
        placements, tensor = tuple(map(str, tensor.placements)), local(tensor)[0]
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device, placements


def sampled_every(tensor: torch.Tensor, sample: float) -> int:
    """About one in how many of its numbers is sampled: a step that visits all columns, not always the same few.

    >>> sampled_every(torch.zeros(1024, 1024), 1 / 64), sampled_every(torch.zeros(10), 1 / 64)
    (65, 1)
    """
    part, _ = local(tensor)
    if part.numel() < WHOLE or sample == 1:
        return 1
    columns, wanted = part.shape[-1], round(1 / sample)
    return next(each for each in range(wanted, wanted + columns + 2) if math.gcd(each, columns) == 1)


class Snapshot:
    """The parameters as they were after the last step."""

    def __init__(self, sample: float, seed: int, *, on_cpu: bool) -> None:
        self.sample, self.seed, self.on_cpu = sample, seed, on_cpu
        self._parts: dict[int, Part] = {}

    def fits(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Whether all of them are known, as they are."""
        return all((part := self._parts.get(id(tensor))) is not None and part.fits(tensor) for tensor in tensors)

    def follow(self, tensors: Sequence[torch.Tensor]) -> list[Part]:
        """Take in those that are new or of another kind now, from their values now, and forget others. The parts, in order."""
        parts = {}
        for i, tensor in enumerate(tensors):
            part = self._parts.get(id(tensor))
            if part is None or not part.fits(tensor):
                stride = sampled_every(tensor, self.sample)
                offset = random.Random(f"{self.seed} {i} {tuple(tensor.shape)}").randrange(stride)
                part = Part(tensor, stride, offset, on_cpu=self.on_cpu)
            parts[id(tensor)] = part
        self._parts = parts
        return list(parts.values())

    def rebase(self) -> None:
        """Measure from the values now."""
        for part in self._parts.values():
            tensor = part.of()
            if tensor is not None and part.fits(tensor):
                part.rebase(tensor)
