"""Picks the whole rows out of a text table that was torn: by a crash, by two writers, by a column that was added, by a restart."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice
from os import SEEK_END
from typing import BinaryIO, NamedTuple

from wcdfa.readers.column_names import listed
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.converting import spool
from wcdfa.readers.formats.dialects import Dialect
from wcdfa.readers.formats.heads import SAMPLE, Head
from wcdfa.readers.formats.no_rows import Grown, Torn
from wcdfa.readers.formats.quotes import Quotes, logical_lines
from wcdfa.readers.formats.unfinished import BLOCK, Beginning, is_number
from wcdfa.readers.limits import Deadline
from wcdfa.support.text import often

GLUED = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?[-+]?\d*\.\d+(?:[eE][-+]?\d+)?|[-+]?\d+(?:\.\d*)?[eE][-+]?\d+[.eE-][-+.eE\d]*")
LOOKS_GLUED = re.compile(rb"\.\d+(?:[eE][-+]?\d+)?-?\d*\.|[eE][-+]?\d+[.eE]")
MOST = 3  # times as many lines as rows may be no rows
GROWN = 3  # rows before, and so many rows up to the end, that are longer: fewer may be torn
SHARED = 0.5  # of the names of a header, at least, are those of the header before


class Section(NamedTuple):
    """Rows below one header, without those that were torn."""

    names: list[str]
    file: BinaryIO
    sample: list[list[str]]
    line: int
    """The line of its header."""


def sections(file: BinaryIO, dialect: Dialect, top: Head, quoted: Quotes) -> tuple[list[Section], list[str]]:
    """Read a table line by line, and give its whole rows, below each header that it has; the files must be closed.

    Raises
    ------
    LogError
        If most lines are no rows.
    """
    picked = _Picked(dialect, top, Deadline(quoted.end))
    try:
        lines = io.BufferedReader(Beginning(file, quoted.end, top.start), BLOCK)
        for number, line in logical_lines(lines, dialect.delimiter.encode(), top.line, quoted.unclosed is None):
            picked.add(number, line)
        picked.require_table()
    except BaseException:
        picked.close()
        raise
    return picked.found, picked.notes()


class _Picked:
    """Takes lines, and keeps the whole rows."""

    def __init__(self, dialect: Dialect, top: Head, deadline: Deadline) -> None:
        self._dialect, self._delimiter, self._deadline = dialect, dialect.delimiter.encode(), deadline
        self._torn, self._repeated, self._rows, self._notes = Torn(), 0, 0, list[str]()
        self._grown: Grown | None = None
        self.found: list[Section] = []
        self._numeric: set[int] = set()
        self._begin(top.names, top.line - 1)
        self._numeric |= _numeric(top.sample, len(top.names))

    def close(self) -> None:
        """Close the files."""
        for file in [*(section.file for section in self.found), *([self._grown.file] if self._grown is not None else [])]:
            file.close()

    def add(self, number: int, line: bytes) -> None:
        """Take a line, or several that one quoted text joins."""
        if not number % SAMPLE:
            self._deadline.check()
        line = line.rstrip(b"\r\n")
        if not line.strip() or line.startswith(b"#"):
            return
        if self._is_plain(line):
            self._write(line)
            return
        fields = self._fields(line)
        whole = len(fields) == len(self.section.names)
        if fields == self.section.names:
            self._end()
            self._repeated += 1
        elif self._is_header(fields):
            self._begin(fields, number)
            self._notes.append(f"line {number:,} is another header: from there on the columns are {listed(fields)}")
        elif not whole or b"\0" in line or self._is_glued(fields):
            if not self._has_grown(number, fields):
                self._torn.add(number, 0 if whole else len(fields), len(self.section.names))
        else:
            self._write(line if b'"' not in line else self._written(fields))

    def require_table(self) -> None:
        """Raise a LogError if most lines are no rows. No line may be added afterwards."""
        self._end()
        if self._torn.count > MOST * self._rows or (self._torn.count and self._rows <= 1):
            msg = f"not a table: {self._torn.first}"
            raise LogError(msg)

    def notes(self) -> list[str]:
        """What was left out, and why."""
        again = (
            [f"the header is repeated {often(self._repeated)}: the log was started again in the same file"]
            if self._repeated
            else []
        )
        return [*again, *self._notes, *self._torn.notes()]

    @property
    def section(self) -> Section:
        """The section that is being written."""
        return self.found[-1]

    def _begin(self, names: Sequence[str], line: int) -> None:
        self._end()
        self.found.append(Section([name.strip() for name in names], spool(), [], line))
        self._commas, self._own = len(names) - 1, 0
        self._numeric.clear()

    def _has_grown(self, number: int, fields: list[str]) -> bool:
        """Keep a row that is longer than those before: if all that follow are so too, a column was added."""
        width = len(self.section.names)
        if len(fields) <= width or self._own < GROWN or any("\0" in each for each in fields) or self._is_glued(fields[:width]):
            return False
        if any(
            each.strip() and not is_number(self._dialect.number(each))
            for i, each in enumerate(fields[:width])
            if i in self._numeric
        ):
            return False
        if self._grown is None:
            self._grown = Grown(width)
        return self._grown.add(number, len(fields), self._written(fields[:width]))

    def _end(self) -> None:
        """Take the rows that are longer up to here, if they are enough."""
        grown, self._grown = self._grown, None
        if grown is None:
            return
        if grown.torn.count < GROWN:
            grown.file.close()
            self._torn.join(grown.torn)
            return
        self._notes.append(grown.note())
        self.found.append(Section(self.section.names, grown.file, [], grown.first - 1))
        grown.file.seek(0)
        for line in islice(grown.file, SAMPLE // (20 * len(self.section.names)) + 2):
            self.section.sample.append([self._dialect.number(each) for each in self._fields(line.rstrip(b"\n"))])
        grown.file.seek(0, SEEK_END)
        self._rows += grown.torn.count

    def _write(self, line: bytes) -> None:
        if self._grown is not None:  # those that were longer are no rows
            self._grown.file.close()
            self._torn.join(self._grown.torn)
            self._grown = None
        self._rows += 1
        self._own += 1
        self.section.file.write(line + b"\n")
        if len(self.section.sample) < SAMPLE // (20 * len(self.section.names)) + 2:
            self.section.sample.append([self._dialect.number(each) for each in self._fields(line)])
            self._numeric |= _numeric(self.section.sample[-1:], len(self.section.names))

    def _fields(self, line: bytes) -> list[str]:
        text = line.decode("utf-8", "replace")
        if '"' in text:
            try:
                fields = next(csv.reader(io.StringIO(text, ""), delimiter=self._dialect.delimiter, strict=True), [])
                if len(fields) == len(self.section.names):
                    return fields
            except csv.Error:  # a quote that is never closed
                pass
        return text.split(self._dialect.delimiter)

    def _written(self, fields: list[str]) -> bytes:
        row = io.StringIO()
        csv.writer(row, delimiter=self._dialect.delimiter, lineterminator="").writerow(fields)
        return row.getvalue().encode()

    def _is_header(self, fields: Sequence[str]) -> bool:
        """Whether these are names, and most of them known."""
        known = set(self.section.names)
        names = [field.strip() for field in fields]
        if len(set(names)) != len(names) or any(is_number(self._dialect.number(name)) or "\0" in name for name in names):
            return False
        return len(known & set(names)) >= max(1, SHARED * min(len(known), len(names)))

    def _is_plain(self, line: bytes) -> bool:
        """Whether this is a row, without a doubt."""
        odd = b'"' in line or b"\0" in line or LOOKS_GLUED.search(line)
        return not odd and line[:1].isdigit() and line.count(self._delimiter) == self._commas

    def _is_glued(self, fields: Sequence[str]) -> bool:
        """Whether two numbers became one text: the end of a line is missing, and so is the line break."""
        return any(GLUED.fullmatch(self._dialect.number(fields[i]).strip()) for i in self._numeric if i < len(fields))


def _numeric(sample: Sequence[Sequence[str]], width: int) -> set[int]:
    """Which columns have numbers in the first rows."""
    return {i for row in sample if len(row) == width for i, each in enumerate(row) if is_number(each)}
