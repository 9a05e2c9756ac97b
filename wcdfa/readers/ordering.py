"""Puts values in the order of their steps, and handles restarts, late records and steps that were written again."""

from __future__ import annotations

import numpy as np

from wcdfa.readers.columns import Floats, Integers
from wcdfa.readers.rising import rises
from wcdfa.support.text import several

RESTARTS = 0.02  # steps may go back at this share of the records, each a restart; more is disorder
LISTED = 4  # steps in a note


def in_order(values: Floats, steps: Integers) -> tuple[Floats, Integers, tuple[str, ...]]:
    """Sort values by their steps, each step once. Returns values, steps and notes about what was done.

    >>> in_order(np.array([1.0, 2.0, 3.0, 2.5, 3.5]), np.array([1, 2, 3, 2, 3]))[:2]
    (array([1. , 2.5, 3.5]), array([1, 2, 3]))

    If a run goes on from an earlier step, the later records count. Single late records are sorted in.

    Parameters
    ----------
    values, steps : array, shape (n,)
        In the order written.
    """
    if rises(steps):
        return values, steps, ()
    notes: list[str] = []
    for mend in (without_undone, _sorted, _last_of_each):
        kept, note = mend(steps)
        if note:
            notes.append(note)
            values, steps = values[kept], steps[kept]
    return values, steps, tuple(notes)


def without_undone(steps: Integers) -> tuple[Integers, str]:
    """The records that no restart has replaced."""
    restarts = restarts_in(steps)
    if not 0 < restarts.size <= max(1, RESTARTS * len(steps)):
        return np.arange(len(steps)), ""
    # a restart undoes earlier records of its step and of later steps
    later = np.full(len(steps), np.iinfo(np.int64).max)
    later[restarts - 1] = steps[restarts]
    kept = np.flatnonzero(steps < np.minimum.accumulate(later[::-1])[::-1])
    undone = f"{several(len(steps) - len(kept), 'record that it replaced is', 'records that it replaced are')} left out"
    return kept, f"steps went back to {_listed(steps[restarts])}: a restart, and the later records count; {undone}"


def restarts_in(steps: Integers) -> Integers:
    """Where a run goes on from the step it went back to, or before; after a late record, it goes on from where it was."""
    back = np.flatnonzero(np.diff(steps) < 0) + 1
    following = np.append(steps[1:], np.iinfo(np.int64).max)[back]
    found: Integers = back[following <= steps[back - 1]]
    return found


def _sorted(steps: Integers) -> tuple[Integers, str]:
    disorder = int(np.sum(np.diff(steps) < 0))
    note = (
        f"{several(disorder, 'record was', 'records were')} out of order and {'is' if disorder == 1 else 'are'} sorted by step"
        if disorder
        else ""
    )
    return np.argsort(steps, kind="stable"), note


def _last_of_each(steps: Integers) -> tuple[Integers, str]:
    """Keep only the last record of each step."""
    last = np.flatnonzero(np.append(np.diff(steps) > 0, True))
    twice = len(steps) - len(last)
    return (
        last,
        f"{several(twice, 'record belongs', 'records belong')} to a step that was written again: the last of each step counts"
        if twice
        else "",
    )


def _listed(numbers: Integers) -> str:
    return ", ".join(f"{number:,}" for number in numbers[:LISTED]) + (", …" if len(numbers) > LISTED else "")
