"""Folders of checkpoints: how far the weights moved from each to the next, read tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.progress import Progress
from wcdfa.readers.checkpoint_names import Entry, Series, series_of
from wcdfa.readers.checkpoint_notes import Notes, Pair, comparable
from wcdfa.readers.checkpoint_parts import Unreadable, contents_of
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.stored import Contents, Stored

PIECE = 1 << 16  # numbers read at a time: few enough that their memory is used again, and stays in the cache of the processor


class Whole(NamedTuple):
    """A checkpoint and what it holds."""

    entry: Entry
    contents: Contents


def is_checkpoints(folder: Path) -> bool:
    """Whether a folder holds two checkpoints or more, by their names and first bytes.

    They are files of safetensors or of ``torch.save``, or folders of such files or of orbax, with numbers in their names, as
    ``checkpoint-500``, ``epoch=3-step=600.ckpt`` and ``500/default``; or at least of one format.
    """
    try:
        return series_of(folder) is not None
    except ValueError:  # several series
        return True
    except OSError:
        return False


def read_checkpoints(folder: Path) -> Run:
    """The displacement ‖W − W of the checkpoint before‖ at each checkpoint in a folder but the first, of all floating-point weights.

    Differences are taken and summed in float64. That is no norm of an update: many steps lie between. No pickled object is loaded, and
    no tensor of torch or orbax either: the numbers are read from the files, a stretch at a time, and those of orbax by tensorstore.

    Raises
    ------
    ValueError
        If fewer than two checkpoints can be read, two that follow one another have no parameter in common, a library is missing, or the
        folder holds several series of checkpoints. Damaged checkpoints between whole ones are left out, and the notes say so.
    """
    series = series_of(folder)
    if series is None:
        msg = (
            f"{folder}: no two checkpoints of one format; known are .safetensors, files of torch.save (.pt, .pth, .ckpt, .bin), and "
            "folders of them or of orbax"
        )
        raise ValueError(msg)
    notes = Notes()
    with Progress("reading checkpoints", len(series.entries)) as progress:
        pairs = list(_displacements(series, notes, progress))
    if not pairs:
        said = "; ".join(str(error) for error in notes.damaged)
        msg = f"{folder}: fewer than two of {len(series.entries)} checkpoints can be read: {said}"
        raise ValueError(msg)
    values = np.array([pair.displacement for pair in pairs])
    steps = None if pairs[0].entry.step is None else np.array([pair.entry.step for pair in pairs], np.int64)
    return Run(folder, "", {"displacement": Column(values, steps)}, notes.said(series, pairs))


def _displacements(series: Series, notes: Notes, progress: Progress) -> Iterator[Pair]:
    before: Whole | None = None
    for entry in series.entries:
        try:
            now = Whole(entry, contents_of(entry))
            if before is None:
                progress.total = (len(series.entries) - 1) * len(now.contents.tensors)
            else:
                yield Pair(before.entry, entry, _displacement(before, now, progress))
                notes.compared(before.contents, now.contents)
        except Unreadable as error:
            notes.damaged.append(error)
            if error.entry == entry:
                continue
        notes.holds(now.contents)
        before = now


def _displacement(before: Whole, now: Whole, progress: Progress) -> float:
    squares: list[float] = []
    compared, tied = 0, set()
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
        size = prod(new.shape)
        together = max(new.unit, old.unit) if new.unit == old.unit or 1 in (new.unit, old.unit) else size
        step = max(1, PIECE // together) * together
        for start in range(0, size, step):
            stop = min(start + step, size)
            squares.append(_square(_read(now.entry, new, start, stop), _read(before.entry, old, start, stop)))
    if not compared:
        msg = f"{before.entry.path} and {now.entry.path.name} have no parameter in common: are they of the same model?"
        raise ValueError(msg)
    return math.sqrt(math.fsum(squares))


def _read(entry: Entry, tensor: Stored, start: int, stop: int) -> Any:
    try:
        return tensor.read(start, stop)
    except Exception as error:  # damaged files raise anything
        raise Unreadable(entry, error) from error


def _square(new: Any, old: Any) -> float:
    with np.errstate(all="ignore"):  # weights may be infinite
        difference = np.subtract(new, old, dtype=np.result_type(new, old, np.float64))
        return float(np.vdot(difference, difference).real)
