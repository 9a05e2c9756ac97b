"""Finds the tensors in one checkpoint, which may consist of several files or folders."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Never

from wcdfa.readers.checkpoints.metadata import read_json
from wcdfa.readers.checkpoints.names import SHARD, Entry, Format
from wcdfa.readers.checkpoints.orbax import open_orbax
from wcdfa.readers.checkpoints.safetensors import open_safetensors
from wcdfa.readers.checkpoints.tensors import FLOATS, Contents, size_of, weights
from wcdfa.readers.checkpoints.torch import open_torch
from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import Room, most_memory
from wcdfa.readers.listing import kind_of
from wcdfa.support.extras import way_out
from wcdfa.support.text import shown

OPEN: dict[Format, Callable[[Path, Room], Contents]] = {"safetensors": open_safetensors, "torch": open_torch, "orbax": open_orbax}
PIECES = 200_000  # of tensors that are always read; each takes some time, however small it is
LONGEST = 400  # characters of a reason
BYTES_EACH = 240  # of the file for each further piece


class Unreadable(ValueError):
    """A checkpoint is damaged or incomplete, or holds objects that must not be loaded."""

    def __init__(self, entry: Entry, error: Exception) -> None:
        self.entry, self.why = entry, shown(_why(entry, error), LONGEST)
        super().__init__(f"{shown(entry.path.name)}: {self.why}")


def _why(entry: Entry, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory to read it"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    why = str(error) if type(error) in (ValueError, LogError) else f"{type(error).__name__}: {error}"
    return why.partition(" [")[0] if entry.kind == "orbax" else why  # tensorstore adds the spec that it was given


def contents_of(entry: Entry) -> Contents:
    """The tensors in a checkpoint.

    Raises
    ------
    Unreadable
        If the checkpoint is damaged or incomplete.
    ValueError
        If a library is missing: the message says how to install it.
    """
    try:
        return _contents(entry)
    except ModuleNotFoundError as error:
        msg = f"{entry.path.name}: {way_out(f'reading checkpoints of {entry.kind}', f'wcdfa[{entry.kind}]', error)}"
        raise ValueError(msg) from error
    except Exception as error:  # noqa: BLE001 - damaged files raise anything
        raise Unreadable(entry, error) from None


def _contents(entry: Entry) -> Contents:
    if entry.kind == "unreadable":
        _refuse(entry.path)
    sizes = [_size(part) for part in entry.parts]
    room = Room(sum(sizes))
    if entry.kind == "orbax":
        return _comparable(open_orbax(entry.path, room) if entry.parts == (entry.path,) else _items(entry, room), room.size)
    parts, expected = _indexed(entry.parts, room) if entry.path.is_dir() else (list(entry.parts), set())
    if not all(sizes):
        msg = "it is empty"
        raise ValueError(msg)
    opened = {str(part.relative_to(entry.path)): OPEN[entry.kind](part, room) for part in parts}
    times = Counter(name for found in opened.values() for name in found.tensors)
    tensors = {
        name if times[name] == 1 else f"{file}:{name}": leaf
        for file, found in opened.items()
        for name, leaf in found.tensors.items()
    }
    if missing := sorted(expected - tensors.keys()):
        msg = f"{len(missing)} tensor(s) in its index are in no file, the first is {missing[0]}"
        raise ValueError(msg)
    found = Contents(tensors, tuple(dict.fromkeys(name for found in opened.values() for name in found.passed)))
    return _comparable(found, room.size)


def _refuse(path: Path) -> Never:
    """Raise an error that says why nothing at the path can be read."""
    if kind := kind_of(path):
        msg = f"it is {kind} and not a file"
        raise ValueError(msg)
    os.listdir(path)
    msg = "it could not be read a moment ago"
    raise ValueError(msg)


def _comparable(contents: Contents, size: int) -> Contents:
    """The contents, if there are any, and not so many that comparing them takes too long for a checkpoint of this size."""
    if not contents.tensors:
        msg = "it holds no weights"
        raise ValueError(msg)
    pieces = sum(leaf.pieces for leaf in contents.tensors.values())
    if pieces > max(PIECES, size // BYTES_EACH):
        msg = f"its tensors are in {pieces:,} pieces, far too many for {size / 1e6:,.1f} MB; at most {PIECES:,} are read"
        raise ValueError(msg)
    places = {id(leaf) if leaf.place is None else leaf.place: leaf for leaf in contents.tensors.values() if leaf.kind in FLOATS}
    numbers = sum(size_of(leaf.shape, leaf.kind) for leaf in places.values())
    if numbers > (most := most_memory(size)):
        msg = f"its tensors have {numbers / 1e6:,.0f} MB of numbers; of a checkpoint of {size / 1e6:,.1f} MB at most {most / 1e6:,.0f} MB are read"
        raise ValueError(msg)
    return contents


def _size(part: Path) -> int:
    """The size of a file, or of all files in a folder, which must be files and folders only."""
    status = part.stat()
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    if not stat.S_ISDIR(status.st_mode):
        msg = f"{part.name} is neither a file nor a folder"
        raise ValueError(msg)
    size = 0
    for place, _, names in os.walk(part):
        for name in names:
            status = os.stat(os.path.join(place, name))
            if not stat.S_ISREG(status.st_mode):
                msg = f"{name} in it is not a file"
                raise ValueError(msg)
            size += status.st_size
    return size


def _items(entry: Entry, room: Room) -> Contents:
    """The items of one orbax step, such as "params" and "opt_state", as one tree."""
    for folder in entry.path.iterdir():
        if (folder / "manifest.ocdbt").exists() and folder not in entry.parts:
            msg = f"{folder.name} has lost its _METADATA"
            raise ValueError(msg)
    opened = {part.name: open_orbax(part, room) for part in entry.parts}
    found = weights({(item, name): leaf for item, held in opened.items() for name, leaf in held.tensors.items()})
    return found._replace(passed=(*found.passed, *(name for held in opened.values() for name in held.passed)))


def _indexed(parts: tuple[Path, ...], room: Room) -> tuple[list[Path], set[str]]:
    """The files that belong together, and the tensors that must be in them if there is an index; raises if a file is missing."""
    found: list[Path] = []
    names: set[str] = set()
    for folder in dict.fromkeys(part.parent for part in parts):
        inside = [part for part in parts if part.parent == folder]
        indices = sorted(folder.glob(f"*{inside[0].suffix}.index.json"))
        if indices:
            mapped = read_json(indices[0], room)["weight_map"]
            if not isinstance(mapped, dict):
                msg = f"the weight_map of {indices[0].name} is of {type(mapped).__name__}"
                raise ValueError(msg)
            if gone := sorted(set(mapped.values()) - {part.name for part in inside}):
                msg = f"{', '.join(gone)} is missing, which {indices[0].name} names"
                raise ValueError(msg)
            named = set(mapped.values())
            inside = [part for part in inside if part.name in named]
            names |= mapped.keys()
        shards = [shard for part in inside if (shard := SHARD.search(part.name))]
        if shards and len(shards) < int(shards[0][2]):
            msg = f"{len(shards)} of its {int(shards[0][2])} files {'is' if len(shards) == 1 else 'are'} there"
            raise ValueError(msg)
        found += inside
    return found, names
