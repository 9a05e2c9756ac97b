"""Finds the pieces of a run that was resumed under its id: Weights & Biases writes each into a folder of its own."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

NAME = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")  # of a folder: the start and the id
AGAIN = re.compile(r"(.+)-(\d{1,9})")  # the id, and which of the later pieces that were begun in the same second


def pieces(path: Path) -> list[Path]:
    """The files of the run that a file belongs to, in the order of their start; only the file itself if it is the only one.

    >>> pieces(Path("elsewhere/run-abc.wandb"))
    [PosixPath('elsewhere/run-abc.wandb')]
    """
    folder = path.parent if NAME.fullmatch(path.parent.name) else path.resolve().parent
    found = NAME.fullmatch(folder.name)
    if found is None:
        return [path]
    identity = path.stem.removeprefix("run-")
    known = identity if found[2].startswith(identity) else found[2]  # the file may have been renamed
    beside = [folder.with_name(name) / path.name for name in _folders(folder.parent).get(known, ())]
    there = [each for each in beside if each.is_file()]
    return there if len(there) > 1 else [path]


def _folders(parent: Path) -> Mapping[str, Sequence[str]]:
    """The names of the folders that may be those of each id, in the order of their start."""
    return _listed(str(parent), os.stat(parent).st_mtime_ns)


@lru_cache(maxsize=2)  # the runs of a folder are asked for one after the other
def _listed(parent: str, _changed: int) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[tuple[str, int, str]]] = defaultdict(list)
    for name in os.listdir(parent):
        if each := NAME.fullmatch(name):
            found[each[2]].append((each[1], 0, name))
            if later := AGAIN.fullmatch(each[2]):  # or an id that ends so: the name of the file in it tells
                found[later[1]].append((each[1], int(later[2]), name))
    return {identity: [name for *_, name in sorted(each)] for identity, each in found.items()}
