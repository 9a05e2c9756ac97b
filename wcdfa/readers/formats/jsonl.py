"""Reads JSON lines, one object per row, as many training scripts write them."""

from __future__ import annotations

from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import is_of_a_log
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.binary import require_text
from wcdfa.readers.formats.row_tools import tool_of
from wcdfa.readers.formats.rows import Rows, loads, longest_row, numbers
from wcdfa.readers.formats.torn import PATIENCE, Torn
from wcdfa.readers.formats.unfinished import beginning
from wcdfa.readers.limits import Deadline

BLANK = b"\xef\xbb\xbf\0 \t\r\n"
LOOKED_AT, SURE = 20, 2  # lines that are parsed to recognise a file, and how many of them must be rows


def read_lines(path: Path) -> Iterator[Run]:
    """Read the numbers in each row by name, nested names joined with "/". Rows may have different names.

    NaN and Infinity are read as Python writes them. Lines that are no rows are left out and named in a note: the last one while a run is
    still being written, and others where a process was killed while it wrote. If several rows stand in one line, each is read.
    """
    require_text(path)
    size = path.stat().st_size
    longest, rows, torn, like = longest_row(size), Rows(size), Torn(), dict[str, object]()
    number, line = 0, ""
    with path.open("rb") as file, beginning(file) as part, TextIOWrapper(part, "utf-8-sig", "replace", "\n") as text:
        for number, line in enumerate(_lines(text, size), start=1):
            try:
                row = loads(line) if len(line) < longest else _too_long(longest)
            except (ValueError, RecursionError) as error:
                for each in torn.rows(number, line, str(error) if isinstance(error, LogError) else f"not JSON: {error}", like):
                    rows.add(each)
                if torn.too_many(rows.count, PATIENCE):
                    break
                continue
            if type(row) is dict:
                rows.add(row)
                like = row
            elif line.endswith("\n") and (alone := dict(numbers(row))):  # without a line end, digits may be missing
                rows.add(alone)
            else:
                torn.leave_out(number, line, "JSON but no object")
    columns = rows.numbers()
    if not columns or torn.too_many(rows.count):
        raise torn.refusal(rows.count)
    yield from rows.runs(Run(path, "", {}, torn.notes(None if line.endswith("\n") else number), tool_of(columns)))


def _lines(text: TextIO, size: int) -> Iterator[str]:
    """The lines, of which those that are too long for a row are cut."""
    longest, deadline = longest_row(size), Deadline(size)
    while line := text.readline(longest):
        yield line
        while len(line) == longest and not line.endswith("\n"):
            line = text.readline(longest)
            deadline.check()


def _too_long(longest: int) -> object:
    msg = f"longer than {longest >> 20} MB: a line is one row"
    raise LogError(msg)


def is_json_lines(head: bytes) -> bool:
    r"""Whether a file that begins so holds an object of a training in half of its lines, and in two or more.

    The numbers must have a name that logs of training have: what programs say of themselves, as Weights & Biases does in its
    ``debug-internal.log``, is in JSON lines too.

    >>> is_json_lines(b'{"loss": 1}\n{"loss": 2}\n'), is_json_lines(b'{"loss": 1}\n'), is_json_lines(b"loss: 1\n")
    (True, False, False)
    """
    if not head.lstrip(BLANK).startswith(b"{"):
        return False
    lines = [line for line in head.split(b"\n", LOOKED_AT)[:LOOKED_AT] if line.strip(BLANK)]
    rows = sum(map(_is_of_training, lines))
    return rows >= SURE and rows >= len(lines) // 2


def _is_of_training(line: bytes) -> bool:
    try:
        row = loads(line.decode("utf-8-sig", "replace"))
        return isinstance(row, dict) and any(is_of_a_log(name) for name, _ in numbers(row))
    except (ValueError, RecursionError):
        return False


READER = FileReader("jsonl", (".jsonl", ".ndjson"), read_lines, recognises=is_json_lines)
