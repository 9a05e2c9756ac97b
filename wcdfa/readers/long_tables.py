"""Gives each metric of a long ("tidy") table, and each phase of a metric, as a column of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np

from wcdfa.readers.columns import Column, Floats, Integers, Lazy
from wcdfa.readers.layouts import TRAINING, Layout, rows_in
from wcdfa.readers.name_tokens import is_rate
from wcdfa.readers.selecting import Table, filled, in_rows, rows_of
from wcdfa.readers.telling_names import counts

MISSING = ("is_nan",)  # MLflow writes 0 for NaN, and says so here
LARGEST = 1.7976931348623157e308  # MLflow writes this for infinity


class Metrics:
    """The columns of a table by metric and phase, each with the steps of its own rows. Each is made when it is asked for.

    >>> from wcdfa.readers.columns import Words
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
        held: Integers = np.zeros(0 if self.layout.names else count, np.int64)
        if self.layout.names:
            codes = self.table.texts[self.layout.names].codes[:count]
            there = filled(self.table.held(self.layout.values), count)
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
        rows = filled(self.table.held(name), len(self.kinds))
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
        values = with_infinity(column.values)
        values[rows_of(marked)[marked.values == 1]] = np.nan
        return column._replace(values=values)

    return table._replace(columns=Lazy(table.columns, read))


def with_infinity(values: Floats) -> Floats:
    """A copy of the values with infinity where MLflow has written the largest number instead.

    >>> with_infinity(np.array([0.5, -LARGEST]))
    array([ 0.5, -inf])
    """
    return np.where(np.abs(values) >= LARGEST, np.copysign(np.inf, values), values)


def grouped(codes: Integers, count: int) -> list[Integers]:
    """The places of each code from 0 to count - 1, in rising order.

    >>> [places.tolist() for places in grouped(np.array([1, 0, -1, 1]), 2)]
    [[1], [0, 3]]
    """
    small = codes.astype(np.int16) if count < 1 << 15 else codes  # sorted in linear time
    order = np.argsort(small, kind="stable")
    ends = np.cumsum(np.bincount(codes + 1, minlength=count + 1))
    return [order[ends[code] : ends[code + 1]] for code in range(count)]
