"""Checks the only column of a log that may be the series, if its name does not tell what it holds: its numbers must not count anything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from wcdfa.readers.column_choice import no_norm
from wcdfa.readers.column_names import plain, quantity_of
from wcdfa.readers.columns import Column, Floats, Run
from wcdfa.readers.step_values import CLOCKS

FILLED = 0.5  # of the rows of its table, at least, hold a value of a series
LOOKED_AT = 8  # columns from which the rows of a table are counted
FEW = 5  # fewer numbers may rise by chance


def require_series(run: Run, name: str) -> None:
    """Raise `NoSeries` if a column that nobody chose is none by its numbers: a count, a time, or a number in few rows of a table.

    >>> from pathlib import Path
    >>> require_series(Run(Path("a.csv"), "", {"x": Column(np.arange(9.0))}), "x")
    Traceback (most recent call last):
    wcdfa.readers.column_choice.NoSeries: which column? By their names, none is ‖ΔW‖ or the gradient norm of each step; it holds: x
    """
    if quantity_of(name) != "unknown" or plain(name).rpartition("/")[2] == "norm":
        return
    column = run.columns[name]
    if counts_anything(column.values) or len(column.values) < FILLED * max(_rows(run, name), default=0):
        raise no_norm(run.columns)


def counts_anything(values: Floats) -> bool:
    """Whether numbers are whole and rise from each to the next, or are the seconds of a clock.

    >>> counts_anything(np.array([10.0, 20, 40, 50, 60])), counts_anything(1.7e9 + np.arange(5) / 7), counts_anything(np.array([1.0, 2, 4, 3, 5]))
    (True, True, False)
    """
    if len(values) < FEW or not np.all(values[1:] >= values[:-1]):  # NaN is not larger either
        return False
    on_a_clock = any(first < values[0] and values[-1] < last for first, last in CLOCKS)
    return bool(on_a_clock or (np.all(values[1:] > values[:-1]) and np.array_equal(values, np.round(values))))


def _rows(run: Run, name: str) -> Iterator[int]:
    """How many rows there are, as the other columns and the text beside it tell."""
    if run.columns[name].rows is not None:
        yield from (_last(run.columns[each]) for each in islice(run.columns, LOOKED_AT))
        yield from (len(run.texts[each].codes) for each in islice(run.texts, 1))  # as long as all others


def _last(column: Column) -> int:
    return len(column.values) if column.rows is None else int(column.rows.max(initial=-1)) + 1
