"""Values in the order of their steps: restarts, records that come late, and steps that were written again."""

from __future__ import annotations

import numpy as np

from wcdfa.readers.columns import Floats, Integers

RESTARTS = 0.02  # share of the records at which steps may go back for each to be a restart; more is disorder
LISTED = 4  # steps in a note


def in_order(values: Floats, steps: Integers) -> tuple[Floats, Integers, tuple[str, ...]]:
    """Values and steps in the order of the steps, each step once, and notes on what was done for it.

    >>> in_order(np.array([1.0, 2.0, 3.0, 2.5, 3.5]), np.array([1, 2, 3, 2, 3]))[:2]
    (array([1. , 2.5, 3.5]), array([1, 2, 3]))

    Where a run goes on from an earlier step, what was written last counts. Single records that come late are sorted in.

    Parameters
    ----------
    values, steps : array, shape (n,)
        As they were written.
    """
    differences = np.diff(steps)
    if not differences.size or differences.min() > 0:
        return values, steps, ()
    notes: list[str] = []
    for mend in (_without_undone, _sorted, _last_of_each):
        kept, note = mend(steps)
        if note:
            notes.append(note)
            values, steps = values[kept], steps[kept]
    return values, steps, tuple(notes)


def _without_undone(steps: Integers) -> tuple[Integers, str]:
    """The records that no restart has undone."""
    back = np.flatnonzero(np.diff(steps) < 0) + 1
    # a run that restarts goes on from where it went back to; what follows a late record is where the run was before
    following = np.append(steps[1:], np.iinfo(np.int64).max)[back]
    restarts = back[following <= steps[back - 1]]
    if not 0 < restarts.size <= max(1, RESTARTS * len(steps)):
        return np.arange(len(steps)), ""
    # a restart undoes what was written before of its step and of later ones
    later = np.full(len(steps), np.iinfo(np.int64).max)
    later[restarts - 1] = steps[restarts]
    kept = np.flatnonzero(steps < np.minimum.accumulate(later[::-1])[::-1])
    undone = f"{len(steps) - len(kept):,} records that it undid are left out"
    return kept, f"steps went back to {_listed(steps[restarts])}: a restart, and what was written last counts; {undone}"


def _sorted(steps: Integers) -> tuple[Integers, str]:
    disorder = int(np.sum(np.diff(steps) < 0))
    note = f"{disorder:,} records were out of order and are sorted by step" if disorder else ""
    return np.argsort(steps, kind="stable"), note


def _last_of_each(steps: Integers) -> tuple[Integers, str]:
    """Of records of one step, the last."""
    last = np.flatnonzero(np.append(np.diff(steps) > 0, True))
    twice = len(steps) - len(last)
    return last, f"{twice:,} records are of a step that was written again: the last of each step counts" if twice else ""


def _listed(numbers: Integers) -> str:
    return ", ".join(f"{number:,}" for number in numbers[:LISTED]) + (", …" if len(numbers) > LISTED else "")
