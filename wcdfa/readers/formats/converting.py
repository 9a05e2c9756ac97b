"""Converts a text table that Arrow cannot read as it is: to UTF-8, lines that end with a line feed, and tabs for runs of spaces."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.dialects import Dialect, split
from wcdfa.readers.formats.spelled_numbers import plain_line
from wcdfa.readers.formats.unfinished import Beginning

AT_ONCE = 1 << 20  # characters that are converted at once
IN_MEMORY = 1 << 24  # bytes of converted text that are kept in memory; more are written to a temporary file
WIDEST = 1 << 24  # most characters in a line


def spool() -> BinaryIO:
    """A temporary file that nobody else sees; it is kept in memory while it is short."""
    return cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY))


def converted(file: BinaryIO, end: int, dialect: Dialect) -> tuple[BinaryIO, Dialect]:
    r"""The first `end` bytes of a table, converted block by block, and how it is then written. Lines keep their numbers.

    >>> table = "step norm\r1   0.5\r".encode("utf-16")
    >>> file, dialect = converted(io.BytesIO(table), len(table), Dialect("utf-16", " ", returns=True))
    >>> file.read(), dialect.delimiter
    (b'step\tnorm\n1\t0.5\n', '\t')
    >>> file.close()
    """
    text = io.TextIOWrapper(io.BufferedReader(Beginning(file, end), AT_ONCE), dialect.encoding, "replace", newline=None)
    blocks = iter(partial(text.read, AT_ONCE), "")
    if dialect.printed:
        blocks = map(plain_line, _of_lines(blocks))
    if dialect.delimiter == " ":
        blocks = map(_tabs, _of_lines(blocks))
    target = spool()
    for block in blocks:
        target.write(block.encode())
    target.seek(0)
    return target, dialect._replace(
        encoding="utf-8", returns=False, printed="", delimiter="\t" if dialect.delimiter == " " else dialect.delimiter
    )


def _of_lines(blocks: Iterator[str]) -> Iterator[str]:
    """The same text in blocks of whole lines."""
    held = ""
    for block in blocks:
        whole, end, rest = block.rpartition("\n")
        if end:
            yield held + whole + end
            held = rest
        elif len(held) > WIDEST:
            msg = f"not a table: a line is longer than {WIDEST >> 20} MB"
            raise LogError(msg)
        else:
            held += rest
    if held:
        yield held


def _tabs(lines: str) -> str:
    """Lines with a tab for each run of spaces and tabs, but not in quotes, and none at their ends."""
    if '"' in lines:
        return "".join(_quoted(line) for line in lines.splitlines(keepends=True))
    spaced = lines.replace("\t", " ")
    while "  " in spaced:
        spaced = spaced.replace("  ", " ")
    return spaced.replace("\n ", "\n").replace(" \n", "\n").strip(" ").replace(" ", "\t")


def _quoted(line: str) -> str:
    if '"' not in line:
        return _tabs(line)
    row = io.StringIO()
    csv.writer(row, delimiter="\t", lineterminator="").writerow(split(line.rstrip("\n"), " "))
    return row.getvalue() + line[len(line.rstrip("\n")) :]
