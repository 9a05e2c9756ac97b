"""Which training step each row of a log is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wcdfa.readers.columns import Column, Lazy
from wcdfa.support.text import shown

# what rows call the training step, best first, in any case; "_step" is the row counter of Weights & Biases
STEPS = (
    *("step", "global_step", "train_step", "training_step", "current_step", "optimizer_step", "num_updates"),
    *("iteration", "iterations", "iter", "_step"),
)
OURS = "wcdfa/"  # keys of this package come with a step of their own, which those of the trainer need not equal
EXACT = 2.0**53  # below which a float tells each integer
ENOUGH = 0.5  # share of the rows that must tell their step; the others are left out


def with_steps(columns: Mapping[str, Column]) -> Mapping[str, Column]:
    """The columns, each with the steps of its rows: of the first of `STEPS` that all of them have, or else that most have.

    A column is not given if there are steps, but none that can be understood: reading it raises a ValueError.
    """
    names = sorted((name for name in columns if rank(name) is not None), key=lambda name: (rank(name), len(name)))
    known = {name: whole for name in names if (whole := _whole(columns[name])) is not None}

    def read(name: str) -> Column:
        return columns[name] if name in names else _stepped(name, columns[name], known, names, columns)

    return Lazy(columns, read)


def rank(name: str) -> int | None:
    """The place of a name among those of steps, 0 for the best; None if it is none."""
    plain = name.strip().casefold()
    if plain == f"{OURS}step":
        return 0
    last = plain.rpartition("/")[2]
    return 1 + STEPS.index(last) if last in STEPS else None


def _stepped(name: str, column: Column, known: Mapping[str, Column], names: list[str], columns: Mapping[str, Column]) -> Column:
    usable = [numbers for step, numbers in known.items() if name.startswith(OURS) or not step.startswith(OURS)]
    if usable and column.rows is None and usable[0].rows is None and len(usable[0].values) == len(column.values):
        return column._replace(steps=usable[0].values)  # in every row, without a copy
    rows = np.arange(len(column.values)) if column.rows is None else column.rows
    best: tuple[float, Any, Any] = (0.0, None, None)
    for numbers in usable:
        if numbers.rows is None:
            there, places = rows < len(numbers.values), np.minimum(rows, len(numbers.values) - 1)
        else:
            places = np.minimum(np.searchsorted(numbers.rows, rows), len(numbers.rows) - 1)
            there = numbers.rows[places] == rows
        share = float(np.mean(there)) if len(rows) else 1.0
        if share > best[0]:
            best = share, there, numbers.values[places]
        if share == 1:
            break
    share, there, steps = best
    if share == 1:
        return column._replace(steps=steps)
    if share >= ENOUGH:
        note = f"{int(np.sum(~there)):,} values of {shown(name)} have no step and were left out"
        return Column(column.values[there], steps[there], rows[there], (note,))
    for step in names:
        if step not in known and len(columns[step].values) > 1 and not step.startswith(OURS):
            msg = (
                f"column {shown(step)!r} holds no training steps that can be understood ({columns[step].values[0]:g}, "
                f"{columns[step].values[1]:g}, …), so that it is not known whether steps were left out; whole numbers are needed, or a log "
                "without that column, in which each value is of one optimizer step"
            )
            raise ValueError(msg)
    return column


def _whole(column: Column) -> Column | None:
    """The column in integers, if its numbers are whole and not always the same."""
    values = column.values
    if not len(values):
        return None
    low, high = values.min(), values.max()
    if not (low > -EXACT and high < EXACT) or (low == high and len(values) > 1):  # neither is so if one is NaN
        return None
    whole = values.astype(np.int64)
    return column._replace(values=whole) if np.array_equal(whole, values) else None
