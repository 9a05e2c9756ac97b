"""Finds logs that are not files of this machine, by way of copies in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from wcdfa.readers.base import Reader
from wcdfa.readers.copies import Copying, CopyReader
from wcdfa.readers.errors import LogError
from wcdfa.readers.places import STDIN, Url, is_stream
from wcdfa.readers.remote import fetch
from wcdfa.readers.streams import MOST, blocks
from wcdfa.support.temporary_folders import TemporaryFolder
from wcdfa.support.text import shown


class Found(Protocol):
    """A log that was found: see `wcdfa.readers.discovery.Source`."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def reader(self) -> Reader:
        """What reads it."""


class Elsewhere(NamedTuple):
    """A log, and its reader."""

    path: Path
    reader: Reader


def is_elsewhere(path: Path) -> bool:
    """Whether the logs at this place have to be copied first."""
    return isinstance(path, Url) or is_stream(path)


def logs_elsewhere(path: Path, sources: Callable[[Path], Iterable[Found]]) -> list[Elsewhere]:
    """Copy what lies at a URL or comes out of a pipe, and find the logs in it by `sources`.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the URL.
    ValueError
        If it cannot be copied, or holds no log.
    """
    folder = TemporaryFolder()
    with _named(path):
        copy = fetch(path, folder) if isinstance(path, Url) else _copied(path, folder)
    with _named(path, copy):
        found = list(sources(copy))
    return [Elsewhere(_place(path, each.path, copy), CopyReader(each.reader, each.path, folder)) for each in found]


@contextmanager
def _named(path: Path, copy: Path | None = None) -> Iterator[None]:
    """Put the place that the user named before an error, and not that of the copy."""
    try:
        yield
    except ValueError as error:
        msg = f"{shown(path)}: {str(error).removeprefix(f'{shown(copy)}: ')}"
        raise LogError(msg) from error


def _copied(path: Path, folder: TemporaryFolder) -> Path:
    name = path.name if path.suffix and str(path) != STDIN else "log"
    return Copying(folder, MOST, "copied, it").write(name, blocks(path))


def _place(path: Path, copy: Path, top: Path) -> Path:
    return path if copy == top else path / copy.relative_to(top).as_posix()
