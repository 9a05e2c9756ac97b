"""Finds the training step of each row of a log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import translate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Integers, Lazy
from wcdfa.support.text import several, shown

COUNTER = "_step"  # the counter of Weights & Biases: it counts the rows, unless the user gave a step with each
# usual names of the training step, best first, in any case
STEPS = (
    *("step", "global_step", "train_step", "training_step", "current_step", "optimizer_step", "num_updates"),
    *("iteration", "iterations", "iter", COUNTER),
)
OURS = "wcdfa/"  # keys of this package have a step of their own, which may differ from the trainer's
EXACT = 2.0**53  # below this, a float represents every integer
PATTERNS = 100  # of names that a log gives for its steps; nobody writes more
ENOUGH = 0.5  # at least this share of the rows must have a step; the others are left out


COUNTED = "these steps may only count what was logged: if some optimizer steps were not, say with spacing= how many lie between two values"


class _Told(NamedTuple):
    """The steps in one column."""

    steps: Integers
    rows: Integers | None  # the rows in which it has a number; None means all, from the first on
    counted: bool = False  # whether it may be a counter of rows

    def at(self, rows: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
        """Whether each row has a step, and the steps."""
        if self.rows is None:
            there, places = rows < len(self.steps), np.minimum(rows, len(self.steps) - 1)
        else:
            places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            there = self.rows[places] == rows
        return there, self.steps[places]


def with_steps(columns: Mapping[str, Column], axes: Mapping[str, str] = {}) -> Mapping[str, Column]:
    """Give each column the steps of its rows.

    The steps come from the first column named in `STEPS` that has one in each row of the column, or else from the one that has most. If
    there are such columns but none can be understood, reading a column raises a ValueError.

    Parameters
    ----------
    columns : mapping of str to Column
    axes : mapping of str to str
        Columns of steps that the log itself names, by the patterns of the columns that they belong to. They come first.
    """
    names = sorted((name for name in columns if rank(name) is not None), key=lambda name: (rank(name), len(name)))
    named = _axes(axes)
    known = {name: told for name in names if (told := _told(name, columns[name])) is not None}

    def read(name: str) -> Column:
        if rank(name) is not None:
            return columns[name]
        usable = [told for step, told in known.items() if is_ours(name) or not is_ours(step)]
        stepped = _stepped(name, columns[name], [*_named(name, columns, named), *usable])
        if stepped is None:
            _require_understood({step: columns[step] for step in names if step not in known})
        return columns[name] if stepped is None else stepped

    return Lazy(columns, read)


def _axes(axes: Mapping[str, str]) -> Callable[[str], Iterator[str]]:
    """Which columns of steps are named for a column: for its own name first, then by patterns, of which there are few."""
    globs = [each for each in axes if set(each) & set("*?[")][:PATTERNS]
    patterns = [(re.compile(translate(each)), axes[each]) for each in globs]

    def found(name: str) -> Iterator[str]:
        if name in axes:
            yield axes[name]
        yield from (axis for pattern, axis in patterns if pattern.match(name))

    return found


def _named(name: str, columns: Mapping[str, Column], axes: Callable[[str], Iterator[str]]) -> Iterator[_Told]:
    """The steps that the log names for a column, unless they repeat, as epochs do."""
    for axis in axes(name):
        if axis in columns and axis != name:
            told = _told(axis, columns[axis])
            if told is not None and len(np.unique(told.steps)) > ENOUGH * len(told.steps):
                yield told


def is_ours(name: str) -> bool:
    """Whether this package logged the column, perhaps under a prefix that a Trainer puts before it.

    >>> is_ours("wcdfa/update_norm"), is_ours("train/wcdfa/alpha"), is_ours("update_norm")
    (True, True, False)
    """
    return f"/{OURS}" in f"/{name.strip().casefold()}"


def rank(name: str) -> int | None:
    """The rank of a name among the usual names of steps, 0 for the best; None if it is not one of them.

    >>> rank("train/global_step"), rank("loss")
    (2, None)
    """
    plain = name.strip().casefold()
    if f"/{plain}".endswith(f"/{OURS}step"):
        return 0
    last = plain.rpartition("/")[2]
    return 1 + STEPS.index(last) if last in STEPS else None


def _stepped(name: str, column: Column, usable: Iterable[_Told]) -> Column | None:
    """The column with its steps; None if too few of its rows have one."""
    usable = list(usable)
    if usable and column.rows is None and usable[0].rows is None and len(usable[0].steps) == len(column.values):
        return column._replace(steps=usable[0].steps, notes=_notes(usable[0]))  # a step in every row; no copy is made
    rows = np.arange(len(column.values)) if column.rows is None else column.rows
    best = 0.0
    there, steps, notes = np.zeros(len(rows), bool), rows, tuple[str, ...]()
    for told in usable:
        found = told.at(rows)
        share = float(np.mean(found[0])) if len(rows) else 1.0
        if share > best:
            best, (there, steps), notes = share, found, _notes(told)
        if share == 1:
            return column._replace(steps=steps, notes=notes)
    if best < ENOUGH:
        return None
    gone = int(np.sum(~there))
    note = f"{several(gone, 'value', 'values')} of {shown(name)} {'has no step and was' if gone == 1 else 'have no step and were'} left out"
    return Column(column.values[there], steps[there], rows[there], (note, *notes))


def _notes(told: _Told) -> tuple[str, ...]:
    return (COUNTED,) if told.counted else ()


def _require_understood(columns: Mapping[str, Column]) -> None:
    """Raise if a column has the name of steps but does not hold steps: it is then unknown whether steps were left out."""
    for name, column in columns.items():
        if len(column.values) > 1 and not is_ours(name):
            msg = (
                f"column {shown(name)!r} holds no training steps that can be understood ({column.values[0]:g}, {column.values[1]:g}, …), "
                "so it is not known whether steps were left out; log whole numbers, or a log without that column, in which each value "
                "is one optimizer step"
            )
            raise ValueError(msg)


def _told(name: str, column: Column) -> _Told | None:
    """The steps in a column, if the numbers are whole and not all the same."""
    values = column.values
    if not len(values):
        return None
    low, high = values.min(), values.max()
    if not (low > -EXACT and high < EXACT) or (low == high and len(values) > 1):  # both are false if one is NaN
        return None
    whole = values.astype(np.int64)
    counted = name == COUNTER and whole[0] == 0 and bool(np.all(np.diff(whole) == 1))
    return _Told(whole, column.rows, counted) if np.array_equal(whole, values) else None
