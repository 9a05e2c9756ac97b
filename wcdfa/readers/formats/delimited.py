"""Reads text tables, such as csv and tsv, with or without a header, in any dialect and encoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, NamedTuple

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Lazy, Run, Words
from wcdfa.readers.formats.arrow import pa, require_numbers
from wcdfa.readers.formats.binary import require_text
from wcdfa.readers.formats.converting import converted
from wcdfa.readers.formats.dialects import LOOK, dialect_of, looks_like_table
from wcdfa.readers.formats.exports import runs_of, tool_of
from wcdfa.readers.formats.gathering import Gathered
from wcdfa.readers.formats.heads import Head, head
from wcdfa.readers.formats.last_rows import KEPT, is_whole
from wcdfa.readers.formats.quotes import Quotes, quotes
from wcdfa.readers.formats.text_table import HasTornRows, Table
from wcdfa.readers.formats.thousands import doubtful, without_points
from wcdfa.readers.formats.unfinished import CUT, grows, last_line_end
from wcdfa.readers.formats.whole_rows import sections
from wcdfa.readers.limits import require_room
from wcdfa.readers.table_runs import runs_of_rows
from wcdfa.readers.unread import require_plain
from wcdfa.support.text import shown

PRINTED = "printed objects, such as {}, …), are read as the numbers in them"
OF_A_COLUMN = 6000  # bytes that Arrow needs for each column, even if it is empty


def read_delimited(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a text table. Without a header they are named 0, 1, 2, …; empty fields are left out.

    Lines that are no whole rows are left out, and a note names them. A last line without a line end counts if it looks like the rows before;
    while a log is watched, it never counts, because digits of a number may be missing.
    """
    require_text(path)
    size = path.stat().st_size
    with _opened(path, size) as opened:
        top, found = opened.table.head, Gathered()
        try:
            found.add(opened.table)
        except (pa.ArrowException, HasTornRows):
            found = Gathered(repaired=True)
            with _repaired(opened) as (tables, noted):
                found.notes += noted
                for table in tables:
                    found.add(table)
    unread = Lazy(found.texts(), partial(_first, top))
    require_plain(found.columns(), unread)
    columns, pointed = without_points(require_numbers(found.columns(), top.names, empty=not top.sample))
    texts = Lazy(found.texts(), partial(_words, path, size, found))
    notes = (*opened.notes, *top.notes, *opened.table.quotes.notes, *found.notes, *pointed, *doubtful(top, opened.table.dialect))
    for run in runs_of(Run(path, "", columns, notes, tool_of(path, top.names, top.above), texts=texts, unread=unread)):
        yield from runs_of_rows(run, top.names)


READER = FileReader("csv, tsv", (".csv", ".tsv"), read_delimited, extra="cli", recognises=looks_like_table)


class _Opened(NamedTuple):
    """A table of which the names and the quotes are known."""

    table: Table
    notes: tuple[str, ...]


@contextmanager
def _opened(path: Path, size: int) -> Iterator[_Opened]:
    """Open the first bytes of a file as a table."""
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(path.open("rb"))
        dialect = dialect_of(file.read(min(LOOK, size)), path.suffix.lower())
        printed = (PRINTED.format(shown(dialect.printed)),) if dialect.printed else ()
        if dialect.odd:
            file, dialect = converted(file, size, dialect)
            stack.callback(file.close)
            size = file.seek(0, SEEK_END)
        end, open_end = last_line_end(file, size)
        top = head(file, end, dialect)
        require_room(OF_A_COLUMN * len(top.names), end, f"a table of {len(top.names):,} columns")
        notes = (CUT,) if open_end else ()
        if open_end and not grows() and is_whole(file, end, size, dialect, len(top.names)):
            end, notes = size, (KEPT,)
        notes = (*printed, *notes)
        quoted = quotes(file, top.start, end, dialect.delimiter, len(top.names), top.line)
        yield _Opened(Table(file, dialect, top, quoted), notes)


@contextmanager
def _repaired(opened: _Opened) -> Iterator[tuple[list[Table], list[str]]]:
    """The table without what is torn, in parts if its columns change, and notes."""
    dialect, quoted = opened.table.dialect, opened.table.quotes
    with ExitStack() as stack:
        parts, notes = sections(opened.table.file, dialect, opened.table.head, quoted)
        tables = []
        for part in parts:
            stack.callback(part.file.close)
            whole = Quotes(part.file.seek(0, SEEK_END), None, quoted.long, ())
            tables.append(Table(part.file, dialect, Head(part.names, 0, part.line + 1, (), part.sample), whole, repaired=True))
        yield tables, notes


def _first(top: Head, name: str) -> str:
    """The first text of a column, if there is one in the first rows."""
    place = top.names.index(name) if name in top.names else len(top.names)
    return next((row[place] for row in top.sample if place < len(row) and row[place].strip()), "")


def _words(path: Path, size: int, found: Gathered, name: str) -> Words:
    """Read the text of a column."""
    with _opened(path, size) as opened:
        if not found.repaired:
            return found.words(name, [opened.table])
        with _repaired(opened) as (tables, _):
            return found.words(name, tables)
