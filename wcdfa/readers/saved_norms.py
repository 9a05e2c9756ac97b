"""Finds saved models and checkpoints that hold the norms of each step: a log of epochs beside them has too few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from wcdfa.readers.base import Folder
from wcdfa.readers.discovery import Source
from wcdfa.readers.formats.keras_states import READER as KERAS
from wcdfa.readers.formats.torch_states import READER as TORCH
from wcdfa.readers.listing import listed
from wcdfa.readers.recorder_states import CALLED
from wcdfa.support.series_names import ALL
from wcdfa.support.text import shown

MOST = 8  # files of a folder that are opened


class Saved(NamedTuple):
    """A file that holds recorded norms, and how many."""

    path: Path
    norms: int

    def __str__(self) -> str:
        return f"{shown(self.path)} holds {self.norms:,} norms of steps: analyze that file"


def saved_norms(folders: Iterable[Path], least: int = 28) -> Saved | None:
    """The saved model or checkpoint with the most recorded norms directly in one of the folders; None if none has `least` norms.

    >>> saved_norms([Path("no such folder")]) is None
    True
    """
    found = [each for folder in dict.fromkeys(folders) for each in _in_folder(folder) if each.norms >= least]
    return max(found, key=lambda each: each.norms, default=None)


def _in_folder(folder: Path) -> Iterator[Saved]:
    with suppress(OSError):
        files = [path for path in listed(folder)[0] if not path.name.startswith(".")]
        for reader in (KERAS, TORCH):
            for path in list(reader.search(Folder(folder, files, True)).logs)[-MOST:]:
                with suppress(ValueError):
                    runs = Source(path, reader).runs()
                    yield Saved(path, max((len(run.columns[CALLED[ALL]].values) for run in runs), default=0))
