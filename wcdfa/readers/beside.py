"""Finds the learning rate and the loss for each value of a series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from wcdfa.readers.column_names import named
from wcdfa.readers.columns import Column, Floats, Integers


def beside(
    columns: Mapping[str, Column], known: Iterable[str], series: str, column: Column, steps: Integers | None
) -> Floats | None:
    """The numbers of the first column with a known name that has one for each value of a series; None if there is no such column.

    >>> columns = {"norm": Column(np.array([0.5, 0.25])), "lr": Column(np.array([1e-3, 1e-4]))}
    >>> beside(columns, ["lr"], "norm", columns["norm"], None)
    array([0.001 , 0.0001])

    Parameters
    ----------
    columns : mapping of str to Column
        All columns of the run.
    known : iterable of str
        Usual names, best first.
    series, column : str, Column
        The name of the series, and its column.
    steps : array, shape (n,), or None
        The steps of the series in order. None if the log has no steps: values in the same row then belong together.
    """
    for name in known:
        found = named([each for each in columns if each != series], name)
        if len(found) == 1 and (values := _matched(columns[found[0]], column, steps)) is not None:
            return values
    return None


def _matched(other: Column, column: Column, steps: Integers | None) -> Floats | None:
    if steps is not None:
        return None if other.steps is None else _at(other.steps, other.values, steps)
    if column.rows is None and other.rows is None and len(other.values) != len(column.values):
        return None  # a column of another table
    return _at(_rows(other), other.values, _rows(column))


def _rows(column: Column) -> Integers:
    return np.arange(len(column.values)) if column.rows is None else column.rows


def _at(places: Integers, values: Floats, wanted: Integers) -> Floats | None:
    """The value written last at each wanted place; None if one of the places has no value."""
    if np.array_equal(places, wanted):
        return values
    order = np.argsort(places, kind="stable")
    there = np.searchsorted(places[order], wanted, "right") - 1
    if not len(places) or there.min(initial=0) < 0 or not np.array_equal(places[order][there], wanted):
        return None
    return values[order][there]
