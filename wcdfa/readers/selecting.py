"""Takes some rows of a table, and gives their values the steps of these rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Integers, Lazy, Words
from wcdfa.readers.errors import LogError
from wcdfa.readers.steps import with_steps


class Table(NamedTuple):
    """The columns of a log of rows: numbers without steps yet, and text.

    >>> table = Table({"norm": Column(np.array([0.5, 2.0, 0.25]))}, {"tag": Words(("a", "b"), np.array([0, 1, 0]))})
    >>> part = table.of(np.array([0, 2]))
    >>> part.columns["norm"].values, part.texts["tag"].codes
    (array([0.5 , 0.25]), array([0, 0]))
    """

    columns: Mapping[str, Column]
    texts: Mapping[str, Words]
    others: Collection[str] = ()
    """The names of all columns that hold no numbers, also of those that are not in `texts`."""

    def of(self, rows: Integers) -> Table:
        """Some of its rows, in rising order. They are numbered anew."""
        return Table(
            Lazy(self.columns, lambda name: in_rows(self.columns[name], rows)),
            Lazy(self.texts, lambda name: self.texts[name]._replace(codes=self.texts[name].codes[rows])),
            self.others,
        )

    def held(self, name: str) -> Column:
        """A column, without values if it cannot be read: who asks for it is told why."""
        try:
            return self.columns[name]
        except LogError:
            return Column(np.zeros(0), rows=np.zeros(0, np.int64))

    def stepped(self) -> Mapping[str, Column]:
        """The columns of numbers with the steps of their rows."""
        return with_steps(self.columns, others=self.others or self.texts)


def in_rows(column: Column, rows: Integers) -> Column:
    """The values of a column in some rows, which are numbered anew.

    >>> in_rows(Column(np.array([1.0, 2.0]), rows=np.array([1, 5])), np.array([3, 4, 5])).rows
    array([2])
    """
    held, n = column.rows, len(column.values)
    if not n or not len(rows):
        return column._replace(values=column.values[:0], rows=None if n else rows_of(column))
    if held is None or n == held[-1] + 1:  # a value in every row, perhaps but for the last ones
        if rows[-1] < n:
            return column._replace(values=column.values[rows], rows=None)
        at, there = rows, rows < n
    else:
        at = np.minimum(np.searchsorted(held, rows), n - 1)
        there = held[at] == rows
    if there.all():
        return column._replace(values=column.values[at], rows=None)
    return column._replace(values=column.values[at[there]], rows=np.flatnonzero(there))


def filled(column: Column, count: int) -> npt.NDArray[np.bool_]:
    """Which of the first rows have a value, shape (count,).

    >>> filled(Column(np.array([1.0, 2.0]), rows=np.array([1, 5])), 3)
    array([False,  True, False])
    """
    there = np.zeros(count, dtype=bool)
    if column.rows is None:
        there[: len(column.values)] = True
    else:
        there[column.rows[column.rows < count]] = True
    return there


def rows_of(column: Column) -> Integers:
    """The row of each value of a column."""
    return np.arange(len(column.values)) if column.rows is None else column.rows
