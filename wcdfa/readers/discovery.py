"""Where the logs are: which reader a file or folder is for, and what there is below a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from wcdfa.readers.checkpoints.displacement import is_checkpoints
from wcdfa.readers.checkpoints.names import entry_of, is_run
from wcdfa.readers.columns import Run
from wcdfa.support.text import shown

ENDINGS = {
    ".csv": "formats.arrow.read_delimited",
    ".tsv": "formats.arrow.read_delimited",
    ".jsonl": "formats.jsonl.read_lines",
    ".ndjson": "formats.jsonl.read_lines",
    ".npy": "formats.numpy.read_numpy",
    ".npz": "formats.numpy.read_numpy",
    ".parquet": "formats.arrow.read_parquet",
    ".wandb": "formats.wandb.read_wandb",
    ".db": "formats.sqlite.read_sqlite",
    ".sqlite": "formats.sqlite.read_sqlite",
    ".sqlite3": "formats.sqlite.read_sqlite",
    ".json": "formats.trainer_state.read_trainer_state",
}
EVENTS = "formats.tensorboard.read_tensorboard"
PARTS = "formats.arrow.read_parquet"
CHECKPOINTS = "checkpoints.displacement.read_checkpoints"
UNREADABLE = "discovery.read_unreadable"
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
        module, _, function = self.reader.rpartition(".")
        read: Callable[[Path], Iterator[Run]] = getattr(import_module(f"wcdfa.readers.{module}"), function)
        try:
            yield from read(self.path)
        except ValueError as error:
            msg = f"{shown(self.path)}: {shown(error, LONGEST)}"
            raise ValueError(msg) from error


def sources(path: str | Path) -> list[Source]:
    """The logs at a path: that of a file; all that are below a folder, in the order of their names.

    In a folder of the Trainer of transformers only the newest ``trainer_state.json`` counts, since it holds what the others do. Files
    of other endings, and of names that begin with a dot, are passed over. Links to folders are followed after all else, each folder
    once. A folder below that cannot be read is a source whose runs raise.

    Where there is no log at all, folders of checkpoints count, whose displacements are no norms of steps: those with numbers in their
    names; in the folder given, any.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If the file is of another format, or there is no log below the folder: the message says what is there.
    """
    path = Path(path)
    if path.is_dir():
        found, folders = _below(path)
        if all(source.reader == UNREADABLE for source in found):
            inside: set[Path] = set()  # what is in checkpoints
            found += [
                Source(folder, CHECKPOINTS) for folder in folders if _holds_checkpoints(folder, inside, numbered=folder != path)
            ]
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


def read_unreadable(folder: Path) -> Iterator[Run]:
    """No runs of a folder that could not be listed.

    Raises
    ------
    ValueError
        Which says why.
    """
    try:
        os.listdir(folder)
        why = "it could not be read a moment ago"
    except OSError as error:
        why = str(error.strerror)
    msg = f"what is in this folder is not known: {why}"
    raise ValueError(msg)


def _below(top: Path) -> tuple[list[Source], list[Path]]:
    """The logs in a folder and all below it, and these folders."""
    found: list[Source] = []
    folders: list[Path] = []
    above = {top.resolve(), *top.resolve().parents}
    seen: set[Path] = set()
    waiting, links = [top], deque[Path]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.popleft()
        real = folder.resolve()
        if real in seen or (real in above and folder != top):
            continue
        seen.add(real)
        try:
            logs, inside = _in(folder)
        except OSError:
            found.append(Source(folder, UNREADABLE))
            continue
        folders.append(folder)
        found += logs
        waiting += [each for each in reversed(inside) if not each.is_symlink()]
        links += [each for each in inside if each.is_symlink()]
    return found, folders


def _in(folder: Path) -> tuple[list[Source], list[Path]]:
    """The logs in a folder, and the folders in it that may hold more."""
    found = []
    paths = [folder / name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    files = [path for path in paths if path.is_file()]
    if any("tfevents" in file.name for file in files):
        found.append(Source(folder, EVENTS))
    if _is_parts(files):
        found.append(Source(folder, PARTS))
        files = []
    for file in files:
        reader = ENDINGS.get(file.suffix.lower())
        if reader is not None and (file.suffix.lower() != ".json" or file.name == STATE):
            found.append(Source(file, reader))
    states = _states(folder)
    if states and not (folder / STATE).exists():
        found.append(Source(max(states, key=_number), ENDINGS[".json"]))
    return found, [path for path in paths if path.is_dir() and path / STATE not in states]


def _holds_checkpoints(folder: Path, inside: set[Path], *, numbered: bool) -> bool:
    """Whether a folder holds checkpoints; the folders of `inside`, to which it adds, are checkpoints or in them."""
    if folder in inside or folder.parent in inside:
        inside.add(folder)
        return False
    try:
        inside.update(path for path in folder.iterdir() if path.is_dir() and entry_of(path) is not None and not is_run(path))
    except OSError:  # it was there a moment ago
        return False
    return is_checkpoints(folder, numbered=numbered)


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
