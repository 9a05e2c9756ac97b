"""Finds logs: chooses the reader for a file or folder, and searches below a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from wcdfa.readers.base import FileReader, Folder, Reader
from wcdfa.readers.columns import Run
from wcdfa.readers.elsewhere import is_elsewhere, logs_elsewhere
from wcdfa.readers.errors import NothingLogged
from wcdfa.readers.formats import known, readers
from wcdfa.readers.formats.own_patterns import reader_with
from wcdfa.readers.formats.wandb_service import READER as SERVED
from wcdfa.readers.listing import kind_of, listed
from wcdfa.readers.places import place_of
from wcdfa.readers.recognition import FETCH, has_pointer, head_of, is_pointer, reader_of, recognised
from wcdfa.support.extras import way_out
from wcdfa.support.text import shown

LISTED = 12
LONGEST = 4000  # characters of a message, which may list many names
NOT_OPENED = "it is {} and not a file, and may give no data for ever: write what comes out of it into a file, and give that"


class Source(NamedTuple):
    """A log, and its reader."""

    path: Path
    reader: Reader

    def runs(self) -> Iterator[Run]:
        """Read the runs in the log.

        Raises
        ------
        ValueError
            If the log is damaged, or a library that reads it is not installed. The message names the file, and is safe to
            show for any content of the file.
        """
        if not self.path.is_dir() and has_pointer(self.path):
            msg = f"{shown(self.path)}: {FETCH}"
            raise ValueError(msg)
        try:
            yield from self.reader.runs(self.path)
        except ModuleNotFoundError as error:
            if self.reader.extra is None:
                raise
            msg = f"{shown(self.path)}: {way_out('reading it', f'wcdfa[{self.reader.extra}]', error)}"
            raise ValueError(msg) from error
        except ValueError as error:
            pointer = f"a file in it is {FETCH}; " if self.path.is_dir() and has_pointer(self.path) else ""
            msg = f"{shown(self.path)}: {pointer}{shown(error, LONGEST)}"
            nothing = isinstance(error, NothingLogged) or (self.path.is_file() and not self.path.stat().st_size)
            raise (NothingLogged if nothing else ValueError)(msg) from error
        except (MemoryError, RecursionError, OverflowError) as error:
            msg = f"{shown(self.path)}: it is nested too deeply, or asks for too much memory: {type(error).__name__}"
            raise ValueError(msg) from error


def sources(path: str | Path, pattern: str | None = None) -> list[Source]:
    r"""Find the logs at a path: the file itself, or all logs below a folder, sorted by name.

    If there are several checkpoints of the Trainer of transformers, only the newest ``trainer_state.json`` counts, because it includes the
    others. Files with unknown endings and names that begin with a dot are skipped; files without an ending, and those that end as many
    other files do, such as ``.txt``, are logs only if their first 64 KiB show it. A named file may have any name if they do. Links to
    folders are followed last, each folder once.
    A folder that cannot be read becomes a source whose runs raise an error, and so does a pipe, a socket or a device that has the name of a log.

    Folders of checkpoints hold displacements over many steps, not norms of steps. They count only if there is no log at all. Below the
    given folder, the names of checkpoints must have numbers in them.

    Parameters
    ----------
    path : path
        A file or folder of this machine or of an object store: ``s3://bucket/runs``, or any other URL that fsspec knows,
        or ``wandb://entity/project/run``. "-" is standard
        input. That and a pipe are read to their end, and what lies at a URL is fetched, into temporary files that are removed with the
        sources and the runs.
    pattern : str, optional
        Regular expression with named groups, such as ``grad_norm[:=] *(?P<value>\S+)``: the logs are texts, in whose lines it is searched
        for. The groups are columns; `value` is called as the name before it.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    ValueError
        If the format of the file is unknown, the pattern is wrong, it is a socket or a device, nothing comes out of a pipe for 20 seconds,
        or there is no log below the folder: the message says what is there.
    """
    path, kinds = place_of(path), readers() if pattern is None else (reader_with(pattern),)
    if SERVED.claims(path):
        return [Source(path, SERVED)]
    if is_elsewhere(path):
        return [Source(*each) for each in logs_elsewhere(path, partial(sources, pattern=pattern))]
    if path.is_dir():
        return _in_folder(path, kinds)
    if not path.exists():
        msg = f"{shown(path)}: no such file or folder"
        raise FileNotFoundError(msg)
    if kind := kind_of(path):
        msg = f"{shown(path)}: {NOT_OPENED.format(kind)}"
        raise ValueError(msg)
    head = head_of(path)
    if is_pointer(head):
        msg = f"{shown(path)}: {FETCH}"
        raise ValueError(msg)
    reader = reader_of(path, head, kinds) if pattern is None else _reader_with(pattern, head)
    if reader is None:
        msg = f"{shown(path)}: unknown format {path.suffix or '(no ending)'!r}; known are {known()}, and folders of them"
        raise ValueError(msg)
    return [Source(path, reader)]


def _reader_with(pattern: str, head: bytes) -> Reader:
    """The reader of a text that begins so, which may be compressed, by a pattern."""
    from wcdfa.readers.formats.packed import compressed, packed_with  # noqa: PLC0415 - it finds what it has unpacked by this module

    return packed_with(pattern) if compressed(head) else reader_with(pattern)


def _in_folder(top: Path, kinds: Sequence[Reader]) -> list[Source]:
    found = _below(top, [reader for reader in kinds if not reader.last_resort])
    if all(source.reader is UNREADABLE for source in found):
        others = _below(top, [reader for reader in kinds if reader.last_resort])
        found += [source for source in others if source.reader is not UNREADABLE]
    if not found:
        msg = f"{shown(top)}: no log in this folder; it holds {_contents(top)}"
        raise ValueError(msg)
    return found


def _below(top: Path, searching: Sequence[Reader]) -> list[Source]:
    """The logs in a folder and in all folders below it."""
    found: list[Source] = []
    above = {_identity(folder) for folder in (top, *top.resolve().parents)}
    seen: set[tuple[int, int] | str] = set()
    waiting, links = [top], deque[Path]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.popleft()
        same = _identity(folder)
        if same in seen or (same in above and folder != top):
            continue
        seen.add(same)
        try:
            logs, inside = _directly_in(folder, searching, given=folder == top)
        except OSError:
            found.append(Source(folder, UNREADABLE))
            continue
        found += logs
        waiting += [each for each in reversed(inside) if not each.is_symlink()]
        links += [each for each in inside if each.is_symlink()]
    return found


def _identity(folder: Path) -> tuple[int, int] | str:
    """The same for all paths that lead to a folder, and known at once, however long the path is."""
    try:
        status = os.stat(folder)
    except OSError:
        return str(folder)
    return status.st_dev, status.st_ino


def _directly_in(folder: Path, searching: Sequence[Reader], *, given: bool) -> tuple[list[Source], list[Path]]:
    """The logs in a folder, and the folders in it that may hold more."""
    files, folders, others = ([path for path in paths if not path.name.startswith(".")] for paths in listed(folder))
    asked = Folder(folder, files, given)
    found = [(reader, reader.search(asked)) for reader in searching]
    logs = [Source(log, UNREADABLE if kind_of(log) else reader) for reader, each in found for log in each.logs]
    by_name = [reader for reader in searching if not reader.doubtful]
    logs += [Source(path, UNREADABLE) for path in others if _claimed(path, by_name)]
    named = {source.path for source in logs}
    logs += [
        Source(*each)
        for each in recognised((file for file in files if file not in named and not _claimed(file, by_name)), searching)
    ]
    logs.sort(key=lambda source: (len(source.path.parts), source.path.name))  # the folder itself first, the deepest last
    searched = {path for _, each in found for path in each.searched}
    return logs, [path for path in folders if path not in searched]


def _claimed(path: Path, known: Sequence[Reader]) -> bool:
    return any(reader.claims(path) for reader in known)


def _read_unreadable(path: Path) -> Iterator[Run]:
    if kind := kind_of(path):
        raise ValueError(NOT_OPENED.format(kind))
    try:
        os.listdir(path)
        why = "it could not be read a moment ago"
    except OSError as error:
        why = str(error.strerror)
    msg = f"this folder cannot be searched: {why}"
    raise ValueError(msg)


UNREADABLE: Reader = FileReader("what cannot be read", (), _read_unreadable)


def _contents(folder: Path) -> str:
    names = sorted(os.listdir(folder))
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return (", ".join(shown(name) for name in names[:LISTED]) or "nothing") + more
