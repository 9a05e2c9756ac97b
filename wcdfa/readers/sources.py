"""Where the logs are: which reader a file or folder is for, and what there is below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from wcdfa.names import shown
from wcdfa.readers.columns import Run

ENDINGS = {
    ".csv": "tables.read_delimited",
    ".tsv": "tables.read_delimited",
    ".jsonl": "lines.read_lines",
    ".ndjson": "lines.read_lines",
    ".npy": "numpy_files.read_numpy",
    ".npz": "numpy_files.read_numpy",
    ".parquet": "tables.read_parquet",
    ".wandb": "wandb.read_wandb",
    ".db": "sqlite.read_sqlite",
    ".sqlite": "sqlite.read_sqlite",
    ".sqlite3": "sqlite.read_sqlite",
    ".json": "trainer_state.read_trainer_state",
}
EVENTS = "tensorboard.read_tensorboard"
PARTS = "tables.read_parquet"
CHECKPOINTS = "checkpoints.read_checkpoints"
STATE = "trainer_state.json"
LISTED = 12
LONGEST = 4000  # characters of a message, which may list many names


class Source(NamedTuple):
    """A log that one of the readers reads."""

    path: Path
    reader: str

    def runs(self) -> Iterator[Run]:
        """The runs in it.

        Raises
        ------
        ValueError
            If it is damaged; the message names the file, and is fit to be shown whatever the file holds.
        """
        module, _, function = self.reader.partition(".")
        read: Callable[[Path], Iterator[Run]] = getattr(import_module(f"wcdfa.readers.{module}"), function)
        try:
            yield from read(self.path)
        except ValueError as error:
            msg = f"{shown(self.path)}: {shown(error, LONGEST)}"
            raise ValueError(msg) from error


def sources(path: str | Path) -> list[Source]:
    """The logs at a path: that of a file; all that are below a folder, in the order of their names.

    In a folder of the Trainer of transformers only the newest ``trainer_state.json`` counts, since it holds what the others do. Files
    of other endings, and of names that begin with a dot, are passed over.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If the file is of another format, or there is no log below the folder: the message says what is there.
    """
    path = Path(path)
    if path.is_dir():
        found = list(_below(path))
        if not found:
            msg = f"{shown(path)}: no log in this folder; it holds {_contents(path)}"
            raise ValueError(msg)
        return found
    if not path.exists():
        msg = f"{shown(path)}: no such file or folder"
        raise FileNotFoundError(msg)
    reader = EVENTS if "tfevents" in path.name else ENDINGS.get(path.suffix.lower())
    if reader is None:
        endings = ", ".join(ENDINGS)
        msg = (
            f"{shown(path)}: unknown format {path.suffix or '(no ending)'!r}; known are {endings}, event files, and folders of them"
        )
        raise ValueError(msg)
    return [Source(path, reader)]


def _below(folder: Path) -> Iterator[Source]:
    from wcdfa.readers.checkpoints import is_checkpoints  # noqa: PLC0415

    if is_checkpoints(folder) and not _states(folder):
        yield Source(folder, CHECKPOINTS)
        return
    names = sorted(entry for entry in os.listdir(folder) if not entry.startswith("."))
    files = [folder / name for name in names if (folder / name).is_file()]
    if any("tfevents" in file.name for file in files):
        yield Source(folder, EVENTS)
    if _is_parts(files):
        yield Source(folder, PARTS)
        files = []
    for file in files:
        reader = ENDINGS.get(file.suffix.lower())
        if reader is not None and (file.suffix.lower() != ".json" or file.name == STATE):
            yield Source(file, reader)
    states = _states(folder)
    if states:
        newest = max(states, key=_number)
        if not (folder / STATE).exists():
            yield Source(newest, ENDINGS[".json"])
    for name in names:
        below = folder / name
        if below.is_dir() and not below.is_symlink() and below / STATE not in states:
            yield from _below(below)


def _states(folder: Path) -> list[Path]:
    """Those in the checkpoints of a folder of the Trainer."""
    return [path for path in folder.glob(f"checkpoint-*/{STATE}") if path.parent.name.rpartition("-")[2].isdecimal()]


def _number(state: Path) -> int:
    return int(state.parent.name.rpartition("-")[2])


def _is_parts(files: list[Path]) -> bool:
    """Whether they are the numbered parts of one table: 00000.parquet and on."""
    return bool(files) and all(file.suffix == ".parquet" and file.stem.isdecimal() for file in files)


def _contents(folder: Path) -> str:
    names = sorted(os.listdir(folder))
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return (", ".join(shown(name) for name in names[:LISTED]) or "nothing") + more
