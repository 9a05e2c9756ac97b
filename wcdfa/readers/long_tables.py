"""Finds the metrics of a long ("tidy") table, in which one column holds their names and another their values, and the phase of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.readers.column_choice import LIKED
from wcdfa.readers.columns import Column, Integers, Lazy, Words
from wcdfa.readers.name_tokens import is_rate, meaning, tells_nothing
from wcdfa.readers.selecting import Table, in_rows, rows_of
from wcdfa.readers.telling_names import METRICS, PHASE, STRONG, counts, holds_names, holds_values, strength, words_of
from wcdfa.support.text import shown

TRAINING = frozenset({"train", "training", "trn", "fit"})
OTHER_PHASES = {
    *(
        "val",
        "valid",
        "validation",
        "validate",
        "eval",
        "evaluation",
        "evaluate",
        "test",
        "testing",
        "dev",
        "predict",
        "sanity_check",
    )
}
MOST_NAMES = 100_000  # of metrics in a table
MISSING = ("is_nan",)  # MLflow writes 0 for NaN, and says so here
LARGEST = 1.7976931348623157e308  # MLflow writes this for infinity


class Layout(NamedTuple):
    """What a row of a table is of."""

    names: str = ""
    """The column with the names of the metrics; empty if each has a column of its own."""
    values: str = ""
    """The column with their values."""
    phase: str = ""
    """The column that says whether a row is of training, or of validation or a test; empty if there is none."""

    def notes(self) -> Iterator[str]:
        """What was found, in words."""
        if self.names:
            yield f"a long table: {shown(self.names)} holds the names of the metrics, and {shown(self.values)} their values"
        if self.phase:
            yield f"{shown(self.phase)} tells rows of training from others: where both have a value, only those of training have a plain name"


def layout_of(table: Table) -> Layout:
    """Find the column of names, the column of values, and the column of phases.

    >>> words = Words(("loss", "update_norm"), np.array([0, 1]))
    >>> layout_of(Table({"step": Column(np.array([1.0, 1.0])), "value": Column(np.array([3.0, 0.5]))}, {"tag": words}))
    Layout(names='tag', values='value', phase='')
    """
    names, values = _long(table)
    others = [name for name in table.texts if name != names and words_of(name) & (PHASE | METRICS)]
    return Layout(names, values, next((name for name in others if _are_phases(table.texts[name])), ""))


def _long(table: Table) -> tuple[str, str]:
    """The columns of names and of values; empty if there are none."""
    values = _values(table)
    named = [name for name in table.texts if values and holds_names(name) and len(table.texts[name].distinct) <= MOST_NAMES]
    if len(named) == 1:
        return named[0], values
    others = named or [name for name in table.texts if values and not counts(name) and strength(name, text=True) > STRONG]
    found = [name for name in others if _are_metrics(table.texts[name])]
    return (found[0], values) if len(found) == 1 else ("", "")


def _values(table: Table) -> str:
    """The only column that may hold values of any metric; empty if there is none, or more than one, or a norm has a column of its own."""
    if any(meaning(name).quantity in LIKED for name in table.columns):
        return ""
    called = [name for name in table.columns if holds_values(name)]
    if called:
        return called[0] if len(called) == 1 else ""
    measured = [name for name in table.columns if not counts(name) and strength(name, text=False) > STRONG and not is_rate(name)]
    return measured[0] if len(measured) == 1 and tells_nothing(measured[0]) else ""


def _are_metrics(words: Words) -> bool:
    """Whether text names metrics: at least one norm, loss or rate is among few names."""
    few = 1 < len(words.distinct) <= min(MOST_NAMES, len(words.codes) // 2)
    return few and any(meaning(each).quantity != "unknown" or is_rate(each) for each in words.distinct)


def _are_phases(words: Words) -> bool:
    said = {each.strip().casefold() for each in words.distinct}
    return len(said) > 1 and bool(said & TRAINING) and said <= TRAINING | OTHER_PHASES


class Metrics:
    """The columns of a table by metric and phase, each with the steps of its own rows. Each is made when it is asked for.

    >>> words = Words(("loss", "norm"), np.array([0, 1, 0, 1]))
    >>> columns = {"step": Column(np.array([1.0, 1.0, 2.0, 2.0])), "value": Column(np.array([3.0, 0.5, 2.5, 0.25]))}
    >>> norm = Metrics(Table(columns, {"tag": words}), Layout("tag", "value")).columns()["norm"]
    >>> norm.values, norm.steps
    (array([0.5 , 0.25]), array([1, 2]))
    """

    def __init__(self, table: Table, layout: Layout) -> None:
        self.table, self.layout = _with_nan(table, layout), layout
        self._stepped = lru_cache(4)(self._find_steps)

    def columns(self) -> Mapping[str, Column]:
        """The columns by name."""
        found = self._long() if self.layout.names else self._wide()
        return Lazy(found, lambda name: self._column(*found[name]))

    def _column(self, part: int, name: str) -> Column:
        column = self._stepped(part)[name]
        return column._replace(rows=None) if self.layout.names else column

    def _find_steps(self, part: int) -> Mapping[str, Column]:
        return self.table.of(self._parts[part]).stepped()

    @cached_property
    def _parts(self) -> list[Integers]:
        """The rows of each metric and phase."""
        return grouped(self.kinds, len(self._names) * len(self._phases))

    @cached_property
    def kinds(self) -> Integers:
        """What each row is of: the number of its metric, or of the phase, or of both; -1 if it has no value."""
        count = rows_in(self.table, self.layout)
        held = np.zeros(count, np.int64)
        if self.layout.names:
            codes = self.table.texts[self.layout.names].codes[:count]
            there = np.zeros(count, bool)
            at = rows_of(self.table.held(self.layout.values))
            there[at[at < count]] = True
            held = codes if there.all() else np.where(there, codes, -1)
        if self.layout.phase:
            of_phase = self._phase_codes[self.table.texts[self.layout.phase].codes[:count]]
            held = np.where(held < 0, -1, held.astype(np.int64) * len(self._phases) + of_phase)
        return held

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.table.texts[self.layout.names].distinct if self.layout.names else ("",)

    @cached_property
    def _phases(self) -> tuple[str, ...]:
        """What is put before the names of each phase: nothing for training."""
        if not self.layout.phase:
            return ("",)
        said = self.table.texts[self.layout.phase].distinct
        return ("", *dict.fromkeys(each.strip() for each in said if each.strip().casefold() not in TRAINING))

    @cached_property
    def _phase_codes(self) -> Integers:
        """The place of each text of the phase in `_phases`; the last is that of rows without text."""
        said = self.table.texts[self.layout.phase].distinct
        return np.array([self._phases.index(each.strip()) if each.strip() in self._phases else 0 for each in (*said, "")])

    def _long(self) -> dict[str, tuple[int, str]]:
        """The part and the column of each metric, and of what stands beside the values, such as a rate."""
        values, several = self.layout.values, len(self._phases)
        usual = max(range(len(self._parts)), key=lambda part: len(self._parts[part]), default=0)
        beside = [name for name in self.table.columns if name != values and is_rate(name)]
        found = {name: (usual, name) for name in beside}
        for place, name in enumerate(self._names):
            held = [phase for phase in range(several) if len(self._parts[place * several + phase])]
            for phase in held:
                found[self._called(name or values, phase, len(held) > 1)] = (place * several + phase, values)
        return found

    def _wide(self) -> dict[str, tuple[int, str]]:
        """The phase of each column."""
        found = {}
        for name in self.table.columns:
            phases = [0] if counts(name) else self._held_in(name)
            for phase in phases:
                found[self._called(name, phase, len(phases) > 1)] = (phase, name)
        return found

    def _held_in(self, name: str) -> list[int]:
        """The phases in which a column has values."""
        rows = np.zeros(len(self.kinds), bool)
        at = rows_of(self.table.held(name))
        rows[at[at < len(rows)]] = True
        return [phase for phase in range(len(self._phases)) if rows[self._parts[phase]].any()]

    def _called(self, name: str, phase: int, several: bool) -> str:
        return f"{self._phases[phase]}/{name}" if several and phase else name


def _with_nan(table: Table, layout: Layout) -> Table:
    """The table with the numbers that MLflow writes for NaN and infinity, and marks as such, replaced by these."""
    marks = next((name for name in table.columns if name.casefold() in MISSING), None)
    if not layout.names or marks is None:
        return table

    def read(name: str) -> Column:
        column = table.columns[name]
        if name != layout.values:
            return column
        marked = in_rows(table.columns[marks], rows_of(column))
        values = np.where(np.abs(column.values) >= LARGEST, np.copysign(np.inf, column.values), column.values)
        values[rows_of(marked)[marked.values == 1]] = np.nan
        return column._replace(values=values)

    return table._replace(columns=Lazy(table.columns, read))


def rows_in(table: Table, layout: Layout) -> int:
    """How many rows a table has."""
    for name in (layout.names, layout.phase):
        if name:
            return len(table.texts[name].codes)
    return max((int(rows[-1]) + 1 for name in table.columns if len(rows := rows_of(table.held(name)))), default=0)


def grouped(codes: Integers, count: int) -> list[Integers]:
    """The places of each code from 0 to count - 1, in rising order.

    >>> [places.tolist() for places in grouped(np.array([1, 0, -1, 1]), 2)]
    [[1], [0, 3]]
    """
    small = codes.astype(np.int16) if count < 1 << 15 else codes  # sorted in linear time
    order = np.argsort(small, kind="stable")
    ends = np.cumsum(np.bincount(codes + 1, minlength=count + 1))
    return [order[ends[code] : ends[code + 1]] for code in range(count)]
