"""Measures the direction of the weight change on a sample: its cosine with the last one, ‖W‖ and some coordinates, on the device."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence

import torch

from wcdfa.backends.torch.direction_cells import products_of, squares_of
from wcdfa.backends.torch.direction_layout import Held, Layout, gathered
from wcdfa.backends.torch.gradients import summed
from wcdfa.backends.torch.norms import ProcessGroups, over_processes
from wcdfa.backends.torch.snapshot import Part


class Direction:
    """The weight change on a sample of the coordinates, and that of the last recorded step.

    `cells` gives for each kind of sharding: Σ|W|²; for each group ⟨ΔW, ΔW of the last step⟩, then Σ|ΔW|² of each, then Σ|ΔW|² of each
    at the last step, over the sample; and the coordinates that are kept, 0 where another process has them. A process measures its own
    numbers of sharded parameters, so that everything may be summed over the processes.

    Parameters
    ----------
    coordinates : int
        How many coordinates to keep of each step, at most.
    seed : int
        Another seed chooses others.
    """

    def __init__(self, coordinates: int, seed: int = 0) -> None:
        self.coordinates, self._seed = coordinates, seed
        self._groups = 0
        self._parts: list[weakref.ref[Part]] | None = None  # not the parts, which hold copies of the parameters
        self._resumed = False  # whether no step was recorded since a state was loaded

    @property
    def kept(self) -> int:
        """How many coordinates are kept of each step: fewer if the parameters have fewer numbers, but room for one."""
        return max(1, len(self._layout.sample.kept))

    @property
    def memory(self) -> int:
        """How many bytes on the device are held from one step to the next, besides the rows."""
        return sum(row.nbytes for row in (self._last, self._weights) if row is not None)

    def width(self, groups: int) -> int:
        """How many cells there are for each kind of sharding."""
        return 1 + 3 * (groups + 1) + self.coordinates

    def lay_out(
        self, parts: Sequence[Part], groups: Sequence[Sequence[int]], blocks: Sequence[ProcessGroups], zero: torch.Tensor
    ) -> None:
        """Measure these parts from now on, in cells like the zero. If they are others than before, there is no last step.

        Its ΔW is 0 then, so that the cosine is 0 / 0.
        """
        if self._parts is not None and self._groups == len(groups) and [ref() for ref in self._parts] == list(parts):
            return
        self._parts = [weakref.ref(part) for part in parts]
        self._zero, self._groups, self._blocks = zero, len(groups), list(blocks)
        self._layout = Layout(parts, groups, blocks, coordinates=self.coordinates, seed=self._seed)
        self._rows = torch.tensor(self._layout.rows, dtype=torch.int64, device=zero.device)
        self._columns = torch.tensor(self._layout.columns, dtype=torch.int64, device=zero.device)
        self._no_sketch = zero.new_zeros(len(self._blocks) * self.coordinates)
        missing = slice(len(self._layout.sample.kept), self.coordinates)
        self._no_sketch[missing] = math.nan  # of the first kind of sharding, so that the sum is NaN too
        self._last = torch.zeros(self._layout.size, device=zero.device)
        self._resumed = False
        # only a whole copy of a parameter on its own device has the sample of the weights before the step
        apart = any(part.stride > 1 or part.old.device != part.kind.device for part in parts)
        self._weights = self._taken([part.row() for part in parts]) if apart else None
        self._whole = self._layout.sample.every > 1 and all(part.stride == 1 for part in parts)  # Σ|W|² of all, not of the sample

    def rebase(self, parts: Sequence[Part]) -> None:
        """Measure from the current values. There is no last step then, unless it was loaded with a state just now."""
        if not self._resumed:
            self._last.zero_()
        self.begin(parts)

    def begin(self, parts: Sequence[Part]) -> None:
        """Measure the next step from the current values."""
        if self._weights is not None and all(part.fits for part in parts):
            self._weights = self._taken([part.row() for part in parts])

    def look(self, parts: Sequence[Part], rows: Sequence[torch.Tensor | None]) -> None:
        """Measure, before the parts do. The rows are their current numbers, None of those that do not fit any more."""
        now = [row for row in rows if row is not None]
        if len(now) < len(rows):
            self._change = torch.full_like(self._last, math.nan)
            self._squares = self._zero.new_full((len(self._blocks),), math.nan)
            return
        weights = self._taken(now)
        self._squares = self._weight_squares(parts, now, weights)
        before = self._taken([part.old for part in parts]) if self._weights is None else self._weights
        if self._weights is not None:
            self._weights = weights
        self._change = torch.sub(weights, before, out=before).float()

    def cells(self) -> torch.Tensor:
        """The cells of this step, shape (kinds of sharding, width)."""
        products = products_of(self._change, self._last, self._layout.lengths, self._groups)
        sketch = self._no_sketch.clone()
        sketch.index_copy_(0, self._columns, self._change.index_select(0, self._rows).to(sketch.dtype))
        return torch.cat([self._squares.unsqueeze(1), products, sketch.view(len(self._blocks), -1)], dim=1)

    def keep(self, moved: torch.Tensor) -> None:
        """Make this step the last one, if the parameters have moved; a truth value on the device.

        Of sharded parameters a process knows its own only: there it is always the last one, so that after a step in which nothing
        moved the cosine is a gap.
        """
        self._last = self._change if any(self._blocks) else torch.where(moved, self._change, self._last)
        self._change = self._last  # holds no memory of its own
        self._resumed = False

    def state(self) -> torch.Tensor:
        """ΔW of the sample at the last recorded step, on the host. If parameters are sharded, call it on all processes."""
        with torch.inference_mode(False), torch.no_grad():
            return torch.cat(
                [torch.zeros(0), *(self._of_all(held) for held in sorted(self._layout.held, key=lambda held: held.part))]
            )

    def load(self, last: torch.Tensor) -> None:
        """Go on from a `state`. If it is that of other parameters, there is no last step."""
        if last.numel() != self._layout.sample.size:
            return
        last = last.to(self._last.device, torch.float32)
        for held in self._layout.held:
            self._last[held.begin : held.end] = last[held.base : held.base + held.size][held.own.within]
        self._resumed = True

    def _taken(self, rows: Sequence[torch.Tensor]) -> torch.Tensor:
        """The numbers of the sample, of the rows of all parts."""
        each = [_at(rows[held.part], held.own.places) for held in self._layout.held if len(held.own.numbers)]
        return gathered(each, self._zero.device)

    def _weight_squares(self, parts: Sequence[Part], rows: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        """Σ|W|² of each kind of sharding: of all numbers, or as far as their sample tells."""
        if not self._whole:
            return squares_of(weights, self._layout.lengths, self._groups) * (self._layout.total / max(1, self._layout.sample.size))
        found = summed((part.process_groups, 1, row) for part, row in zip(parts, rows, strict=True))
        return torch.stack([found.get(block, self._zero).to(self._zero, non_blocking=True) for block in self._blocks])

    def _of_all(self, held: Held) -> torch.Tensor:
        """The last ΔW of one parameter, of all processes."""
        own = self._last[held.begin : held.end]
        if held.process_groups:
            whole = self._last.new_zeros(held.size)
            whole[held.own.within] = own
            own = over_processes(whole, held.process_groups)
        return own.cpu()


def _at(row: torch.Tensor, places: slice | torch.Tensor) -> torch.Tensor:
    """Some numbers of a row."""
    return row[places] if isinstance(places, slice) else row.index_select(0, places)
