"""Measures the direction of the weight change on a sample: its cosine with the last one, ‖W‖ and some coordinates, on the device."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence

import torch

from wcdfa.backends.torch.direction_cells import products_of, squares_of
from wcdfa.backends.torch.direction_layout import Held, Layout
from wcdfa.backends.torch.gather import Gather
from wcdfa.backends.torch.norms import ProcessGroups, over_processes
from wcdfa.backends.torch.parts import Part
from wcdfa.backends.torch.snapshot import Places, Snapshot


class Direction:
    """The weight change on a sample of the coordinates, and that of the last recorded step.

    `write` gives for each kind of sharding: Σ|W|²; for each group ⟨ΔW, ΔW of the last step⟩, then Σ|ΔW|² of each, then Σ|ΔW|² of each
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
        self._parts: list[weakref.ref[Part]] = []  # not the parts, which hold copies of the parameters
        self._laid_out: tuple[Sequence[int], int, list[int]] | None = None  # segments of the parts, and their order
        self._resumed = False  # whether no step was recorded since a state was loaded
        self._squares: torch.Tensor | None = None  # Σ|W|² of the step, if it is not given

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

    def lay_out(self, snapshot: Snapshot, places: Places, blocks: Sequence[ProcessGroups]) -> None:
        """Measure its parts from now on, in cells like those of the places. If they are others than before, there is no last step.

        Its ΔW is 0 then, so that the cosine is 0 / 0.
        """
        parts, order = snapshot.parts, [part.position for unit in snapshot.units for part in unit.parts]
        laid_out = (places.of, places.each, order)
        same = [ref() for ref in self._parts] == parts and laid_out == self._laid_out
        self._zero, self._groups, self._blocks = places.like, places.each - 1, list(blocks)
        if same:
            return
        self._parts, self._laid_out = [weakref.ref(part) for part in parts], laid_out
        self._layout = Layout(parts, places, blocks, order, coordinates=self.coordinates, seed=self._seed)
        self._rows = torch.tensor(self._layout.rows, dtype=torch.int64, device=self._zero.device)
        self._columns = torch.tensor(self._layout.columns, dtype=torch.int64, device=self._zero.device)
        self._last = torch.zeros(self._layout.size, device=self._zero.device)
        self._resumed = False
        self.weighs = self._layout.sample.every > 1 and all(part.stride == 1 for part in parts)
        self._gather = Gather(self._layout.held, self._zero.device)
        self._weights = self._gather(snapshot)

    def blank(self, cells: torch.Tensor) -> None:
        """Fill the cells of many steps, shape (steps, kinds of sharding, width), where not every step writes them."""
        cells[:, 0, self._sketch + len(self._layout.sample.kept) :] = math.nan  # of the first, so that the sum is NaN too

    def rebase(self, snapshot: Snapshot) -> None:
        """Measure from the current values. There is no last step then, unless it was loaded with a state just now."""
        if not self._resumed:
            self._last.zero_()
        self.begin(snapshot)

    def begin(self, snapshot: Snapshot) -> None:
        """Measure the next step from the current values."""
        if snapshot.parts and not snapshot.look():
            self._weights = self._gather(snapshot)

    def look(self, snapshot: Snapshot, *, known: bool) -> None:
        """Take the sample of the numbers that were measured just now, if those of all parts are known."""
        if not known:
            self._change, self._squares = torch.full_like(self._last, math.nan), self._zero.new_full((len(self._blocks),), math.nan)
            return
        weights = self._gather(snapshot)
        self._change = torch.sub(weights, self._weights, out=self._weights).float()
        self._weights = weights
        self._squares = None if self.weighs else self._weight_squares()

    def write(self, cells: torch.Tensor, weights: torch.Tensor | None) -> None:
        """Write the cells of this step, shape (kinds of sharding, width). Σ|W|² is given if it `weighs` all numbers."""
        squares = weights if self._squares is None else self._squares
        cells[:, 0] = self._zero.new_full((1,), math.nan) if squares is None else squares
        cells[:, 1 : self._sketch] = products_of(self._change, self._last, self._layout.lengths, self._groups)
        kept = self._change.index_select(0, self._rows).to(cells.dtype)
        if len(self._blocks) == 1:
            cells[0, self._sketch : self._sketch + len(kept)] = kept
        else:
            cells[:, self._sketch :] = self._sketch_of(kept, cells)

    @property
    def _sketch(self) -> int:
        """The first cell of the coordinates."""
        return 1 + 3 * (self._groups + 1)

    def _sketch_of(self, kept: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """The coordinates that are kept, where this process holds them; else what the cells have."""
        sketch = cells[:, self._sketch :].flatten()
        return sketch.index_copy_(0, self._columns, kept).view(len(self._blocks), -1)

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

    def _weight_squares(self) -> torch.Tensor:
        """Σ|W|² of each kind of sharding, as far as the sample tells."""
        share = self._layout.total / max(1, self._layout.sample.size)
        return squares_of(self._weights, self._layout.lengths, self._groups) * share

    def _of_all(self, held: Held) -> torch.Tensor:
        """The last ΔW of one parameter, of all processes."""
        own = self._last[held.begin : held.end]
        if held.process_groups:
            whole = self._last.new_zeros(held.size)
            whole[held.own.within] = own
            own = over_processes(whole, held.process_groups)
        return own.cpu()
