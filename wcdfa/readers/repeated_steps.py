"""Finds out whether steps repeat in a table, and whether they rise within each part of its rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.readers.columns import Floats, Integers
from wcdfa.readers.errors import LogError
from wcdfa.readers.ordering import RESTARTS, restarts_in, without_undone
from wcdfa.readers.rising import rises
from wcdfa.support.text import often

REPEATED = 0.5  # of what parts of a table hold besides the longest, at least this share repeats steps; less is that of a restart
AGAIN = 0.1  # so large a share of the values may have the step of an earlier one: the last counts
FEW = 10  # so many may always
EQUAL = 0.5  # if at least this share of them are equal, a log was written twice


class SeveralRuns(LogError):
    """Steps repeat with other values, so that several runs seem to stand in one log, and nothing tells them apart."""


class Values(NamedTuple):
    """Where the values of some series stand in a table. All arrays have one entry for each value."""

    rows: Integers
    kinds: Integers
    """The series that it belongs to."""
    steps: Integers

    def repeated(self, codes: Integers | None = None) -> int:
        """How many values have the step of an earlier value of their series, and of their part of the table.

        >>> values = Values(np.arange(4), np.zeros(4, int), np.array([1, 1, 2, 2]))
        >>> values.repeated(), values.repeated(np.array([0, 1, 0, 1]))
        (2, 0)
        """
        kinds, steps = self._in_order(codes)
        falls = (np.diff(kinds) == 0) & (np.diff(steps) <= 0)
        if not falls.any():
            return 0
        order = np.lexsort((steps, kinds))
        return int(np.sum((np.diff(kinds[order]) == 0) & (np.diff(steps[order]) == 0)))

    def most(self) -> int:
        """How many values of one series have the same step at most."""
        order = np.lexsort((self.steps, self.kinds))
        new = np.flatnonzero((np.diff(self.kinds[order]) != 0) | (np.diff(self.steps[order]) != 0))
        return int(np.diff(np.concatenate([[-1], new, [len(order) - 1]])).max(initial=0))

    def restarted(self, codes: Integers) -> bool:
        """Whether steps fall back so seldom in each part that this is a restart."""
        kinds, steps = self._in_order(codes)
        falls = (np.diff(kinds) == 0) & (np.diff(steps) <= 0)
        _, parts, lengths = np.unique(kinds, return_inverse=True, return_counts=True)
        back = np.bincount(parts[1:][falls], minlength=len(lengths))
        return bool(np.all(back <= np.maximum(1, RESTARTS * lengths)))

    def is_one_restarted(self, codes: Integers) -> bool:
        """Whether the parts follow each other and overlap little, as if a run had been started again from a checkpoint."""
        of_row = codes[self.rows]
        order = np.argsort(self.kinds, kind="stable")
        changes = int(np.sum((np.diff(of_row[order]) != 0) & (np.diff(self.kinds[order]) == 0)))
        parts = len(np.unique(of_row))
        follow = changes <= (parts - 1) * len(np.unique(self.kinds))
        return bool(follow and not self.repeats_as(codes))

    def repeats_as(self, codes: Integers) -> bool:
        """Whether so many values have the step of an earlier one as if each part held the steps of the longest.

        >>> values = Values(np.arange(4), np.zeros(4, int), np.array([1, 1, 2, 3]))
        >>> values.repeats_as(np.array([0, 1, 0, 1])), values.repeats_as(np.array([0, 1, 2, 3]))
        (True, False)
        """
        lengths = np.bincount(codes[self.rows])
        return bool(self.repeated() >= REPEATED * (len(self.rows) - lengths.max()))

    def _in_order(self, codes: Integers | None) -> tuple[Integers, Integers]:
        """Series (within parts) one after another, and the steps of their values in the order written."""
        kinds = self.kinds if codes is None else combined(codes[self.rows], self.kinds)
        if np.all(np.diff(kinds) >= 0):
            return kinds, self.steps
        order = np.argsort(kinds, kind="stable")
        return kinds[order], self.steps[order]


def combined(one: Integers, other: Integers) -> Integers:
    """A number for each pair of numbers that are not negative.

    >>> combined(np.array([0, 1, 0]), np.array([5, 5, 5])).tolist()
    [0, 1, 0]
    """
    pairs = one.astype(np.int64) * (int(other.max(initial=0)) + 1) + other
    found: Integers = np.unique(pairs, return_inverse=True)[1].reshape(-1)
    return found


def require_told_apart(values: Floats, steps: Integers) -> None:
    """Raise `SeveralRuns` if steps repeat with different values all over, as where several runs were written into one log.

    >>> require_told_apart(np.arange(60.0), np.repeat(np.arange(20), 3))
    Traceback (most recent call last):
    wcdfa.readers.repeated_steps.SeveralRuns: each step was logged 3 times with different values, and nothing tells the runs apart: log a column...

    Restarts, single steps that were written again, and values that were written twice raise nothing. Whole runs one after the other are no
    restarts: nothing was undone.
    """
    if rises(steps):
        return
    _require_no_whole_runs(values, steps)
    kept = without_undone(steps)[0]
    order = kept[np.argsort(steps[kept], kind="stable")]
    again = np.flatnonzero(np.diff(steps[order]) == 0)
    if len(again) <= max(FEW, AGAIN * len(order)):
        return
    one, other = values[order[again]], values[order[again + 1]]
    if np.mean((one == other) | (np.isnan(one) & np.isnan(other))) >= EQUAL:
        return
    times = int(np.median(np.unique(steps[order], return_counts=True)[1]))
    said = (
        f"each step was logged {often(times)}" if times > 1 else f"{len(again):,} of {len(order):,} values have the step of another"
    )
    how = "with different values" if times > 1 else "but differ from it"
    msg = f"{said} {how}, and nothing tells the runs apart: log a column such as run or seed, or each run to a log of its own"
    raise SeveralRuns(msg)


def _require_no_whole_runs(values: Floats, steps: Integers) -> None:
    """Raise `SeveralRuns` if the log holds whole runs, one after the other, with different values."""
    restarts = restarts_in(steps)
    starts, stops = np.append(0, restarts), np.append(restarts, len(steps))
    firsts, lasts = steps[starts], steps[stops - 1]
    whole = len(restarts) > 0 and np.all(firsts == firsts[0]) and np.all(lasts[:-1] == lasts[0]) and firsts[0] < lasts[0]
    if not whole or (lasts[-1] != lasts[0] and len(restarts) == 1):
        return
    one, other = (values[start:stop] for start, stop in zip(starts[:2], stops[:2], strict=True))
    if np.array_equal(one, other, equal_nan=True):
        return
    msg = (
        f"its steps go from {firsts[0]:,} to {lasts[0]:,} {often(len(firsts))}: several runs, or epochs that count anew, and no column tells "
        "which; write each run into a log of its own, or add a column such as seed or epoch"
    )
    raise SeveralRuns(msg)
