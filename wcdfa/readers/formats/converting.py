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
    blocks = _lines(text) if dialect.delimiter == " " else iter(partial(text.read, AT_ONCE), "")
    target = spool()
    for block in blocks:
        target.write(block.encode())
    target.seek(0)
    return target, dialect._replace(
        encoding="utf-8", returns=False, delimiter="\t" if dialect.delimiter == " " else dialect.delimiter
    )


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, WIDEST), ""), start=1):
        if len(line) == WIDEST:
            msg = f"not a table: line {number:,} is longer than {WIDEST >> 20} MB"
            raise LogError(msg)
        end = "\n" if line.endswith("\n") else ""
        if '"' in line:
            row = io.StringIO()
            csv.writer(row, delimiter="\t", lineterminator="").writerow(split(line.rstrip("\n"), " "))
            yield row.getvalue() + end
        elif line.startswith("#"):
            yield "#" + "\t".join(line[1:].split()) + end
        else:
            yield "\t".join(line.split()) + end
