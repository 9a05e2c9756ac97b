"""Reads text files that may still be growing: only the part that existed when the file was opened."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO

_GROWS = ContextVar("grows", default=False)
CUT = "the last line has no end and was left out: the log may be cut off, or still being written"
BLOCK = 1 << 16  # bytes


@contextmanager
def growing() -> Iterator[None]:
    """Files that are read meanwhile are still being written: their last line counts only if it has an end, because digits may be missing."""
    before = _GROWS.set(True)
    try:
        yield
    finally:
        _GROWS.reset(before)


def grows() -> bool:
    """Whether the files that are read are still being written, as `growing` says.

    >>> with growing():
    ...     grows()
    True
    """
    return _GROWS.get()


class Beginning(io.RawIOBase):
    r"""The bytes of a file up to `end`, even if it grows meanwhile.

    >>> Beginning(io.BytesIO(b"1.5\n2.5"), 4).read()
    b'1.5\n'
    """

    def __init__(self, file: BinaryIO, end: int, start: int = 0) -> None:
        file.seek(start)
        self._file, self._left = file, end - start

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
def beginning(file: BinaryIO) -> Iterator[BinaryIO]:
    """The current content of a file."""
    size = file.seek(0, io.SEEK_END)
    with io.BufferedReader(Beginning(file, size), BLOCK) as part:
        yield part


def last_line_end(file: BinaryIO, size: int) -> tuple[int, bool]:
    """Where the last whole line in the first `size` bytes of a file ends, and whether anything follows it."""
    stop = size
    while stop:
        start = max(0, stop - BLOCK)
        file.seek(start)
        if found := file.read(stop - start).rfind(b"\n") + 1:
            return start + found, start + found < size
        stop = start
    return 0, size > 0


def is_number(field: str) -> bool:
    """Whether a field of a text table is a number.

    >>> is_number(" 1e-300"), is_number("nan"), is_number("train")
    (True, True, False)
    """
    try:
        float(field)
    except ValueError:
        return False
    return True
