"""Finds the names of the columns of a text table: in its first line, or 0, 1, 2, … if that holds numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from wcdfa.readers.column_names import listed
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.dialects import Dialect, split
from wcdfa.readers.formats.quotes import WIDEST
from wcdfa.readers.formats.unfinished import is_number
from wcdfa.support.text import several

SAMPLE = 1 << 16  # bytes of rows from which the types of the columns are told
AFTER = 10  # lines that are compared with what may be the header


class Head(NamedTuple):
    """The names of the columns, and where the rows begin."""

    names: list[str]
    start: int
    """In bytes."""
    line: int
    """The number of the first line of the rows."""
    notes: tuple[str, ...]
    sample: list[list[str]]
    """The fields of the first rows, with decimal points."""
    above: str = ""
    """The comment above the header."""


def head(file: BinaryIO, end: int, dialect: Dialect) -> Head:
    r"""Read the names of the columns, and the first rows.

    >>> import io
    >>> head(io.BytesIO(b'step,"lr=0.1, seed=2"\n1,0.5\n'), 28, Dialect())[:3]
    (['step', 'lr=0.1, seed=2'], 22, 2)
    >>> head(io.BytesIO(b"1.5,2\n1.25,3\n"), 12, Dialect())[:3]
    (['0', '1'], 0, 1)

    Raises
    ------
    LogError
        If a line is so long that this is no table.
    """
    skipped, above, notes = _before(file, end, dialect)
    lines = _Lines(file, end, skipped)
    rows = csv.reader(lines, delimiter=dialect.delimiter)
    try:
        first = next(rows, [])
        start, line, text = lines.read, lines.count, lines.latest
    except csv.Error as error:
        msg = f"not a table: {error} in line {lines.count:,}"
        raise LogError(msg) from error
    sample = [[dialect.number(field) for field in row] for row in _sampled(rows)]
    comment = [field.strip() for field in split(above.lstrip("#").strip(), dialect.delimiter)]
    numbers = bool(first) and all(is_number(dialect.number(field)) for field in first)
    if above and numbers and len(comment) == len(first):
        return Head(comment, *skipped, notes, [[dialect.number(field) for field in first], *sample], above)
    if not numbers:
        if torn := _without_quotes(text, first, sample, dialect.delimiter):
            note = f"a quote in line {line:,}, the header, is not closed: its names are read without quotes"
            return Head(torn, start, line + 1, (*notes, note), sample, above)
        names = _of_rows([name.strip() for name in first], sample)
        return Head(names, start, line + 1, notes, sample, above)
    names = [str(i) for i in range(len(first))]
    if _is_header(first, sample):
        note = f"the first line, {listed(first)}, is taken for the names of the columns, as pandas writes them"
        return Head(first, start, line + 1, (*notes, note), sample)
    return Head(names, *skipped, notes, [[dialect.number(field) for field in first], *sample])


def _is_header(first: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    """Whether a line of numbers holds the names of columns: 0, 1, 2, …, or other whole numbers above columns of fractions."""
    if list(first) == [str(i) for i in range(len(first))]:
        return bool(sample) and not all(field.lstrip("-").isdecimal() for field in sample[0])
    rows = [row for row in sample if len(row) == len(first)]
    fractions = len(rows) > 1 and all(not field.lstrip("-").isdecimal() for row in rows for field in row)
    return len(first) > 1 and len(set(first)) == len(first) and all(map(str.isdecimal, first)) and fractions


def _without_quotes(text: str, first: Sequence[str], sample: Sequence[Sequence[str]], delimiter: str) -> list[str]:
    """The names in a header that lost a quote, if only without quotes they are as many as the fields of the rows; else none."""
    names = [name.strip().strip('"') for name in text.strip("\r\n").split(delimiter)]
    if len(names) == len(first) or not sample or any(len(row) != len(names) for row in sample[:AFTER]):
        return []
    try:
        next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return names
    return []


def _of_rows(names: list[str], sample: Sequence[Sequence[str]]) -> list[str]:
    """The names of all fields in the rows, which may have one more: that of the row names in R, or an empty one at the end."""
    rows = sample[:AFTER]
    if not rows or any(len(row) != len(names) + 1 for row in rows):
        return names
    return [*names, ""] if not any(row[-1] for row in rows) else ["", *names]


def _before(file: BinaryIO, end: int, dialect: Dialect) -> tuple[tuple[int, int], str, tuple[str, ...]]:
    """Where the header is: its first byte and its line; the comment above it; and a note on what else is above it."""
    found: list[tuple[tuple[int, int], list[str]]] = []
    comment = ""
    for place, text, row in _rows(file, end, dialect):
        if text.startswith("#"):
            comment = comment if found else text
        elif any(map(str.strip, row)) or dialect.delimiter in text:
            found.append((place, row))
        if len(found) > 2 * AFTER:
            break
    if not found:
        return (0, 1), "", ()
    rows = [row for _, row in found]
    widths = [len(row) for row in rows]
    named = [not any(is_number(dialect.number(field)) for field in row) for row in rows]
    chosen = next((i for i in range(len(rows)) if _continues(widths, i) or _is_above(widths, named, i)), 0)
    if chosen == 1 and widths[0] == widths[1] - 1 and named[:2] == [True, False]:
        chosen = 0  # a header without a name for the last column, or for the first
    passed = f"{several(chosen, 'line', 'lines')} above the header, from line {found[0][0][1]} on, {'was' if chosen == 1 else 'were'} passed over"
    return found[chosen][0], comment, (passed,) if chosen else ()


def _rows(file: BinaryIO, end: int, dialect: Dialect) -> Iterator[tuple[tuple[int, int], str, list[str]]]:
    """The first rows: where each begins, its text, and its fields."""
    lines = _Lines(file, end, (0, 1))
    rows = csv.reader(lines, delimiter=dialect.delimiter)
    place = (0, 1)
    with suppress(csv.Error):
        for row in rows:
            yield place, lines.latest, row
            place = (lines.read, lines.count + 1)


def _continues(widths: Sequence[int], i: int) -> bool:
    """Whether most lines after this one have as many fields."""
    after = widths[i + 1 : i + 1 + AFTER]
    return (widths[i] > 1 or set(widths) == {1}) and 2 * after.count(widths[i]) >= len(after) > 0


def _is_above(widths: Sequence[int], named: Sequence[bool], i: int) -> bool:
    """Whether this line holds names, and the next one a row of as many fields."""
    return widths[i] > 1 and named[i : i + 2] == [True, False] and widths[i : i + 2] == [widths[i]] * 2


def _sampled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that are neither empty nor comments, up to one with a text too long for the csv module, which Arrow reads nonetheless."""
    with suppress(csv.Error):
        yield from (row for row in rows if row and not row[0].startswith("#"))


class _Lines:
    """The lines of the head and the sample, from a place on: a byte and the number of its line. It counts what was read."""

    def __init__(self, file: BinaryIO, end: int, start: tuple[int, int]) -> None:
        self._file, self._end, self._start = file, end, start[0]
        self.read, self.count = start[0], start[1] - 1
        self.latest = ""  # line

    def __iter__(self) -> Iterator[str]:
        self._file.seek(self._start)
        first = self.count
        while self.read < self._end and (self.read - self._start < SAMPLE or self.count < first + 2):
            line = self._file.readline(min(WIDEST, self._end - self.read))
            if not line:  # the file was shortened meanwhile
                return
            self.count += 1
            self.read += len(line)
            if not line.endswith(b"\n") and len(line) == WIDEST:
                msg = f"not a table: line {self.count:,} is longer than {WIDEST >> 20} MB"
                raise LogError(msg)
            self.latest = line.decode("utf-8-sig" if self.count == 1 else "utf-8", "replace")
            yield self.latest
