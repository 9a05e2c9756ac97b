"""Keeps the parameters of an optimizer from before a step, completely or as a sample, and measures how far they moved."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import torch

from wcdfa.backends.torch.found import Sums
from wcdfa.backends.torch.marks import Marks
from wcdfa.backends.torch.norms import square_of
from wcdfa.backends.torch.parts import Part, sampled_every
from wcdfa.backends.torch.segments import Segments
from wcdfa.backends.torch.units import Unit, units_of


class Places(NamedTuple):
    """Where the sums of the parts go."""

    of: Sequence[int]  # the segment of each part: its kind of sharding, times the segments of each, plus that of its group
    blocks: int  # kinds of sharding
    each: int  # segments of each
    like: torch.Tensor  # of the device and dtype of the sums


class Totals(NamedTuple):
    """What a step has changed."""

    squares: torch.Tensor  # Σ|ΔW|², shape (kinds of sharding, segments of each)
    variances: torch.Tensor | None  # of the sum of all, shape (kinds of sharding,), if a part is sampled
    weights: torch.Tensor | None  # Σ|W|², shape (kinds of sharding,), if it was asked for


class Snapshot:
    """The parameters after the last step."""

    def __init__(self, sample: float, seed: int, *, on_cpu: bool) -> None:
        self.sample, self.seed, self.on_cpu = sample, seed, on_cpu
        self.kept: dict[int, list[Callable[[], torch.Tensor]]] = {}  # what others keep here until the numbers are elsewhere
        self.follow(())

    def fits(self, tensors: Iterable[torch.Tensor]) -> bool:
        """Whether all of these tensors are known, and their kinds have not changed."""
        tensors = list(tensors)
        ids = tuple(map(id, tensors))
        if ids not in self._asked:
            if not self._places.keys() >= set(ids):
                return False
            self._asked.add(ids)
        return self._marks.same_form or all(self._places[id(tensor)].fits for tensor in tensors)

    def of(self, tensors: Iterable[torch.Tensor]) -> list[Part]:
        """The parts of these tensors, as far as they are known."""
        return [part for tensor in tensors if (part := self._places.get(id(tensor))) is not None]

    def distance(self) -> float:
        """How far the tensors are from their earlier values, on this process."""
        squares = [square_of(part.now(), part.old.to(part.kind.device)) for part in self.parts if part.fits]
        return math.sqrt(sum(float(square) for square in squares))

    def follow(self, tensors: Sequence[torch.Tensor]) -> None:
        """Measure these tensors from now on, and forget all others. New ones, and those of a new kind, start at their current values."""
        known: dict[int, Part] = getattr(self, "_places", {})
        places = {}
        for i, tensor in enumerate(tensors):
            part = known.get(id(tensor))
            if part is None or not part.fits:
                stride = sampled_every(tensor, self.sample)
                offset = random.Random(f"{self.seed} {i} {tuple(tensor.shape)}").randrange(stride)
                part = Part(tensor, stride, offset, on_cpu=self.on_cpu)
            else:
                part.move_out()
                part.view()
            places[id(tensor)] = part
        self._places, self.parts = places, list(places.values())
        self._marks = Marks([part.tensor for part in self.parts])
        for i, part in enumerate(self.parts):
            part.mark_in(self._marks, i)
        self.units: list[Unit] = []
        self._asked: set[tuple[int, ...]] = set()  # the ids of known tensors that were asked for together
        self.kept.clear()

    def lay_out(self, places: Places) -> None:
        """Add up the squares of the parts in these segments from now on."""
        kinds = [segment // places.each for segment in places.of]
        self._to, self.units = places, units_of(self.parts, places.of, kinds)
        self.kept.clear()
        self._sums = Segments(list(chain.from_iterable(unit.segments for unit in self.units)), places.blocks * places.each)
        self._block_sums = Segments([unit.segments[0] // places.each for unit in self.units], places.blocks)
        sampled = [unit for unit in self.units if unit.parts[0].stride > 1]
        self._variance_sums = Segments([segment // places.each for unit in sampled for segment in unit.segments], places.blocks)

    def look(self) -> list[Part]:
        """Find the numbers of the parts where they are now. Returns the parts whose kind has changed, which cannot be measured."""
        self._marks.look()
        if self._marks.seen_in_place:
            return []
        changed = [part for part in self.parts if not part.fits]
        lost = {id(part) for part in changed}
        for part in self.parts:
            if id(part) not in lost:
                part.view()
        for unit in self.units:
            unit.view()
        self.kept.clear()
        if not changed:
            self._marks.keep_form()
        return changed

    def moved(self, changed: Sequence[Part] = (), *, weigh: bool = False) -> Totals:
        """How far the parts have moved, and Σ|W|² if asked for. The next call measures from here.

        Call `look` first, and tell which parts it has found, of which nothing is known.
        """
        found = [unit.moved(weigh=weigh) for unit in self.units]
        squares = self._sums(self._row([each.squares for each in found]))
        for segment in {self._to.of[part.position] for part in changed}:
            squares[segment] = math.nan
        variances = [each.variances for each in found if each.variances is not None]
        weights = [each.weight for each in found if each.weight is not None]
        return Totals(
            squares.view(self._to.blocks, self._to.each),
            self._variance_sums(self._row(variances)) if variances else None,
            self._block_sums(self._row(weights)) if weigh else None,
        )

    def _row(self, parts: Sequence[Sums]) -> torch.Tensor:
        """All numbers in one row, in the dtype and on the device of the sums."""
        like = self._to.like
        if all(isinstance(part, list) for part in parts):
            return like.new_tensor(list(chain.from_iterable(parts)))
        rows = [like.new_tensor(part) if isinstance(part, list) else part.to(like.device, non_blocking=True) for part in parts]
        return (rows[0] if len(rows) == 1 else torch.cat(rows)).to(like.dtype)

    def keep(self) -> None:
        """Note that no part has been changed since `look`."""
        self._marks.keep_seen()

    def rebase(self) -> None:
        """Measure from the current values."""
        for part in self.parts:
            if part.fits:
                part.rebase()
