"""Collects logs that consist of rows: numbers by name, each with the step of its row."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from wcdfa.readers.columns import Column, Floats, Integers, Run
from wcdfa.readers.formats.row_texts import Texts
from wcdfa.readers.formats.spelled_numbers import said_of, spelled_number
from wcdfa.readers.limits import Deadline, most_memory, require_room
from wcdfa.readers.steps import with_steps
from wcdfa.readers.table_runs import runs_of_rows

NAMED = ("NaN", "Infinity", "-Infinity")  # values that trackers write as text, because JSON has no number for them
LONGEST = 32  # most characters in a number that is written as text
LONGEST_ROW = 1 << 22  # most characters in a row that is parsed at once: what is parsed may take 24 times the memory of its text
LOOK = 64  # rows, or new columns, between two looks at the clock
LONG_NAME = 1000  # characters
OF_A_COLUMN = 1500  # bytes for each column, even if it is empty

DECODER = json.JSONDecoder()
SPACE = " \t\n\r"  # what JSON calls space
MOST_DIGITS = 4300  # of a whole number that Python converts


def longest_row(size: int) -> int:
    """The most characters in a row of a file of this size.

    >>> longest_row(1000) >> 20, longest_row(10**9) >> 20
    (5, 158)
    """
    return most_memory(size) // 48


def loads(text: str) -> object:
    """Parse JSON. A whole number of more digits than Python converts becomes infinite, as any that float64 cannot hold.

    >>> loads('{"loss": 1' + "0" * 5000 + "}")
    {'loss': inf}
    """
    try:
        value: object
        value, end = DECODER.raw_decode(text)  # half of the time of json.loads, which looks for space around the value
    except ValueError:  # space before the value, a number that is too long, or no JSON
        return json.loads(text, parse_int=whole_number)
    return json.loads(text, parse_int=whole_number) if text[end:].strip(SPACE) else value


def whole_number(digits: str) -> int | float:
    """The number that the digits in a JSON text stand for; infinite if they are too many."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


class Rows:
    """Collects numbers row by row, with 8 bytes per number and 8 more if it is not in every row.

    >>> rows = Rows()
    >>> for row in ({"step": 1, "norm": 0.5}, {"step": 2, "loss": 3}, {"step": 3, "norm": 0.25, "note": "text"}):
    ...     rows.add(row)
    >>> norm = rows.columns()["norm"]
    >>> norm.values, norm.steps, norm.rows.tolist()
    (array([0.5 , 0.25]), array([1, 3]), [0, 2])

    `size` is that of the log in bytes: names that take far more memory, or rows that take far longer, are a `LogError`.
    """

    def __init__(self, size: int = 0) -> None:
        self.count = 0
        self._size, self._deadline, self._needed = size, Deadline(size), 0
        self._values: dict[str, array[float]] = {}
        self._rows: dict[str, array[int]] = {}
        self._texts = Texts()
        self._spelled: dict[str, str] = {}

    def add(self, row: Mapping[str, object]) -> None:
        """Add the numbers of a row, nested ones under names joined with "/", and its text that is not nested; the rest is ignored."""
        count, known, rows = self.count, self._values, self._rows
        if not count % LOOK:
            self._deadline.check()
        for name, value in row.items():
            if type(value) is float or type(value) is int:
                try:
                    values = known[name]
                except KeyError:
                    values = self._new(name)
                if name not in rows and len(values) == count:  # as `_append`, which would be called for each number
                    try:
                        values.append(value)
                    except OverflowError:
                        values.append(_infinite(value))
                else:
                    self._append(name, values, value, count, rows)
            elif type(value) is dict:
                for below, number in numbers(value, name):
                    self._append(below, known[below] if below in known else self._new(below), number, count, rows)
                self._deadline.check()  # long names in deep dicts take long
            elif type(value) is str:
                read = _number_in(value)
                if read is None:
                    self._texts.add(name, value, count)
                    continue
                self._append(name, known[name] if name in known else self._new(name), read, count, rows)
                if name not in self._spelled and not _is_number(value):
                    self._spelled[name] = said_of(name, value, read)
        self.count += 1

    def add_column(self, name: str, values: Floats) -> None:
        """Add a column of which each row has a number, unless one has this name."""
        self._values.setdefault(name, array("d", values.tobytes()))

    def add_alike(self, columns: Mapping[str, Sequence[float]]) -> None:
        """Add several rows with the same names, column by column.

        >>> rows = Rows()
        >>> rows.add_alike({"step": [1.0, 2.0], "norm": [0.5, 0.25]})
        >>> rows.numbers()["norm"].values
        array([0.5 , 0.25])
        """
        self._deadline.check()
        first = self.count
        for name, numbers in columns.items():
            values = self._values[name] if name in self._values else self._new(name)
            if name not in self._rows and len(values) != first:
                self._rows[name] = array("q", range(len(values)))
            values.fromlist(list(numbers))
            self.count = first + len(numbers)
            if name in self._rows:
                self._rows[name].extend(range(first, self.count))

    def columns(self, axes: Mapping[str, str] = {}) -> Mapping[str, Column]:
        """All numbers by name. They share memory with the collector, so no row can be added afterwards. `axes` are as in `with_steps`."""
        return with_steps(self.numbers(), axes, self._texts.names)

    def runs(self, run: Run) -> Iterator[Run]:
        """The runs in these rows, each with its columns, as in `wcdfa.readers.table_runs.runs_of_rows`. No row can be added afterwards."""
        whole = run._replace(
            columns=self.numbers(),
            notes=(*run.notes, *self.notes()) if self._spelled else run.notes,
            texts=self._texts.columns(self.count),
            unread=self.unread,
        )
        return runs_of_rows(whole, self._texts.names)

    def notes(self) -> list[str]:
        """How numbers are spelled that are written as text."""
        return list(self._spelled.values())

    @property
    def unread(self) -> Mapping[str, str]:
        """The first text of each column of text."""
        return self._texts.first

    def numbers(self) -> dict[str, Column]:
        """All numbers by name, without steps."""
        found = {}
        for name, values in self._values.items():
            where: Integers | None = None
            if name in self._rows:
                where = np.frombuffer(self._rows[name], np.int64)
            elif len(values) < self.count:  # it is missing only in the last rows
                where = np.arange(len(values))
            found[name] = Column(np.frombuffer(values), rows=where)
        return found

    def _new(self, name: str) -> array[float]:
        self._needed += OF_A_COLUMN + len(name)
        if not len(self._values) % LOOK or len(name) > LONG_NAME:
            self._deadline.check()
            require_room(self._needed, self._size, f"{len(self._values) + 1:,} columns with their names")
        values = self._values[name] = array("d")
        return values

    @staticmethod
    def _append(name: str, values: array[float], value: float, count: int, rows: dict[str, array[int]]) -> None:
        held = len(values)
        if name in rows:
            rows[name].append(count)
        elif held != count:  # the row before is the first without it
            rows[name] = array("q", range(held))
            rows[name].append(count)
        try:
            values.append(value)
        except OverflowError:
            values.append(_infinite(value))


