"""Finds the names of the columns of a text table: in its first line, or 0, 1, 2, … if that holds numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from wcdfa.readers.column_names import listed
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.unfinished import is_number

WIDEST = 1 << 24  # most bytes in a line; a longer one is not a row of a table
SAMPLE = 1 << 16  # bytes of rows from which the types of the columns are told


class Head(NamedTuple):
    """The names of the columns, and where the rows begin."""

    names: list[str]
    start: int
    """In bytes."""
    line: int
    """The number of the first line of the rows."""
    notes: tuple[str, ...]
    sample: list[list[str]]
    """The fields of the first rows."""


def head(file: BinaryIO, end: int, delimiter: str) -> Head:
    r"""Read the names of the columns, and the first rows.

    >>> import io
    >>> head(io.BytesIO(b'step,"lr=0.1, seed=2"\n1,0.5\n'), 28, ",")[:3]
    (['step', 'lr=0.1, seed=2'], 22, 2)
    >>> head(io.BytesIO(b"1.5,2\n1.25,3\n"), 12, ",")[:3]
    (['0', '1'], 0, 1)

    Raises
    ------
    LogError
        If a line is so long that this is no table.
    """
    file.seek(0)
    lines = _Lines(file, end)
    rows = csv.reader(lines, delimiter=delimiter)
    try:
        first = next(rows, [])
        start, line = lines.read, lines.count
    except csv.Error as error:
        msg = f"not a table: {error} in line {lines.count:,}"
        raise LogError(msg) from error
    sample = list(_sampled(rows))
    if not first or not all(map(is_number, first)):
        return Head(first, start, line + 1, (), sample)
    names = [str(i) for i in range(len(first))]
    if first == names and sample and not all(field.lstrip("-").isdecimal() for field in sample[0]):
        note = f"the first line, {listed(first)}, is taken for the names of the columns, as pandas writes them"
        return Head(names, start, line + 1, (note,), sample)
    return Head(names, 0, 1, (), [first, *sample])


def _sampled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that are not empty, up to one with a text too long for the csv module, which Arrow reads nonetheless."""
    with suppress(csv.Error):
        yield from (row for row in rows if row)


class _Lines:
    """The lines of the head and the sample. It counts what was read."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end = file, end
        self.read = self.count = 0

    def __iter__(self) -> Iterator[str]:
        while self.read < self._end and (self.read < SAMPLE or self.count < 2):
            line = self._file.readline(min(WIDEST, self._end - self.read))
            if not line:  # the file was shortened meanwhile
                return
            self.count += 1
            self.read += len(line)
            if not line.endswith(b"\n") and len(line) == WIDEST:
                msg = f"not a table: line {self.count:,} is longer than {WIDEST >> 20} MB"
                raise LogError(msg)
            yield line.decode("utf-8-sig" if self.count == 1 else "utf-8", "replace")
