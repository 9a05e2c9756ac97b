"""Finds quotes in a text table that are never closed, or closed so late that they swallow rows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.unfinished import BLOCK, CUT, Beginning, is_number

WIDEST = 1 << 24  # most bytes in a line; a longer one is not a row of a table
CLOSING = re.compile(rb'(?:[^"]++|"")*+"')


class Quotes(NamedTuple):
    """How the quotes in a text table are read."""

    end: int
    """Where the last whole row ends, in bytes."""
    unclosed: int | None
    """The line of a quote that is never closed although rows follow: quotes are then plain characters."""
    long: bool
    """Whether a quoted text covers several lines."""
    notes: tuple[str, ...]


class _Long(NamedTuple):
    """A quoted text that covers several lines."""

    row: int  # where its row begins, in bytes
    first: int  # its first line
    last: int | None  # its last line; None if it is never closed
    holds_rows: bool


def quotes(file: BinaryIO, start: int, end: int, delimiter: str, columns: int, line: int) -> Quotes:
    r"""Check the quotes in the rows of a table.

    >>> import io
    >>> table = b'1,0.5,"oops\n2,0.25,\n3,0.12,\n'
    >>> quotes(io.BytesIO(table), 0, len(table), ",", 3, 1).unclosed
    1

    Parameters
    ----------
    file : file
        Opened for reading bytes.
    start, end : int
        Where the rows begin and end in it.
    delimiter : str
        What is between two fields.
    columns : int
        How many fields a row has.
    line : int
        The number of the first line of the rows.
    """
    part = Beginning(file, end, start)
    if not any(b'"' in block for block in iter(lambda: part.read(BLOCK), b"")):
        return Quotes(end, None, False, ())
    notes: list[str] = []
    long = False
    for found in _long(io.BufferedReader(Beginning(file, end, start), BLOCK), delimiter.encode(), columns, line):
        if found.last is None and found.holds_rows:
            told = f"the quote in line {found.first:,} is never closed: all quotes are read as plain characters"
            return Quotes(end, found.first, False, (told,))
        if found.last is None:  # the row is still being written
            return Quotes(start + found.row, None, long, (*notes, CUT))
        long = True
        if found.holds_rows and not notes:
            notes.append(
                f"the quoted text from line {found.first:,} to line {found.last:,} holds what look like rows, and they are not read as "
                f"rows: remove the quote in line {found.first:,} if it is a mistake"
            )
    return Quotes(end, None, long, tuple(notes))


def _long(lines: BinaryIO, delimiter: bytes, columns: int, first: int) -> Iterator[_Long]:
    opening = re.compile(rb"(?:\A|(?<=" + delimiter + rb'))"(?:[^"]++|"")*+(?P<end>"|\Z)')
    place, row, opened = 0, 0, None
    for number, line in enumerate(lines, start=first):
        begin = 0
        if opened is not None:
            closed = CLOSING.match(line)
            inside = line if closed is None else line[: closed.end() - 1]
            opened = opened._replace(holds_rows=opened.holds_rows or _is_row(inside, delimiter, columns))
            if closed is not None:
                yield opened._replace(last=number)
                opened, begin = None, closed.end()
        if opened is None and b'"' in line:
            row = place if not begin else row
            if any(not found["end"] for found in opening.finditer(line, begin)):
                opened = _Long(row, number, None, holds_rows=False)
        place += len(line)
    if opened is not None:
        yield opened


def _opening(delimiter: bytes) -> re.Pattern[bytes]:
    """A quoted text at the beginning of a field, closed or not."""
    return re.compile(rb"(?:\A|(?<=" + re.escape(delimiter) + rb'))"(?:[^"]++|"")*+(?P<end>"|\Z)')


def logical_lines(lines: BinaryIO, delimiter: bytes, first: int, joined: bool) -> Iterator[tuple[int, bytes]]:
    r"""The lines of a table with their numbers; those that a quoted text covers are one if `joined` is true.

    >>> import io
    >>> list(logical_lines(io.BytesIO(b'1,"a\nb"\n2,c\n'), b",", 1, True))
    [(1, b'1,"a\nb"\n'), (3, b'2,c\n')]

    Raises
    ------
    LogError
        If a line is so long that this is no table.
    """
    opening, held, size, begin = _opening(delimiter), list[bytes](), 0, first
    for number, line in enumerate(iter(partial(lines.readline, WIDEST), b""), start=first):
        begin = begin if held else number
        size += len(line)
        if size >= WIDEST:
            msg = f"not a table: line {number:,} is longer than {WIDEST >> 20} MB"
            raise LogError(msg)
        closed = CLOSING.match(line) if held else None
        rest = line[closed.end() :] if closed else line
        held.append(line)
        inside = len(held) > 1 and closed is None
        if not joined or not (inside or (b'"' in rest and any(not found["end"] for found in opening.finditer(rest)))):
            yield begin, b"".join(held)
            held, size = [], 0
    if held:
        yield begin, b"".join(held)


def _is_row(line: bytes, delimiter: bytes, columns: int) -> bool:
    """Whether a line looks like a row: it has the fields of one, and a number in them."""
    fields = line.split(delimiter)
    return len(fields) >= columns and any(is_number(field.decode("utf-8", "replace")) for field in fields)
