"""Reads JSON lines, one object per row, as many training scripts write them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.rows import Rows, loads, longest_row, numbers
from wcdfa.readers.formats.unfinished import CUT, beginning

BLANK = b"\xef\xbb\xbf\0 \t\r\n"
LOOKED_AT, SURE = 20, 2  # lines that are parsed to recognise a file, and how many of them must be rows


def read_lines(path: Path) -> Iterator[Run]:
    """Read the numbers in each row by name, nested names joined with "/". Rows may have different names.

    NaN and Infinity are read as Python writes them. A last line that is cut off, because the run is still being written, is left out.
    """
    size = path.stat().st_size
    rows, notes, wrong, line = Rows(size), [], None, ""
    longest = longest_row(size)
    with path.open("rb") as file, beginning(file) as part, TextIOWrapper(part, "utf-8-sig", "replace", "\n") as text:
        for number, line in enumerate(iter(partial(text.readline, longest), ""), start=1):
            if wrong is not None and line.strip():
                raise wrong
            if len(line) == longest:
                msg = f"line {number} is longer than {longest >> 20} MB: a line is one row"
                raise LogError(msg)
            try:
                row = loads(line)
            except (ValueError, RecursionError) as error:
                if line.strip():  # only the last line may be cut off
                    wrong = LogError(f"line {number} is not JSON: {error}")
                continue
            if isinstance(row, dict):
                rows.add(row)
            elif line.endswith("\n"):  # otherwise digits may be missing
                rows.add(dict(numbers(row)))
            else:
                notes.append(CUT)
    if wrong is not None:
        if line.endswith("\n") or not rows.count:
            raise wrong
        notes.append(CUT)
    columns = rows.columns()
    if not columns:
        msg = f"no numbers in {rows.count} line(s)"
        raise LogError(msg)
    yield Run(path, "", columns, tuple(notes))


def is_json_lines(head: bytes) -> bool:
    r"""Whether a file that begins so holds an object in most of its lines, and in two or more.

    >>> is_json_lines(b'{"loss": 1}\n{"loss": 2}\n'), is_json_lines(b'{"loss": 1}\n'), is_json_lines(b"loss: 1\n")
    (True, False, False)
    """
    if not head.lstrip(BLANK).startswith(b"{"):
        return False
    lines = [line for line in head.split(b"\n", LOOKED_AT)[:LOOKED_AT] if line.strip(BLANK)]
    rows = sum(_is_object(line) for line in lines)
    return rows >= SURE and rows >= len(lines) // 2


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(loads(line.decode("utf-8-sig", "replace")), dict)
    except (ValueError, RecursionError):
        return False


READER = FileReader("jsonl", (".jsonl", ".ndjson"), read_lines, recognises=is_json_lines)
