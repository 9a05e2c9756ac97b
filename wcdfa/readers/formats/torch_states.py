"""Reads the norms in a file of ``torch.save`` that holds the state of a recorder: a trainer's checkpoint, or ``handle.state_dict()``."""

from __future__ import annotations

import json
import zipfile
from base64 import b64decode
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.checkpoints.names import OWN
from wcdfa.readers.checkpoints.tensors import Stored
from wcdfa.readers.checkpoints.torch_pickle import TorchPickle
from wcdfa.readers.checkpoints.torch_zip import TorchZip, opened
from wcdfa.readers.columns import Run
from wcdfa.readers.limits import Room
from wcdfa.readers.recorder_states import as_numbers, damaged, named, run_of, undamaged
from wcdfa.support.series_names import GRADIENTS

HANDLE = {"version", "groups", "norms", "lr", "steps", "counts"}
KINDS = {"float64": "f8", "float32": "f4", "int64": "i8", "int32": "i4"}
DEEPEST, PART = 12, 100  # dicts in one another, and bytes that a visit to one takes


def read_torch_state(path: Path) -> Iterator[Run]:
    """Read the last norms of each recorder whose state is in the file. Neither torch nor anything pickled is run."""
    room = Room(path.stat().st_size)
    try:
        with opened(path, room) as archive:
            states = [*_handles(TorchPickle(archive, room).load(), room)]
            runs = [_run(path, each, archive, several=len(states) > 1) for each in states]
    except zipfile.BadZipFile as error:
        msg = "it is cut off, or was not written by torch.save"
        raise ValueError(msg) from error
    if not runs:
        msg = "it holds no recorded norms: a checkpoint has them if the callback of wcdfa, or handle.state_dict(), is in it"
        raise ValueError(msg)
    yield from runs


class State(NamedTuple):
    """The state of a handle."""

    keys: tuple[str, ...]
    """The keys that lead to it."""
    held: Mapping[str, object]
    source: object
    """What the monitor beside it says of the optimizer; None if there is none."""


def _handles(root: object, room: Room) -> Iterator[State]:
    """The states of handles in what was pickled."""
    waiting = [State((), root, None)] if isinstance(root, Mapping) else []
    while waiting:
        keys, part, source = waiting.pop()
        room.take(PART * (1 + len(part)), "what it holds")
        if part.keys() >= HANDLE:
            yield State(keys, part, source)
        elif len(keys) < DEEPEST:
            monitor = part.get("monitor")
            source = monitor.get("source") if isinstance(monitor, Mapping) else None
            waiting += [State((*keys, str(key)), each, source) for key, each in part.items() if isinstance(each, Mapping)]


def _run(path: Path, saved: State, archive: TorchZip, *, several: bool) -> Run:
    state, name = saved.held, "/".join(saved.keys) if several else ""
    with undamaged():
        numbers = {key: _numbers(state[key], archive) for key in ("norms", "lr", "steps", "counts")}
        series = dict(_series(json.loads(str(state["groups"])), numbers["norms"]))
        if "gradients" in state:
            series[GRADIENTS] = _numbers(state["gradients"], archive)
        run = run_of(path, series, numbers["lr"], numbers["steps"], int(numbers["counts"].ravel()[0]), name=name)
    return named(run, saved.source)


def _series(notes: object, norms: npt.NDArray[np.generic]) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    """The series by their names, which earlier releases hold alone."""
    if not isinstance(notes, (list, dict)):
        msg = f"it names its series {str(notes)[:40]!r}"
        raise damaged(msg)
    names = notes if isinstance(notes, list) else notes["names"]
    yield from zip(map(str, names), norms, strict=True)
    if isinstance(notes, dict):
        window = norms.shape[1]
        yield from ((each, as_numbers(text, window)) for each, text in notes.get("beside", {}).items())
        direction = (notes.get("direction") or {}).get("series", {})
        yield from ((each, found) for each, text in direction.items() if len(found := _floats(text)) == window)


def _floats(text: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(b64decode(text), np.float32)


def _numbers(tensor: object, archive: TorchZip) -> npt.NDArray[np.generic]:
    """All numbers of a tensor, which is small."""
    if not isinstance(tensor, Stored) or tensor.kind not in KINDS or not isinstance(tensor.place, tuple):
        msg = "it holds something else instead of numbers"
        raise damaged(msg)
    _, key, begin, shape, _ = tensor.place
    dtype, storage = np.dtype("<" + KINDS[tensor.kind]), archive.storage(key)
    size = prod(shape)
    if (begin + size) * dtype.itemsize > storage.size:
        msg = f"a tensor of shape {shape} is beyond the end of its storage"
        raise ValueError(msg)
    found = np.fromfile(archive.path, dtype, size, offset=storage.offset + begin * dtype.itemsize)
    return np.asarray(found.reshape(shape))


class _TorchStates(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the files of the callback for transformers. Other checkpoints are read if they are named."""
        return Found([file for file in folder.files if file.name == OWN])


READER = _TorchStates("checkpoints with recorded norms", (".pt", ".pth", ".ckpt"), read_torch_state, last_resort=True)
