"""Finds the steps and epochs of the rows of a table, and the values whose steps must rise in a run."""

from __future__ import annotations

import numpy as np

from wcdfa.readers.column_choice import LIKED
from wcdfa.readers.columns import Column, Integers
from wcdfa.readers.long_tables import Metrics
from wcdfa.readers.name_tokens import meaning
from wcdfa.readers.repeated_steps import Values
from wcdfa.readers.selecting import Table, rows_of
from wcdfa.readers.step_names import WITHIN, counted_in, rank
from wcdfa.readers.step_values import whole
from wcdfa.readers.telling_names import counts, words_of

LOOKED_AT = 8  # columns of values whose steps are looked at
KINDS = 1000  # more than there are phases


def steps_of(table: Table) -> Column | None:
    """The steps of the rows, as whole numbers; None if no column has their name."""
    named = sorted((name for name in table.columns if rank(name) is not None), key=lambda name: (rank(name), len(name)))
    for name in (*named, *(name for name in table.columns if name not in named and _counts_steps(name))):
        column = table.held(name)
        if whole(column.values) is not None:
            return column
    return None


def _counts_steps(name: str) -> bool:
    return counted_in(name) == "steps" and not words_of(name) & WITHIN


def epochs_of(table: Table, rows: int) -> Integers | None:
    """The epoch of each row, if it is a whole number in all rows."""
    for name in table.columns:
        if counted_in(name) == "epochs":
            column = table.held(name)
            if len(column.values) == rows and np.array_equal(column.values, np.round(column.values)):
                return np.unique(column.values, return_inverse=True)[1].reshape(-1)
    return None


def values_of(table: Table, metrics: Metrics, steps: Column) -> Values:
    """Where values stand whose steps must rise in a run: those of all metrics of a long table, or of the norms among the columns."""
    at, numbers, layout = rows_of(steps), steps.values.astype(np.int64), metrics.layout
    if layout.names or layout.phase:
        kinds = metrics.kinds
        at, numbers = at[at < len(kinds)], numbers[at < len(kinds)]
        held = kinds[at] >= 0
        if layout.names:
            return (
                Values(at, kinds, numbers)
                if len(at) == len(kinds) and held.all()
                else Values(at[held], kinds[at[held]], numbers[held])
            )
    elif np.all(np.diff(numbers) > 0):
        return Values(at, np.zeros(len(at), np.int64), numbers)
    parts = []
    for place, name in enumerate(_looked_at(table)):
        there = np.isin(at, rows_of(table.held(name)), assume_unique=True)
        of_phase = kinds[at[there]] if layout.phase else 0
        of_column = np.full(int(there.sum()), place * KINDS, np.int64)
        parts.append(Values(at[there], of_column + of_phase, numbers[there]))
    none = np.zeros(0, np.int64)
    return Values(
        np.concatenate([none, *(each.rows for each in parts)]),
        np.concatenate([none, *(each.kinds for each in parts)]),
        np.concatenate([none, *(each.steps for each in parts)]),
    )


def _looked_at(table: Table) -> list[str]:
    """The columns of norms, or else those of which the names do not tell."""
    names = [name for name in table.columns if not counts(name)]
    norms = [name for name in names if meaning(name).quantity in LIKED]
    return (norms or names)[:LOOKED_AT]
