"""Keeps rows of sharded parameters on the device until all processes read them together: a step never waits for another process."""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch

from wcdfa.backends.torch.common_steps import Common, Step, Taken, common_steps, numbered, tell_differences
from wcdfa.backends.torch.norms import ProcessGroups, from_processes, over_processes
from wcdfa.support.text import several


class Chunk(NamedTuple):
    """Rows of this process, one per step."""

    sums: torch.Tensor  # (rows, kinds of sharding, cells)
    rates: torch.Tensor  # (rows,)
    blocks: list[ProcessGroups]  # the kinds of sharding
    passes: list[int]  # backward passes before each row
    beside: list[dict[str, object]]  # momentum and betas


class Cells(NamedTuple):
    """The cells of a row: norms, the square of the gradient, others of this step alone, and the direction."""

    norms: int  # how many norms there are; the square of the gradient follows
    direction: int  # the first cell of the direction
    width: int

    def at(self, group: int) -> list[int]:
        """The cells of one group: its norm, and its sums in the direction if that is measured."""
        sums = range(self.direction + 1, self.direction + 1 + 3 * self.norms, self.norms) if self.width > self.direction else ()
        return [group, *(first + group for first in sums)]


class Matched(NamedTuple):
    """Rows of this process, one for each step that any process took."""

    sums: torch.Tensor  # (rows, kinds of sharding, cells)
    rates: torch.Tensor  # (rows,)
    beside: list[dict[str, object]]
    dropped: int  # how many rows before these were dropped
    gap: bool  # whether this process left out the last step


class Summed(NamedTuple):
    """Rows that were summed over the processes."""

    sums: torch.Tensor  # (rows, cells)
    rates: torch.Tensor  # (rows,)
    beside: list[dict[str, object]]
    lost: int  # how many rows before these nobody has read in time, besides those that are gaps here


class SharedRows:
    """The rows since the last reading, of which the newest `limit` and a few more are kept.

    Processes may have taken different numbers of steps, because a GradScaler left one out or the data of one ended. Then they find out
    which of their rows belong together. A process that has no row of a step has not moved its parameters.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._told = self._full = False  # what was said once already
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self._chunks: list[Chunk] = []
        self._dropped, self._forgotten = 0, -1
        self._gap = False  # whether this process left out the last step that was summed

    @property
    def waiting(self) -> bool:
        """Whether there are rows that were not summed yet."""
        return bool(self._chunks)

    def widen(self, before: Cells, after: Cells) -> None:
        """Make room for groups that came after these rows: their norms are unknown there."""
        self._chunks = [chunk._replace(sums=_widened(chunk.sums, before, after)) for chunk in self._chunks]

    def keep(self, chunk: Chunk) -> None:
        """Add rows, and forget the oldest if too many wait."""
        if chunk.passes:
            self._chunks.append(chunk)
        while sum(len(each.passes) for each in self._chunks[1:]) >= self.limit:
            oldest = self._chunks.pop(0)
            self._dropped += len(oldest.passes)
            self._forgotten = oldest.passes[-1]
            self._tell_full()

    def _tell_full(self) -> None:
        if not self._full:
            logging.getLogger("wcdfa").warning(
                "more than %s of sharded parameters wait for a read(), and the oldest become gaps: call read() of the handle on all "
                "processes, at the same step and at least once a window",
                several(self.limit, "norm", "norms"),
            )
        self._full = True

    def summed(self, blocks: Sequence[ProcessGroups], cells: Cells, like: torch.Tensor) -> Summed | None:
        """Sum the rows over the processes, all of which must make the call. None if there are none.

        Parameters
        ----------
        blocks : list
            The kinds of sharding of the parameters now.
        cells : Cells
            Where the cells of a row are.
        like : tensor
            One of the type and on the device of the rows.

        Raises
        ------
        RuntimeError
            If a process is gone. The rows are kept.
        """
        blocks = list(dict.fromkeys([*(block for chunk in self._chunks for block in chunk.blocks), *blocks]))
        groups = tuple(dict.fromkeys(group for block in blocks for group in block))
        found = self._matched(self._joined(blocks, cells, like), groups, cells)
        total = found.sums.new_zeros((len(found.sums), cells.width))
        for i, block in enumerate(blocks):
            total += over_processes(found.sums[:, i].contiguous(), block)
        self.clear()
        self._gap = found.gap
        return _behind_gaps(total, found, self.limit) if len(total) + found.dropped else None

    def _matched(self, own: tuple[torch.Tensor, torch.Tensor], groups: ProcessGroups, cells: Cells) -> Matched:
        """The rows of this process, one for each step that any process took."""
        sums, rates = own
        if self._gap and len(sums):
            _forget_products(sums, 0, cells)
        taken = self._taken()
        if _agree(taken, groups, sums.device):
            return Matched(sums, rates, taken.beside, taken.dropped, self._gap and not len(sums))
        common = self._common(taken._replace(rates=rates.tolist()), groups)
        sums, missing = _aligned(sums, numbered(taken.passes), common, cells)
        gap = missing[-1:] == [len(sums) - 1] if len(sums) else self._gap
        return Matched(sums, rates.new_tensor(common.rates), common.beside, common.dropped, gap)

    def _joined(self, blocks: Sequence[ProcessGroups], cells: Cells, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows of all chunks, with a place for each kind of sharding."""
        count = sum(len(chunk.passes) for chunk in self._chunks)
        sums, rates = like.new_zeros((count, len(blocks), cells.width)), like.new_zeros(count)
        begin = 0
        for chunk in self._chunks:
            end = begin + len(chunk.passes)
            for i, block in enumerate(chunk.blocks):
                sums[begin:end, blocks.index(block)] = chunk.sums[:, i].to(like.device)
            rates[begin:end] = chunk.rates.to(like.device)
            begin = end
        return sums, rates

    def _taken(self) -> Taken:
        passes = [each for chunk in self._chunks for each in chunk.passes]
        beside = [each for chunk in self._chunks for each in chunk.beside]
        return Taken(passes, [], beside, self._dropped, self._forgotten)

    def _common(self, own: Taken, groups: ProcessGroups) -> Common:
        """The steps of all processes. The first of them says once that they differ."""
        taken = from_processes(own, groups)
        common = common_steps(taken)
        if min(taken) == torch.distributed.get_rank() and not self._told:
            tell_differences(taken, common)
        self._told = True
        return common


