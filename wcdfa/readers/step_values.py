"""Understands the numbers logged as steps: the same for all, dates, or counted again from the start of each epoch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Floats, Integers
from wcdfa.readers.rising import are_whole, rises
from wcdfa.support.text import shown

FAR = 1 << 40  # steps that are counted on are below this
EQUAL = 0.5  # at least this share of the epochs must have the usual number of rows
EPOCHS = 10  # so many times counted anew cannot be restarts, if the lengths are equal
# seconds, milliseconds, microseconds and nanoseconds from 2001 to 2096
CLOCKS = tuple((1e9 * unit, 4e9 * unit) for unit in (1.0, 1e3, 1e6, 1e9))
DAYS = (19_000_101, 21_001_231)  # dates as year, month and day in one number
IN_ORDER = "so the order written counts"
COUNT_NOTHING = (f"everywhere, {IN_ORDER}", f"and no steps, {IN_ORDER}")  # ends of the notes on steps that count nothing


class Understood(NamedTuple):
    """What the numbers in a column of steps mean."""

    steps: Integers | None
    """(n,): the steps; None if the numbers do not count steps."""
    notes: tuple[str, ...] = ()


def in_order_written(column: Column) -> Column:
    """The column without steps that count nothing, and with those continued that are counted anew in each epoch.

    >>> column = in_order_written(Column(np.array([0.5, 0.25]), np.array([0, 0])))
    >>> column.steps, column.notes[0]
    (None, 'the step is 0 everywhere, so the order written counts')
    """
    if column.steps is None:
        return column
    found = understood(column.steps)
    return column._replace(steps=found.steps, notes=(*column.notes, *found.notes))


def understood(steps: Integers, name: str = "the step", *, within: bool = False) -> Understood:
    """What whole numbers mean that were logged as steps, in the order written.

    >>> understood(np.array([0, 10, 20, 0, 10, 20, 0, 10]), "batch", within=True).steps.tolist()
    [0, 10, 20, 30, 40, 50, 60, 70]

    Parameters
    ----------
    steps : array, shape (n,)
    name : str
        The name of their column, for the notes.
    within : bool
        Whether they may well be counted from the start of each epoch, as batches are. Otherwise numbers that start again are taken for
        restarts of the run, unless there are many, all of equal length.
    """
    if len(steps) > 1 and steps[0] == steps[-1] and np.all(steps == steps[0]):
        return Understood(None, (f"{shown(name)} is {steps[0]:,} everywhere, {IN_ORDER}",))
    if are_dates(steps):
        return Understood(None, (dates(name),))
    length = _epoch_length(steps, 1 if within else EPOCHS)
    if length is None:
        return Understood(steps)
    return Understood(
        _continued(steps, length), (f"{shown(name)} starts again at {steps[0]:,} in each epoch, so it is counted on",)
    )


def dates(name: str) -> str:
    """The note on a column of dates or times."""
    return f"{shown(name)} holds dates or times and no steps, {IN_ORDER}"


def whole(values: Floats) -> Integers | None:
    """The numbers as integers; None if one is no whole number, or too large to be exact."""
    return values.astype(np.int64) if are_whole(values) else None


def are_dates(values: npt.NDArray[np.float64 | np.int64]) -> bool:
    """Whether all numbers are times since 1970 in one unit, or dates such as 20260131.

    >>> are_dates(np.array([20260130, 20260131, 20260201])), are_dates(np.array([20260130, 20260140])), are_dates(np.array([1.79e9]))
    (True, False, True)
    """
    if not len(values):
        return False
    low, high = values.min(), values.max()
    if any(start <= low and high <= end for start, end in CLOCKS):
        return True
    if not (DAYS[0] <= low and high <= DAYS[1]):
        return False
    month, day = values // 100 % 100, values % 100
    return bool(np.all((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)))


def _epoch_length(steps: Integers, least: int) -> int | None:
    """How many rows each epoch has, if the steps are counted anew in at least so many; None if they are not."""
    if rises(steps):
        return None
    differences = np.diff(steps)
    starts = np.concatenate([[0], np.flatnonzero(differences < 0) + 1])
    if (
        not -FAR < steps.min() <= steps.max() < FAR
        or len(starts) <= least
        or np.any(steps[starts] != steps[0])
        or np.any(differences == 0)
    ):
        return None
    lengths = np.diff(starts)  # of those that are complete
    usual = int(np.sort(lengths)[len(lengths) // 2])
    regular = np.mean(lengths == usual) >= EQUAL and len(steps) - starts[-1] <= lengths.max()
    return usual if regular and usual > 1 else None


def _continued(steps: Integers, length: int) -> Integers:
    """Count on where the steps start again: an epoch is one usual distance longer than its last step."""
    differences = np.diff(steps)
    apart = int(np.sort(differences[differences > 0])[np.sum(differences > 0) // 2])
    period = int(np.max(steps)) - int(steps[0]) + apart
    again = np.append(0, np.cumsum(differences < 0)).astype(np.int64)
    continued: Integers = steps + period * again
    return continued
