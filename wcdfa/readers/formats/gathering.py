"""Gathers the columns of a text table from its parts: below each header of a log there is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from wcdfa.readers.columns import Column, Integers, Lazy, SeveralOfOneName, Words
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.arrow import pa
from wcdfa.readers.formats.text_table import Table, read_numbers, read_words
from wcdfa.support.text import shown

Key = tuple[str, int]  # the name of a column, and how many of this name are before it


class Gathered:
    """The columns of numbers in the parts of a table, one after another.

    >>> Gathered().columns()["norm"]
    Traceback (most recent call last):
    KeyError: 'norm'

    `repaired` says whether what is torn was left out of the parts.
    """

    def __init__(self, *, repaired: bool = False) -> None:
        self.repaired, self.notes, self.rows = repaired, list[str](), list[int]()
        self._parts: dict[Key, list[tuple[int, Column]]] = {}
        self._texts: dict[str, None] = {}

    def add(self, table: Table) -> None:
        """Read the columns of a part.

        Raises
        ------
        HasTornRows, ArrowException
            If there are lines that are no rows, and what is torn was not left out yet.
        LogError
            If it is no table.
        """
        try:
            found, rows, notes = read_numbers(table)
        except pa.ArrowException as error:
            if not self.repaired:
                raise
            msg = f"not a table: {error}"
            raise LogError(msg) from error
        before = sum(self.rows)
        for i, key in enumerate(_keys(table.head.names)):
            if i in found:
                self._parts.setdefault(key, []).append((before, found[i]))
            elif key[0]:
                self._texts[key[0]] = None
        self.rows.append(rows)
        self.notes += notes

    def columns(self) -> Mapping[str, Column]:
        """The columns by name. Several of one name that differ cannot be read."""
        places: dict[str, list[Key]] = {}
        for key in self._parts:
            places.setdefault(key[0], []).append(key)

        def read(name: str) -> Column:
            first, *others = (_joined(self._parts[key], sum(self.rows)) for key in places[name])
            if not all(_same(first, other) for other in others):
                msg = f"several columns are named {shown(name)}: they cannot be told apart; rename them"
                raise SeveralOfOneName(msg)
            return first

        return Lazy(places, read)

    def texts(self) -> list[str]:
        """The names of the columns that hold no numbers."""
        return [name for name in self._texts if (name, 0) not in self._parts]

    def words(self, name: str, tables: Sequence[Table]) -> Words:
        """The text of a column in the parts.

        Raises
        ------
        LogError
            If the file was changed after the numbers were read.
        """
        places: dict[str | bytes, int] = {}
        codes: list[Integers] = []
        for table, rows in zip(tables, self.rows, strict=True):
            names = table.head.names
            if name in names:
                codes.append(np.concatenate([np.zeros(0, np.int64), *read_words(table, names.index(name), places)]))
            else:
                codes.append(np.full(rows, -1))
            if len(codes[-1]) != rows:
                msg = f"it was changed while it was read: {shown(name)} has {len(codes[-1]):,} rows, and there were {rows:,}"
                raise LogError(msg)
        return Words(
            tuple(str(word, "utf-8", "replace") if isinstance(word, bytes) else word for word in places), np.concatenate(codes)
        )


def _keys(names: Sequence[str]) -> list[Key]:
    count: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, count[name]))
        count[name] += 1
    return keys


def _joined(parts: Sequence[tuple[int, Column]], rows: int) -> Column:
    """A column of all parts, of which some may lack it."""
    if len(parts) == 1 and parts[0][0] == 0:
        column = parts[0][1]
        return (
            column if column.rows is not None or len(column.values) == rows else column._replace(rows=np.arange(len(column.values)))
        )
    values = np.concatenate([column.values for _, column in parts])
    places = [before + (np.arange(len(column.values)) if column.rows is None else column.rows) for before, column in parts]
    return Column(values, rows=None if len(values) == rows else np.concatenate(places))


def _same(one: Column, other: Column) -> bool:
    rows, others = (np.arange(len(each.values)) if each.rows is None else each.rows for each in (one, other))
    return np.array_equal(one.values, other.values, equal_nan=True) and np.array_equal(rows, others)
