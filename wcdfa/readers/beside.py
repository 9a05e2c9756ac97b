"""Finds what was logged beside a series: learning rate, loss, gradient norms, and hyperparameters that vary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from wcdfa.readers.column_names import Names, Role, listed
from wcdfa.readers.columns import Column, Floats, Integers, SeveralOfOneName
from wcdfa.readers.steps import is_ours
from wcdfa.support.text import shown

CLIPPED = "{name} is taken for the gradient norm that each step used; if gradients were clipped after it was logged, log wcdfa/gradient_norm"
UNMATCHED = "its values cannot be matched with those of {name}, by step or by row"
MOST = 0.9
"""A series with gaps is used if it has more than this share of its values."""
VARYING = {"momentum": ("wcdfa/momentum",), "betas": ("wcdfa/beta1", "wcdfa/beta2")}
"""The columns of each hyperparameter that may vary."""


class Beside:
    """The other columns of a run, matched with the values of one series.

    >>> columns = {"norm": Column(np.array([0.5, 0.25])), "lr": Column(np.array([1e-3, 1e-4]))}
    >>> Beside(columns, "norm", None).first("rate")
    array([0.001 , 0.0001])

    Parameters
    ----------
    columns : mapping of str to Column
        All columns of the run.
    series : str
        The name of the series.
    steps : array, shape (n,), or None
        The steps of the series in order. None if the log has no steps: values in the same row then belong together.
    names : Names, optional
        The names of all columns. Give it if there are many series.
    """

    def __init__(self, columns: Mapping[str, Column], series: str, steps: Integers | None, names: Names | None = None) -> None:
        self._columns, self._column, self._steps, self._series = columns, columns[series], steps, series
        self.names = Names(columns) if names is None else names

    @property
    def count(self) -> int:
        """How many values the series has."""
        return len(self._wanted())

    def first(self, role: Role) -> Floats | None:
        """The numbers of the most likely column with this role that has one for each value of the series; None if there is none."""
        return next((values for name in self._meant(role) if (values := self._matched(name)) is not None), None)

    def mostly(self, name: str) -> Floats | None:
        """The numbers of a column at the values of the series, NaN where there is none; None if most have none, or there is no such column."""
        found = self._where_known(name) if name in self._columns and name != self._series else None
        return None if found is None or found[1].mean() <= MOST else found[0]

    def asked(self, wanted: Iterable[str]) -> dict[str, Floats | str]:
        """The columns that are asked for by name or pattern, at the values of the series, NaN where there is none; or why there are no values.

        >>> columns = {"norm": Column(np.array([0.5, 0.25])), "train/loss": Column(np.array([3.0]), rows=np.array([1]))}
        >>> beside = Beside(columns, "norm", None)
        >>> beside.asked(["loss"])
        {'train/loss': array([nan,  3.])}
        >>> beside.asked(["reward"])
        {'reward': 'the log has no column of numbers of that name; it holds: norm, train/loss'}
        """
        found: dict[str, Floats | str] = {}
        for each in wanted:
            names = named_so(self._columns, each)
            found |= {name: self._values_or_why(name) for name in names}
            if not names:
                found[each] = f"the log has no column of numbers of that name; it holds: {listed(self._columns)}"
        return found

    def _values_or_why(self, name: str) -> Floats | str:
        found = self._where_known(name)
        return UNMATCHED.format(name=shown(self._series)) if found is None else found[0]

    def _where_known(self, name: str) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
        """The numbers of a column at the values of the series, and where it has one; None if it cannot be matched, or is empty."""
        places = self._places(name)
        if places is None or not len(places):
            return None
        wanted, order = self._wanted(), np.argsort(places, kind="stable")
        at = np.maximum(np.searchsorted(places[order], wanted, "right") - 1, 0)
        there = places[order][at] == wanted
        return np.where(there, self._columns[name].values[order][at], np.nan), there

    def gradients(self) -> tuple[Floats | None, Iterator[str]]:
        """The gradient norm at each value of the series, and a note on it if this package did not log it."""
        for name in self._meant("gradient"):
            if (values := self._matched(name)) is not None:
                return values, iter(() if is_ours(name) else (CLIPPED.format(name=shown(name)),))
        return None, iter(())

    def varying(self) -> dict[str, Floats]:
        """The hyperparameters that vary, at each value of the series: momentum of shape (n,), betas of shape (n, 2).

        A monitor logs them only while they change. In between the last one holds, and before the first it is not known: NaN.
        """
        found = {name: [self._latest(each) for each in columns] for name, columns in VARYING.items()}
        known = {name: [each for each in parts if each is not None] for name, parts in found.items()}
        whole = {name: parts for name, parts in known.items() if len(parts) == len(VARYING[name])}
        return {name: parts[0] if len(parts) == 1 else np.stack(parts, axis=-1) for name, parts in whole.items()}

    def unused_rate(self) -> Iterator[str]:
        """A note on a learning rate that varies and has no value for some of the series, so that it cannot be used."""
        for name in self._meant("rate"):
            try:
                rates, there = self._columns[name].values, self._covered(name)
            except SeveralOfOneName as error:
                yield f"the learning rate is not used: {error}"
                return
            if there and np.ptp(rates) > 0:
                yield (
                    f"{shown(name)} was logged for {there:,} of {len(self._wanted()):,} values only, so it is not used, and what the schedule "
                    "does stays in α: log it with every value"
                )
                return

    def _meant(self, role: Role) -> Iterator[str]:
        """The other columns with this role, best first. Those that are equally likely are left out: it is not known which is meant."""
        for group in self.names.meant(role):
            others = [each for each in group[:3] if each != self._series]
            if len(others) == 1:
                yield others[0]

    def _named(self, name: str) -> str | None:
        """The other column with this name of the package, perhaps under a prefix."""
        for group in self.names.equal_or_ending(name):
            others = [each for each in group[:3] if each != self._series]  # more than one means that it is not known which
            if others:
                return others[0] if len(others) == 1 else None
        return None

    def _matched(self, name: str) -> Floats | None:
        places = self._places(name)
        return None if places is None else _at(places, self._columns[name].values, self._wanted())

    def _latest(self, known: str) -> Floats | None:
        """The value that was logged last at or before each value of the series, NaN before the first; None if there is no such column."""
        name = self._named(known)
        places = None if name is None else self._places(name)
        if name is None or places is None or not len(places):
            return None
        order = np.argsort(places, kind="stable")
        at = np.searchsorted(places[order], self._wanted(), "right") - 1
        return np.where(at < 0, np.nan, self._columns[name].values[order][at])

    def _covered(self, name: str) -> int:
        """How many values of the series have one in this column."""
        places = self._places(name)
        return 0 if places is None else int(np.isin(self._wanted(), places).sum())

    def _wanted(self) -> Integers:
        """The places of the values of the series: steps, or rows."""
        return _rows(self._column) if self._steps is None else self._steps

    def _places(self, name: str) -> Integers | None:
        """The places of the values in another column; None if it cannot be matched with the series."""
        try:
            other = self._columns[name]
        except SeveralOfOneName:
            return None
        if self._steps is not None:
            return other.steps
        if self._column.rows is None and other.rows is None and len(other.values) != len(self._column.values):
            return None  # a column of another table
        return _rows(other)


def named_so(names: Iterable[str], wanted: str) -> list[str]:
    """The columns that are called so; if none is, those that match it as a pattern, or end in it after a slash.

    >>> named_so(["loss", "eval/loss"], "loss"), named_so(["a/loss", "b/loss"], "loss"), named_so(["a/loss", "a/lr"], "a/*")
    (['loss'], ['a/loss', 'b/loss'], ['a/loss', 'a/lr'])
    """
    every = list(names)
    if wanted in every:
        return [wanted]
    return [name for name in every if fnmatchcase(name, wanted) or name.endswith(f"/{wanted}")]


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
