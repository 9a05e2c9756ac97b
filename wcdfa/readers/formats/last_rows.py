"""Tells whether the last row of a text table is whole although its line has no end."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import BinaryIO

from wcdfa.readers.formats.dialects import Dialect, split
from wcdfa.readers.formats.unfinished import BLOCK, is_number

KEPT = "the last line has no end: it was read, but if the log was cut off there, digits of its last number may be missing"
BEFORE = 32  # rows that the last one is compared with
ENOUGH = 10  # of them are needed


def is_whole(file: BinaryIO, end: int, size: int, dialect: Dialect, width: int) -> bool:
    r"""Whether what follows the last line end is a row like those before: as many fields, and as many digits in its last number.

    >>> import io
    >>> rows = b"".join(b"%d,0.%d\n" % (i, 1000 + i) for i in range(20))
    >>> [is_whole(io.BytesIO(rows + last), len(rows), len(rows + last), Dialect(), 2) for last in (b"20,0.1234", b"20,0.12", b"20")]
    [True, False, False]

    Parameters
    ----------
    file : file
        Opened for reading bytes.
    end, size : int
        The bytes up to the last line end, and all.
    dialect : Dialect
    width : int
        How many fields a row has.
    """
    if size - end > BLOCK:
        return False
    start = max(0, end - BLOCK)
    file.seek(start)
    before, last = file.read(end - start).decode("utf-8", "replace"), file.read(size - end).decode("utf-8", "replace")
    if '"' in last and not _is_closed(last, dialect.delimiter):
        return False
    fields = split(last.rstrip("\r"), dialect.delimiter)
    rows = [split(line.rstrip("\r"), dialect.delimiter) for line in before.split("\n")[-BEFORE - 1 : -1]]
    others = [dialect.number(row[-1].strip()) for row in rows if len(row) == width]
    return len(fields) == width and _ends(dialect.number(fields[-1].strip()), others)


def _ends(last: str, others: Sequence[str]) -> bool:
    """Whether the last field is like the others of its column."""
    numbers = [other for other in others if is_number(other)]
    if not is_number(last) or not numbers:
        return len(others) >= ENOUGH and last in others
    return len(numbers) >= ENOUGH and _is_long(_parts(last), [_parts(each) for each in numbers])


def _parts(number: str) -> tuple[str, str, str]:
    """What is before the decimal point, the digits after it, and the exponent."""
    digits, _, exponent = number.lower().partition("e")
    whole, _, fraction = digits.partition(".")
    return whole, fraction, exponent


def _is_long(last: tuple[str, str, str], others: Sequence[tuple[str, str, str]]) -> bool:
    """Whether no part of a number is shorter than in the rows before; a whole number must be as long as the longest."""
    wholes, *ends = zip(*others, strict=True)
    if not any(map(any, ends)):
        return len(last[0]) >= max(map(len, wholes)) and not any(last[1:])
    lengths = [min((len(each) for each in end if each), default=0) for end in ends]
    return all(len(part) >= length for part, length in zip(last[1:], lengths, strict=True))


def _is_closed(line: str, delimiter: str) -> bool:
    """Whether all quotes in a line are closed."""
    try:
        list(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True
