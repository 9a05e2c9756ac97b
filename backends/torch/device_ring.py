"""Keeps rows of Σ|ΔW|² on the device of the parameters, and copies them to the host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wcdfa.backends.torch.backward_passes import BackwardPasses
from wcdfa.backends.torch.direction import Direction
from wcdfa.backends.torch.gradients import Squares
from wcdfa.backends.torch.norms import ProcessGroups
from wcdfa.backends.torch.parts import Part
from wcdfa.backends.torch.shared_rows import Cells, Chunk, SharedRows
from wcdfa.backends.torch.snapshot import Places as Segments
from wcdfa.backends.torch.snapshot import Snapshot, Totals

Places = dict[str, tuple[int, ...]]
"""The positions of the parameters of each group; the group of all parameters comes first."""


class Copy(NamedTuple):
    """Rows that are being copied to the host."""

    rows: torch.Tensor
    arrived: torch.cuda.Event | None  # None if the rows are already there


class DeviceRing:
    """Keeps one row per step.

    A row has Σ|ΔW|² of every group, Σ|g|², the variance of the first if it is an estimate, Σ|ΔW|² of what no step has changed, the cells
    of the direction if it is given, and the learning rate.

    Every `every` steps the rows are copied to the host without waiting for the device. Those of sharded parameters wait on the device
    until all processes call `send` with `on_all`, which sums them: see `wcdfa.backends.torch.shared_rows.SharedRows`.
    """

    def __init__(self, every: int, window: int, direction: Direction | None = None) -> None:
        self.every, self._direction = every, direction
        self.recorded = 0  # rows since the last copy
        self.lost = 0  # rows that nobody has read in time, before those that `taken` gives next
        self._copy: Copy | None = None
        self._shared, self._passes = SharedRows(window), BackwardPasses()
        self._row_passes: list[int] = []  # backward passes before each row
        self._begun: set[str] = set()  # groups that have had a parameter
        self._blocks: list[ProcessGroups] = [()]
        self._cells: Cells | None = None

    def lay_out(self, parts: Sequence[Part], places: Places, names: Sequence[str]) -> Segments:
        """Make room for these parameters. Send the rows of other parameters first. Returns where the sums of the parts go."""
        # one block of sums for each kind of sharding, in the same order on every process
        self._blocks = list(dict.fromkeys([(), *(part.process_groups for part in parts)]))
        self._begun |= {name for name in names if places.get(name)}
        self._absent = [i for i, name in enumerate(names) if i and name not in self._begun]
        self._norms = len(names)
        self._sums_width = self._width = len(names) + 3
        if self._direction is not None:
            self._width += self._direction.width(len(names) - 1)
        before, self._cells = self._cells, Cells(len(names), self._sums_width, self._width)
        if before is not None and before.norms < self._cells.norms:
            self._shared.widen(before, self._cells)
        device = parts[0].kind.device if parts else torch.device("cpu")
        self._passes.follow(parts)
        dtype = torch.float32 if device.type == "mps" else torch.float64  # squares of small float32 numbers underflow in float32
        with torch.inference_mode(False):
            self._ring = torch.empty((self.every, len(self._blocks) * self._width + 1), dtype=dtype, device=device)
            self._zero = torch.zeros((), dtype=dtype, device=device)
            self._segments = _segments(parts, [places.get(name, ()) for name in names[1:]], self._blocks, self._zero)
        return self._segments

    def begin(self, snapshot: Snapshot) -> None:
        """Take rows from now on: of these parts, which add up their squares where `lay_out` says."""
        if self._direction is not None:
            self._direction.lay_out(snapshot, self._segments, self._blocks)
        self._view()

    def _view(self) -> None:
        """Cut the ring into its cells, and fill those that not every step writes."""
        each = self._ring[:, :-1].view(self.every, len(self._blocks), self._width)
        each.zero_()
        each[:, :, self._norms] = math.nan  # ‖g‖ is unknown unless it is measured
        if self._direction is not None:
            self._direction.blank(each[:, :, self._sums_width :])
        self._rows, self._rates = each.unbind(), self._ring[:, -1:].unbind()

    def write(self, totals: Totals, gradients: Squares, between: Squares, rate: float | torch.Tensor | None) -> bool:
        """Add a row: what a step has changed, Σ|g|², and Σ|ΔW|² of what no step has changed. Returns whether it is time to copy."""
        row, norms = self._rows[self.recorded], self._norms
        if norms == 1:
            row[:, :1] = totals.squares
        else:
            torch.sum(totals.squares, 1, keepdim=True, out=row[:, :1])
            row[:, 1:norms] = totals.squares[:, :-1]
        if gradients:
            row[:, norms] = self._by_block(gradients)
        if totals.variances is not None:
            row[:, norms + 1] = totals.variances
        if between:
            row[:, norms + 2] = self._by_block(between)
        if self._absent:
            row[0, self._absent] = math.nan
        if self._direction is not None:
            self._direction.write(row[:, self._sums_width :], totals.weights)
            self._direction.keep(row[:, 0].sum() != 0)
        if isinstance(rate, torch.Tensor):
            self._rates[self.recorded].copy_(rate)
        else:
            self._rates[self.recorded].fill_(math.nan if rate is None else rate)
        self._row_passes.append(self._passes.count)
        self.recorded += 1
        return self.recorded == self.every

    def _by_block(self, squares: Squares) -> torch.Tensor:
        """A sum for each kind of sharding, 0 where there is none."""
        each = [squares.get(block, self._zero) for block in self._blocks]
        return torch.stack([one.to(self._zero.device, self._zero.dtype, non_blocking=True) for one in each])

    @property
    def sharded(self) -> bool:
        """Whether rows must be summed over processes."""
        return any(self._blocks) or self._shared.waiting

    def send(self, beside: list[dict[str, object]], *, on_all: bool) -> list[dict[str, object]]:
        """Start to copy the rows to the host. Take the earlier copy first.

        Parameters
        ----------
        beside : list
            Momentum and betas of each row. It is empty afterwards.
        on_all : bool
            Whether all processes make this call, so that rows of sharded parameters can be summed. Otherwise those wait.

        Returns
        -------
        list
            Momentum and betas of each row that is copied.
        """
        with torch.inference_mode(False), torch.no_grad():
            rows = self._ring[: self.recorded].clone()
            self._view()
            chunk = Chunk(
                rows[:, :-1].view(len(rows), len(self._blocks), self._width),
                rows[:, -1],
                self._blocks,
                self._row_passes,
                beside.copy(),
            )
            self.recorded, self._row_passes = 0, []
            beside.clear()
            if not self.sharded:
                self._copy = _to_host(rows)
                return chunk.beside
            self._shared.keep(chunk)
            summed = self._shared.summed(self._blocks, self._cells, self._zero) if on_all and self._cells is not None else None
            if summed is None:
                return []
            self.lost = summed.lost
            self._copy = _to_host(torch.cat([summed.sums, summed.rates.unsqueeze(1)], dim=1))
            return summed.beside

    def taken(self, *, wait: bool) -> npt.NDArray[np.float64] | None:
        """The rows that have arrived on the host. None if there are none, or if they have not arrived and `wait` is False."""
        if self._copy is None:
            return None
        rows, arrived = self._copy
        if arrived is not None:
            if not wait and not arrived.query():  # type: ignore[no-untyped-call]
                return None
            arrived.synchronize()
        self._copy = None
        values: npt.NDArray[np.float64] = rows.cpu().numpy().astype(np.float64)
        return values

    def clear(self) -> None:
        """Forget all rows."""
        self.recorded, self.lost, self._copy, self._row_passes = 0, 0, None, []
        self._shared.clear()

    def end(self) -> None:
        """Expect no more rows."""
        self._passes.end()
        self._blocks = [()]


def _segments(
    parts: Sequence[Part], groups: Sequence[Sequence[int]], blocks: Sequence[ProcessGroups], like: torch.Tensor
) -> Segments:
    """The segment of each part: that of its group, or the last one, of its kind of sharding."""
    group_of = {i: number for number, members in enumerate(groups) for i in members}
    each = len(groups) + 1
    of = [blocks.index(part.process_groups) * each + group_of.get(i, len(groups)) for i, part in enumerate(parts)]
    return Segments(of, len(blocks), each, like)


def _to_host(rows: torch.Tensor) -> Copy:
    if not rows.is_cuda:
        return Copy(rows, None)
    host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
    host.copy_(rows, non_blocking=True)
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return Copy(host, arrived)
