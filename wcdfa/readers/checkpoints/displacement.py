"""Measures how far the weights moved from each checkpoint in a folder to the next, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.readers.checkpoints.contents import Unreadable, contents_of
from wcdfa.readers.checkpoints.names import Entry
from wcdfa.readers.checkpoints.notes import Notes, Pair, comparable
from wcdfa.readers.checkpoints.order import CheckpointSeries, checkpoints_in
from wcdfa.readers.checkpoints.tensors import Contents, Numbers, Scratch, Stored
from wcdfa.readers.columns import Column, Run
from wcdfa.support.progress import Progress
from wcdfa.support.text import shown

PIECE = 1 << 17  # numbers read at a time, into memory that is reused and stays in the processor's cache
WIDEST = 16  # bytes of the widest number
LISTED = 12  # damaged checkpoints in a message


class Whole(NamedTuple):
    """A checkpoint and its contents."""

    entry: Entry
    contents: Contents


def is_checkpoints(folder: Path, *, numbered: bool = False) -> bool:
    """Whether a folder holds at least two checkpoints, judged by their names and first bytes.

    Checkpoints are files of safetensors or of ``torch.save``, or folders of such files or of orbax. Their names have numbers in them, as in
    ``checkpoint-500``, ``epoch=3-step=600.ckpt`` and ``500/default``. Unless `numbered` is set, it is enough that they have the same
    format.
    """
    try:
        series = checkpoints_in(folder)
    except ValueError:  # several series
        return True
    except OSError:
        return False
    return series is not None and not (numbered and series.entries[0].step is None)


def read_checkpoints(folder: Path) -> Iterator[Run]:
    """Measure how far the weights moved from each checkpoint in a folder to the next: ‖W − W before‖ over all floating-point weights.

    Differences are taken and summed in float64. This is not the norm of one step, because there are many steps in between. Nothing
    is unpickled: the numbers are read directly from the files, a piece at a time, and by tensorstore for orbax. Damaged checkpoints are
    left out, and so are displacements across them, which cover more steps than the others, unless there are no others. The notes say so.

    Raises
    ------
    ValueError
        If fewer than two checkpoints can be read, two neighbours have no parameter in common, a library is missing, or the
        folder holds several series of checkpoints.
    """
    series = checkpoints_in(folder)
    if series is None:
        msg = (
            "no two checkpoints of one format; known are .safetensors, files of torch.save (.pt, .pth, .ckpt, .bin), and "
            "folders of them or of orbax"
        )
        raise ValueError(msg)
    notes = Notes()
    with Progress("reading checkpoints", len(series.entries)) as progress:
        pairs = list(_displacements(series, notes, progress))
    if not pairs:
        more = f"; and {len(notes.damaged) - LISTED:,} more" if len(notes.damaged) > LISTED else ""
        said = "; ".join(map(str, notes.damaged[:LISTED]))
        msg = f"fewer than two of {len(series.entries)} checkpoints can be read: {said}{more}"
        raise ValueError(msg)
    pairs = [pair for pair in pairs if not pair.across] or pairs
    values = np.array([pair.displacement for pair in pairs])
    steps = None if pairs[0].entry.step is None else np.array([pair.entry.step for pair in pairs], np.int64)
    yield Run(folder, "", {"displacement": Column(values, steps)}, notes.said(series, pairs))


def _displacements(series: CheckpointSeries, notes: Notes, progress: Progress) -> Iterator[Pair]:
    before: Whole | None = None
    across = False  # whether a checkpoint was left out since the last
    for entry in series.entries:
        try:
            now = Whole(entry, contents_of(entry))
            if before is None:
                progress.total = (len(series.entries) - 1) * len(now.contents.tensors)
            else:
                yield notes.measured(Pair(before.entry, entry, _displacement(before, now, progress), across))
                notes.compared(before.contents, now.contents)
        except Unreadable as error:
            notes.skips(error)
            if error.entry == entry:
                across = before is not None
                continue
        notes.holds(now.contents)
        before, across = now, False


def _displacement(before: Whole, now: Whole, progress: Progress) -> float:
    squares: list[float] = []
    compared, tied, scratch = 0, set(), _scratch(now.entry)
    for name, new in now.contents.tensors.items():
        progress.advance()
        old = before.contents.tensors.get(name)
        if old is None or not comparable(new, old):
            continue
        compared += 1
        if new.place is not None and old.place is not None:
            if (new.place, old.place) in tied:
                continue
            tied.add((new.place, old.place))
        squares.append(_tensor((now.entry, new), (before.entry, old), scratch))
    if not compared:
        msg = f"{shown(before.entry.path.name)} and {shown(now.entry.path.name)} have no parameter in common: do they belong to the same model?"
        raise ValueError(msg)
    return math.sqrt(math.fsum(squares))


def _scratch(entry: Entry) -> Scratch:
    try:
        return np.empty((3, PIECE * WIDEST), np.uint8)
    except MemoryError as error:
        raise Unreadable(entry, error) from None


def _tensor(new: tuple[Entry, Stored], old: tuple[Entry, Stored], scratch: Scratch) -> float:
    """‖new − old‖² of a tensor, read a piece at a time."""
    units, size = {new[1].unit, old[1].unit} - {1}, prod(new[1].shape)
    together = max(1, min(size, math.lcm(*units)))
    stretch = max(1, PIECE // together) * together
    squares = []
    for start in range(0, size, stretch):
        a, b = (_read(*each, start, min(start + stretch, size), room) for each, room in zip((new, old), scratch, strict=False))
        squares += [_square(a[i : i + PIECE], b[i : i + PIECE], scratch[2]) for i in range(0, len(a), PIECE)]
    return math.fsum(squares)


def _read(entry: Entry, tensor: Stored, start: int, stop: int, scratch: Scratch) -> Numbers:
    try:
        return tensor.read(start, stop, scratch)
    except Exception as error:  # noqa: BLE001 - damaged files raise anything
        raise Unreadable(entry, error) from None


def _square(new: Numbers, old: Numbers, scratch: Scratch) -> float:
    kind = np.result_type(new, old, np.float64)
    with np.errstate(all="ignore"):  # weights may be infinite
        difference = np.subtract(new, old, out=scratch[: len(new) * kind.itemsize].view(kind), dtype=kind)
        return float(np.vdot(difference, difference).real)