def _agree(taken: Taken, groups: ProcessGroups, device: torch.device) -> bool:
    """Whether all processes took the same steps."""
    digest = zlib.crc32(repr((taken.passes, taken.dropped, taken.forgotten)).encode())
    both = torch.tensor([digest, -digest], dtype=torch.int64, device=device)
    largest, smallest = over_processes(both, groups, torch.distributed.ReduceOp.MAX).tolist()
    return bool(largest == -smallest)


def _aligned(sums: torch.Tensor, own: Sequence[Step], common: Common, cells: Cells) -> tuple[torch.Tensor, list[int]]:
    """The rows of all steps that any process took, and which of them this one left out."""
    places = {step: i for i, step in enumerate(own)}
    found = sums.new_zeros((len(common.steps), *sums.shape[1:]))
    missing = [i for i, step in enumerate(common.steps) if step not in places]
    for i, (step, unknown) in enumerate(zip(common.steps, common.unknown, strict=True)):
        if step in places:
            found[i] = sums[places[step]]
        else:  # nothing moved here; the gradient was not measured
            found[i, :, cells.norms] = math.nan
            found[i, :, cells.direction :] = math.nan
        if unknown:
            found[i] = math.nan
    for i in missing:
        _forget_products(found, i + 1, cells)
    return found, missing


def _forget_products(sums: torch.Tensor, row: int, cells: Cells) -> None:
    """Say that the change of this row has no known product with the one before, which this process has not seen."""
    first = cells.direction + 1
    sums[row : row + 1, :, first : first + cells.norms] = math.nan


def _widened(sums: torch.Tensor, before: Cells, after: Cells) -> torch.Tensor:
    """Rows with cells for more groups, NaN in those."""
    new = {cell for group in range(before.norms, after.norms) for cell in after.at(group)}
    wide = sums.new_full((*sums.shape[:-1], after.width), math.nan)
    wide[..., [cell for cell in range(after.width) if cell not in new]] = sums
    return wide


def _behind_gaps(total: torch.Tensor, found: Matched, limit: int) -> Summed:
    """Put a gap for each row that was dropped in front, but no more than a window of them."""
    gaps = min(found.dropped, limit)
    before, unknown = total.new_full((gaps, total.shape[1]), math.nan), total.new_full((gaps,), math.nan)
    rates = torch.cat([unknown, found.rates])
    return Summed(torch.cat([before, total]), rates, [{}] * gaps + found.beside, found.dropped - gaps)