def _infinite(value: float) -> float:
    """What stands for an integer that is too large for a float."""
    return math.inf if value > 0 else -math.inf


def numbers(row: object, name: str | None = None) -> Iterable[tuple[str, float]]:
    """The numbers in dicts nested to any depth, under names joined with "/".

    >>> list(numbers({"wcdfa": {"alpha": 1.5, "regime": "ordered"}, "ok": True}))
    [('wcdfa/alpha', 1.5)]
    """
    waiting = [(None if name is None else _Name(None, name), row)]
    while waiting:
        path, part = waiting.pop()
        if type(part) is dict:
            waiting.extend((_Name(path, below), each) for below, each in reversed(part.items()))
        elif type(part) is float or type(part) is int:
            yield "value" if path is None else path.whole(), part
        elif type(part) is str and (number := _number_in(part)) is not None:
            yield "value" if path is None else path.whole(), number


class _Name:
    """A name below other names. They are only joined for numbers: to join them at each level would take quadratic time."""

    __slots__ = ("_above", "_joined", "_key")

    def __init__(self, above: _Name | None, key: str) -> None:
        self._above, self._key, self._joined = above, key, ""

    def whole(self) -> str:
        """The joined name. That of the level above is kept, because other numbers may be below it."""
        if self._above is None:
            return self._key
        return f"{self._above._kept()}/{self._key}"

    def _kept(self) -> str:
        if not self._joined:
            keys: list[str] = []
            level: _Name | None = self
            while level is not None and not level._joined:
                keys.append(level._key)
                level = level._above
            self._joined = "/".join([*([] if level is None else [level._joined]), *reversed(keys)])
        return self._joined


def _number_in(text: str) -> float | None:
    """The number that a text stands for; None if it is other text."""
    return float(text) if _is_number(text) else spelled_number(text)


def _is_number(text: str) -> bool:
    """Whether a text is a number: NaN or infinity, which JSON lacks, or a number in quotes."""
    if text in NAMED:
        return True
    if not text or len(text) > LONGEST or text[0] not in "+-.0123456789":
        return False
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False
