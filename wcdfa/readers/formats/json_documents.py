"""Reads a JSON document that holds a log: a list of objects, or an object of lists, as Keras, skorch, pandas and TensorBoard give."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import is_of_a_log, listed
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.json_stream import Stream
from wcdfa.readers.formats.json_tables import Tables
from wcdfa.readers.formats.row_tools import tool_of
from wcdfa.readers.formats.trainer_state import is_trainer_state

CUT = "it is cut off or damaged: what is before was read"
SURE = 10  # values of a series that tell a log from a configuration
TAG = re.compile(r"(?:^|-)tag-(.+)$")  # in the name of a file that TensorBoard gave to download
KINDS = "a log is a list of objects, an object of lists of numbers, or an object in each line"


def read_document(path: Path) -> Iterator[Run]:
    """Read the numbers in lists of objects, each a row, and in lists by name. Lists of equal length are the columns of a table.

    The document is read value by value. If it is cut off, the beginning is read, and a note says so.
    """
    size = path.stat().st_size
    tables, notes = Tables(size), []
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        stream = Stream(file, size)
        try:
            tables.take(stream)
            whole = not stream.peek()
        except EOFError:
            whole = False
    tag = TAG.search(path.stem)
    columns = tables.columns(tag[1] if tag else path.stem)
    if not columns:
        raise LogError(_what(tables, whole=whole))
    if not whole:
        notes.append(CUT)
    yield from tables.runs(Run(path, "", columns, notes, "tensorboard" if tables.points else tool_of(columns)))


def _what(tables: Tables, *, whole: bool) -> str:
    """What a document is that is no log."""
    if not whole and not tables.names:
        return f"not JSON, or cut off at its beginning; {KINDS}"
    held = f"an object with {listed(tables.names)}" if tables.names else "a list or value"
    return f"{held}, without a series of numbers: it is one row, or a configuration; {KINDS}"


def is_document(head: bytes) -> bool:
    """Whether a file that begins so holds a series with a name that logs of training have.

    >>> is_document(b'{"loss": [' + b"1.5, " * 20 + b'2]}'), is_document(b'{"lr": 0.1, "betas": [0.9, 0.999]}')
    (True, False)
    """
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or is_trainer_state(head):
        return False
    tables = Tables(len(head))
    with suppress(EOFError, ValueError):  # the rest of it is further on
        tables.take(Stream(io.StringIO(head.decode("utf-8-sig", "replace"))))
    if tables.lists and tables.loose > len(tables.lists):
        return False
    columns = tables.columns("")
    return any(len(each.values) >= SURE for each in tables.points.values()) or any(
        len(columns[name].values) >= SURE for name in columns if is_of_a_log(name)
    )


READER = FileReader("json", (".json",), read_document, recognises=is_document, doubtful=True)
