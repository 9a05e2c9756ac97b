"""Bounds the memory for the list of members that is at the end of a zip archive."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wcdfa.readers.limits import Room

MEMBER = 11  # bytes of memory for a byte of the list


class ListedFile(io.BufferedReader):
    """A file that is opened as a zip archive, and whose list of members takes memory of a room."""

    def __init__(self, path: str | os.PathLike[str], room: Room) -> None:
        super().__init__(Path(path).open("rb", buffering=0))  # noqa: SIM115 - it is closed with this one
        self._room, self._counting = room, False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what is read meanwhile as the list.

        Raises
        ------
        LogError
            If it would take too much memory.
        """
        self._counting = True
        try:
            yield
        finally:
            self._counting = False

    def archive(self) -> zipfile.ZipFile:
        """Open the archive; raises as `counted`."""
        with self.counted():
            return zipfile.ZipFile(self)

    def read(self, size: int | None = -1) -> bytes:
        """Read at most so many bytes."""
        if self._counting and size is not None:
            self._room.take(MEMBER * max(0, size), "its list of members")
        return super().read(size)
