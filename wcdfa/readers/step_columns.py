"""Finds the columns of a log that count its training steps: by name, and where no name helps, by their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Integers
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.name_tokens import meaning, words
from wcdfa.readers.ordering import RESTARTS, in_order
from wcdfa.readers.rising import rises
from wcdfa.readers.spacing import EVEN, FEW, ONE_AN_EPOCH, even_spacing
from wcdfa.readers.step_names import COUNTER, WITHIN, Counts, counted_in, is_ours, rank
from wcdfa.readers.step_values import Understood, understood, whole
from wcdfa.support.text import several, shown

PATTERNS = 100  # of names that a log gives for its steps; nobody writes more
LOOKED_AT = 16  # columns of one kind whose numbers are read: in a log of thousands of columns, each may be a query
BESIDE = 64  # columns that are looked at to tell whether the rows between hold the same metrics
ENOUGH = 0.5  # at least this share of the rows must have a step
LARGE = 1000  # a column of a name that tells nothing counts data if it rises by more from row to row
KINDS: tuple[Counts, ...] = ("steps", "samples", "unknown", "rows")  # of columns that may be the steps, best first

MORE = f"say with {Option('spacing')} how many lie between two values"
COUNTED = f"{COUNTER}, the counter of the tracker, may count only what was logged, and not optimizer steps: if some of these were not logged, {MORE}"
ROWS_ONLY = ", and may count only what was logged, not optimizer steps: if some of these were not logged, " + MORE
OTHERS = f"{{}} of {COUNTER} {{}} other metrics only, and {COUNTER} is counted without them"
OTHERWISE = "{} rises by {:,} from value to value: if it counts optimizer steps, say so with {}"


Places = Integers | range
"""The rows in which a series has values. `range` stands for all rows from the first on, and takes no memory."""


class Axis(NamedTuple):
    """The steps in one column."""

    name: str
    steps: Integers
    rows: Integers | None  # the rows in which it has a number; None means all, from the first on
    notes: tuple[str, ...] = ()
    counts_rows: bool = False
    """Whether it may count rows and not steps."""

    def at(self, rows: Places) -> tuple[npt.NDArray[np.bool_], Integers]:
        """Whether each row has a step, and the steps."""
        if isinstance(rows, range) and self.rows is None and len(rows) <= len(self.steps):
            return np.broadcast_to(np.True_, len(rows)), self.steps[: len(rows)]  # no copy is made
        rows = places_of(rows)
        if self.rows is None and len(rows) == len(self.steps) and np.all(rows[1:] > rows[:-1]) and rows[-1] < len(rows):
            return np.ones(len(rows), bool), self.steps  # all rows; no copy is made
        if self.rows is None:
            there, places = rows < len(self.steps), np.minimum(rows, len(self.steps) - 1)
        else:
            places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            there = self.rows[places] == rows
        return there, self.steps[places]

    def share(self, rows: Places) -> float:
        """The share of the rows that have a step."""
        if isinstance(rows, range) and self.rows is None and len(rows):
            return min(1.0, len(self.steps) / len(rows))
        return float(np.mean(self.at(rows)[0])) if len(rows) else 1.0


class StepColumns:
    """The columns that may hold the steps of a log, each read only when it is needed, and once.

    Parameters
    ----------
    columns : mapping of str to Column
    axes : mapping of str to str
        As in `wcdfa.readers.steps.with_steps`.
    """

    def __init__(self, columns: Mapping[str, Column], axes: Mapping[str, str] = {}) -> None:
        self.columns, self._axes = columns, _matching(axes)
        self.named = sorted((name for name in columns if rank(name) is not None), key=lambda name: (rank(name), len(name)))
        """Those with a usual name, best first."""
        self._meant: dict[str, Understood] = {}

    def of(self, series: str, rows: Places) -> Iterator[Axis]:
        """The steps for a series with values in these rows, best first; those found by their numbers only if no name helps."""
        yield from self._of_the_log(series, rows)
        usable = [axis for name in self.named if is_ours(series) or not is_ours(name) for axis in self._axis(name)]
        sure = [axis for axis in usable if not axis.counts_rows]
        yield from sure
        if all(axis.share(rows) < ENOUGH for axis in sure):
            yield from self._by_numbers(series, rows)
        if self._holds_all(series, rows):
            yield from (self._without_others(axis, rows) for axis in usable if axis.counts_rows)

    def meant(self, name: str) -> Understood:
        """What the numbers in a column mean as steps."""
        if name not in self._meant:
            values = self.columns[name].values
            steps = whole(values)
            within = bool(set(words(name)) & WITHIN) or (steps is not None and self._rises_with_epochs(name, steps))
            self._meant[name] = Understood(None) if steps is None else understood(steps, name, within=within)
        return self._meant[name]

    def remarks(self, rows: Places, chosen: Axis | None) -> Iterator[str]:
        """What the other columns say about steps that were left out."""
        if chosen is not None and is_ours(chosen.name):
            return
        epochs = any(_usual(axis.at(rows)[1]) for axis in self._covering("epochs", rows))
        others = {axis.name: apart for axis in self._covering("steps", rows) if (apart := _usual(axis.at(rows)[1]) or 1) > 1}
        if not epochs and not others:
            return
        single = chosen is not None and _usual(chosen.at(rows)[1]) == 1
        if epochs and (chosen is None or chosen.counts_rows or not single):
            yield ONE_AN_EPOCH
        if single:
            yield from (
                OTHERWISE.format(shown(name), apart, Option("spacing", (apart,))) for name, apart in islice(others.items(), 1)
            )

    def _axis(self, name: str) -> Iterator[Axis]:
        """The steps in a column, if its numbers are steps."""
        steps, notes = self.meant(name)
        if steps is not None:
            counter = name == COUNTER and steps[0] == 0 and bool(np.all(np.diff(steps) == 1))
            yield Axis(name, steps, self.columns[name].rows, (COUNTED,) if counter else notes, counter)

    def _of_the_log(self, series: str, rows: Places) -> Iterator[Axis]:
        """The steps that the log names for a series, unless they repeat, as epochs do."""
        for name in self._axes(series):
            if name in self.columns and name != series and counted_in(name) not in ("epochs", "seconds"):
                for axis in self._axis(name):
                    if len(np.unique(axis.steps)) > ENOUGH * len(axis.steps):
                        yield self._in_steps(axis, rows) if counted_in(name) == "samples" else axis

    def _by_numbers(self, series: str, rows: Places) -> Iterator[Axis]:
        """The columns of which the numbers count, best first: of one kind, those that rise by one from value to value."""
        for kind in KINDS:
            found = [(axis, apart) for axis in self._of_kind(kind, series) if (apart := _apart(axis, kind, rows)) is not None]
            for axis, apart in sorted(found, key=lambda each: (each[1] == 0, each[1] != 1)):
                if kind == "samples" or (kind == "unknown" and apart > LARGE):
                    yield self._in_steps(axis, rows)
                else:
                    only = kind == "unknown" and apart == 1
                    note = f"{shown(axis.name)} is taken as the training step{ROWS_ONLY if only else ''}"
                    yield axis._replace(notes=(note, *axis.notes), counts_rows=only)

    def _in_steps(self, axis: Axis, rows: Places) -> Axis:
        """Count optimizer steps where the log counts what each of them takes many of."""
        rising = _rising(axis.steps)
        apart = (None if rising is None else even_spacing(rising)) or _usual(axis.at(rows)[1]) or 1
        note = f"{shown(axis.name)} is taken to count data and not optimizer steps, {apart:,} for each: if there were more steps, {MORE}"
        return axis._replace(
            steps=axis.steps // apart if rising is None else _in_rows(axis.steps, rising, apart), notes=(note, *axis.notes)
        )

    @cached_property
    def _names(self) -> dict[Counts, list[str]]:
        """The names of columns without a usual name for steps, by what they count."""
        found: dict[Counts, list[str]] = {}
        for name in self.columns:
            if rank(name) is None and not is_ours(name):
                found.setdefault(counted_in(name), []).append(name)
        return found

    def _of_kind(self, kind: Counts, series: str = "") -> Iterator[Axis]:
        """The first columns that count this, if their numbers are whole."""
        for name in islice(self._names.get(kind, []), LOOKED_AT):
            if name != series:
                try:
                    found = list(self._axis(name))
                except LogError:  # nobody asked for this column
                    continue
                yield from found

    def _covering(self, kind: Counts, rows: Places) -> Iterator[Axis]:
        """The columns that count this and have a number in each of the rows, those with a usual name first."""
        named = (axis for name in self.named if kind == "steps" and not is_ours(name) for axis in self._axis(name))
        return (axis for axis in (*named, *self._of_kind(kind)) if axis.share(rows) == 1)

    def _rises_with_epochs(self, name: str, steps: Integers) -> bool:
        """Whether an epoch goes on rising while these steps start again."""
        starts = 0 if rises(steps) else int(np.sum(np.diff(steps) < 0))
        if not starts:
            return False
        for each in islice(self._names.get("epochs", []), LOOKED_AT):
            epochs = self.columns[each].values
            if each != name and len(epochs) == len(steps) and np.all(np.diff(epochs) >= 0) and len(np.unique(epochs)) == starts + 1:
                return True
        return False

    def _without_others(self, axis: Axis, rows: Places) -> Axis:
        """The steps of a counter of rows, in which rows that hold other metrics only are no steps."""
        own = self._logged_together
        if own is None or axis.name != COUNTER:
            return axis
        counted = axis._replace(steps=np.searchsorted(own, np.arange(len(axis.steps)) if axis.rows is None else axis.rows))
        there, steps = counted.at(rows)
        if np.any(np.diff(steps[there]) <= 0):  # several values between two steps
            return axis
        others = int(own[-1] - own[0]) + 1 - len(own)
        return counted._replace(
            notes=(*axis.notes, OTHERS.format(several(others, "row", "rows"), "holds" if others == 1 else "hold"))
        )

    @cached_property
    def _logged_together(self) -> Integers | None:
        """The rows with the norm, or what was logged most often, and with what was logged beside it; None if there is no other row between."""
        names = sorted(self._measured(""), key=_is_norm, reverse=True)[:BESIDE]
        found, norms = [_rows_of(self.columns[name]) for name in names], sum(map(_is_norm, names))
        own = max(found[: norms or None], key=len, default=np.zeros(0, np.int64))
        if not len(own):
            return None
        span = int(own[-1] - own[0]) + 1
        for each in found if len(own) < span else ():
            within = each[(each >= own[0]) & (each <= own[-1])]
            if len(within) >= EVEN * span or np.sum(np.isin(own, within, assume_unique=True)) >= EVEN * len(own):
                own = np.union1d(own, each)
        return own if len(own) < own[-1] - own[0] + 1 else None

    def _measured(self, series: str) -> Iterator[str]:
        """The other columns that hold measured numbers, by their names."""
        return (
            name for name in self.columns if name != series and rank(name) is None and counted_in(name) in ("nothing", "unknown")
        )

    def _holds_all(self, series: str, rows: Places) -> bool:
        """Whether the rows between the values are of the same metrics, which were then logged more often than the series.

        If they hold others only, each was logged by a call of its own, and how many rows lie between says nothing.
        """
        if len(rows) < 2 or isinstance(rows, range) or (_usual(rows) or 1) == 1:
            return True
        span = int(rows[-1] - rows[0]) + 1
        for name in islice(self._measured(series), BESIDE):
            there = _rows_of(self.columns[name])
            if np.sum((there >= rows[0]) & (there <= rows[-1])) >= EVEN * span:
                return True
        return False


def places_of(rows: Places) -> Integers:
    """The places of rows as an array."""
    return np.arange(len(rows)) if isinstance(rows, range) else rows


def _is_norm(name: str) -> bool:
    return meaning(name).quantity in ("update norm", "gradient norm")


def _rows_of(column: Column) -> Integers:
    """The row of each value."""
    return np.arange(len(column.values)) if column.rows is None else column.rows


def _matching(axes: Mapping[str, str]) -> Callable[[str], Iterator[str]]:
    """Which columns of steps are named for a column: for its own name first, then by patterns, of which there are few."""
    globs = [each for each in axes if set(each) & set("*?[")][:PATTERNS]
    patterns = [(re.compile(translate(each)), axes[each]) for each in globs]

    def found(name: str) -> Iterator[str]:
        if name in axes:
            yield axes[name]
        yield from (axis for pattern, axis in patterns if pattern.match(name))

    return found


def _apart(axis: Axis, kind: Counts, rows: Places) -> int | None:
    """By how much an axis rises from value to value, 0 if unevenly; None if it is no axis for these rows."""
    there, steps = axis.at(rows)
    if np.mean(there) < (ENOUGH if kind == "steps" else 1):
        return None
    rising = _rising(steps if there.all() else steps[there])
    if rising is None or len(rising) < (2 if kind in ("steps", "samples") else FEW):
        return None
    apart = even_spacing(rising)
    if kind == "steps":  # a step by its name, also if it rises unevenly
        return apart or 0
    return None if kind == "rows" and apart == 1 else apart


def _in_rows(counts: Integers, rising: Integers, apart: int) -> Integers:
    """Counts of data in optimizer steps. A rise is at least one step: the last batch of an epoch may be smaller than the others.

    >>> _in_rows(np.array([64, 112, 176, 304]), np.array([64, 112, 176, 304]), 64)
    array([1, 2, 3, 5])
    """
    taken = np.maximum(1, np.rint(np.diff(rising) / apart)).astype(np.int64)
    steps = int(rising[0]) // apart + np.append(0, np.cumsum(taken))
    found: Integers = steps[np.minimum(np.searchsorted(rising, counts), len(rising) - 1)]
    return found


def _usual(steps: Integers) -> int | None:
    """By how much steps rise if they do so evenly; else None."""
    rising = _rising(steps)
    return None if rising is None else even_spacing(rising)


def _rising(steps: Integers) -> Integers | None:
    """The steps in order, each once; None if they do not rise, but for a few restarts and repetitions."""
    if len(steps) > 1 and rises(steps):
        return steps
    differences = np.diff(steps)
    if (
        not len(steps)
        or np.sum(differences < 0) > max(1, RESTARTS * len(steps))
        or np.sum(differences == 0) > (1 - EVEN) * len(steps)
    ):
        return None
    return in_order(steps.astype(np.float64), steps)[1]
