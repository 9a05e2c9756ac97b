"""Reads text files that may still be growing: only the part that existed when the file was opened."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

CUT = "the last line has no end and was left out: the log may be cut off, or still being written"
BLOCK = 1 << 16  # bytes


class Beginning(io.RawIOBase):
    r"""The first `size` bytes of a file, even if it grows meanwhile.

    >>> Beginning(io.BytesIO(b"1.5\n2.5"), 4).read()
    b'1.5\n'
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        self._file, self._left = file, size

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer, and return the number of bytes."""
        room = memoryview(buffer)
        data = self._file.read(min(len(room), self._left))
        room[: len(data)] = data
        self._left -= len(data)
        return len(data)


@contextmanager
def beginning(file: BinaryIO, *, whole_lines: bool = False) -> Iterator[tuple[BinaryIO, bool]]:
    """The current content of a file, and whether anything was left out. With `whole_lines`, a last line without an end is."""
    size = file.seek(0, io.SEEK_END)
    end = _last_line(file, size) if whole_lines else size
    with io.BufferedReader(Beginning(file, end), BLOCK) as part:
        yield part, end < size


def _last_line(file: BinaryIO, size: int) -> int:
    """The number of bytes up to the last line end."""
    stop = size
    while stop:
        start = max(0, stop - BLOCK)
        file.seek(start)
        if found := file.read(stop - start).rfind(b"\n") + 1:
            return start + found
        stop = start
    return 0
