"""Finds the tensors in one checkpoint, which may consist of several files or folders."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from wcdfa.readers.checkpoints.names import SHARD, Entry, Format
from wcdfa.readers.checkpoints.orbax import open_orbax
from wcdfa.readers.checkpoints.safetensors import open_safetensors
from wcdfa.readers.checkpoints.tensors import Contents, weights
from wcdfa.readers.checkpoints.torch import open_torch

OPEN: dict[Format, Callable[[Path], Contents]] = {"safetensors": open_safetensors, "torch": open_torch}


class Unreadable(ValueError):
    """A checkpoint is damaged or incomplete, or holds objects that must not be loaded."""

    def __init__(self, entry: Entry, error: Exception) -> None:
        why = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        why = why.partition(" [")[0]  # tensorstore adds the spec that it was given
        super().__init__(f"{entry.path.name}: {why}")
        self.entry, self.why = entry, why


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
        msg = f"{entry.path.name}: to read checkpoints of {entry.kind}, {error.name} is needed: pip install 'wcdfa[{entry.kind}]'"
        raise ValueError(msg) from error
    except Exception as error:  # damaged files raise anything
        raise Unreadable(entry, error) from error


def _contents(entry: Entry) -> Contents:
    if entry.kind == "orbax":
        return _filled(open_orbax(entry.path) if entry.parts == (entry.path,) else _items(entry))
    parts, expected = _indexed(entry.parts) if entry.path.is_dir() else (list(entry.parts), set())
    if not all(part.stat().st_size for part in parts):
        msg = "it is empty"
        raise ValueError(msg)
    opened = {str(part.relative_to(entry.path)): OPEN[entry.kind](part) for part in parts}
    times = Counter(name for found in opened.values() for name in found.tensors)
    tensors = {
        name if times[name] == 1 else f"{file}:{name}": leaf
        for file, found in opened.items()
        for name, leaf in found.tensors.items()
    }
    if missing := sorted(expected - tensors.keys()):
        msg = f"{len(missing)} tensor(s) in its index are in no file, the first is {missing[0]}"
        raise ValueError(msg)
    return _filled(Contents(tensors, tuple(dict.fromkeys(name for found in opened.values() for name in found.passed))))


def _filled(contents: Contents) -> Contents:
    if not contents.tensors:
        msg = "it holds no weights"
        raise ValueError(msg)
    return contents


def _items(entry: Entry) -> Contents:
    """The items of one orbax step, such as "params" and "opt_state", as one tree."""
    for folder in entry.path.iterdir():
        if (folder / "manifest.ocdbt").exists() and folder not in entry.parts:
            msg = f"{folder.name} has lost its _METADATA"
            raise ValueError(msg)
    opened = {part.name: open_orbax(part) for part in entry.parts}
    found = weights({(item, name): leaf for item, held in opened.items() for name, leaf in held.tensors.items()})
    return found._replace(passed=(*found.passed, *(name for held in opened.values() for name in held.passed)))


def _indexed(parts: tuple[Path, ...]) -> tuple[list[Path], set[str]]:
    """The files that belong together, and the tensors that must be in them if there is an index; raises if a file is missing."""
    found: list[Path] = []
    names: set[str] = set()
    for folder in dict.fromkeys(part.parent for part in parts):
        inside = [part for part in parts if part.parent == folder]
        indices = sorted(folder.glob(f"*{inside[0].suffix}.index.json"))
        if indices:
            mapped = json.loads(indices[0].read_text(encoding="utf-8"))["weight_map"]
            if gone := sorted(set(mapped.values()) - {part.name for part in inside}):
                msg = f"{', '.join(gone)} is missing, which {indices[0].name} names"
                raise ValueError(msg)
            inside = [part for part in inside if part.name in mapped.values()]
            names |= mapped.keys()
        shards = [shard for part in inside if (shard := SHARD.search(part.name))]
        if shards and len(shards) < int(shards[0][2]):
            msg = f"{len(shards)} of its {int(shards[0][2])} files are there"
            raise ValueError(msg)
        found += inside
    return found, names
