"""Judges what a reader made of a log: the right series, a named error, or a fault."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tests.fuzz.reading import Read
from tests.fuzz.rows import Row, key, ordered
from wcdfa.readers.series import RecordedSeries

if TYPE_CHECKING:
    from tests.fuzz.case import Case

SPREAD = 4  # values that one touched row may turn into, if bytes are repeated three times


def silent(case: Case, read: Read, whole: Read | None) -> str | None:
    """What is wrong with the series that was read, in words; None if nothing is, or it was refused by a named error.

    Parameters
    ----------
    whole : Read, optional
        What came of reading the log before it was damaged, if it was.
    """
    series = read.longest()
    if not case.damaged:
        return _whole(case, series, read)
    if series is None:
        return None if read.errors else "neither a series nor an error"
    before = whole.longest() if whole else None
    return _damaged(case, series, _said(series, before) or bool(read.errors))


def _whole(case: Case, series: RecordedSeries | None, read: Read) -> str | None:
    if series is None:
        return f"a whole log was refused: {'; '.join(read.errors)[:300]}"
    rows = ordered(case.rows)
    if [key(value) for value in series.values] != [key(row.value) for row in rows if row.value is not None]:
        return f"{len(series.values)} values of a whole log differ from the {len(rows)} that were written"
    steps = None if series.steps is None else series.steps.tolist()
    if rows[0].step is not None and steps != [row.step for row in rows]:
        return "the steps of a whole log differ from those that were written"
    if lacking := {case.column, *(rows[0].beside if rows else ())} - read.columns:
        return f"columns of a whole log are absent: {', '.join(sorted(lacking))}"
    return _unsaid(case, series) or _beside(case, series, rows)


def _unsaid(case: Case, series: RecordedSeries) -> str | None:
    """What a user must be told of a whole log, and is not."""
    valued = [row for row in case.rows if row.value is not None]
    steps = [row.step for row in valued if row.step is not None]
    if not steps:
        return None
    differences, said = np.diff(steps), "; ".join(series.notes)
    if np.any(differences < 0) and "a restart" not in said:
        return f"the steps go back, and nothing says so: {said}"
    if np.any(differences == 0) and not np.any(differences < 0) and "written again" not in said:
        return f"a step is written twice, and nothing says so: {said}"
    apart = np.diff([row.step for row in ordered(valued)])  # type: ignore[type-var] # no step is None
    usual = int(np.sort(apart)[len(apart) // 2]) if len(apart) else 1
    if series.thinned != usual:
        return f"the values are {usual} steps apart, and are taken as {series.thinned} apart"
    if np.sum(apart) > usual * len(apart) and "not in the log" not in said:
        return f"steps are missing, and nothing says so: {said}"
    return None


def _beside(case: Case, series: RecordedSeries, rows: Sequence[Row]) -> str | None:
    """What is wrong with the learning rate and the loss at the values of a whole log; some formats hold them in single precision."""
    for name, read in (("lr", series.lr), ("loss", series.loss)):
        if case.beside and name in rows[0].beside:
            written = [row.beside[name] for row in rows if row.value is not None]
            if read is None or not np.allclose(read, written, rtol=1e-6, atol=1e-9):
                return f"{name} is not what was written beside the values"
    return None


def _said(series: RecordedSeries, before: RecordedSeries | None) -> bool:
    """Whether there is a remark that the undamaged log did not have."""
    known, empty = (set(), 0) if before is None else (set(before.notes), before.empty)
    return series.empty > empty or not known.issuperset(series.notes)


def _damaged(case: Case, series: RecordedSeries, said: bool) -> str | None:
    if case.lost and not said:
        return "what follows the damage is missing, and nothing says so"
    needed, allowed = _claims(case, stepped=series.steps is not None, said=said)
    if case.free:
        short = len(needed) - case.slack - len(series.values)
        return f"{short} values too few, and nothing says so" if short > 0 and not said else None
    wrong, missing = (
        _by_steps(series, needed, allowed) if series.steps is not None and _stepped(case) else _by_order(series, needed)
    )
    valueless = (
        sum(row.value is None for row in case.rows) if said else 0
    )  # which may be read as NaN, as an empty field in quotes is
    budget = SPREAD * len(case.wild) + SPREAD * case.slack + min(valueless, int(np.isnan(series.values).sum()))
    if wrong > budget:
        return f"{wrong} values are not those that were written, and the damage explains {budget}"
    if missing > case.slack and not said:
        return f"{missing} values are missing, and nothing says so"
    return None


def _stepped(case: Case) -> bool:
    return case.rows[0].step is not None


def _claims(case: Case, *, stepped: bool, said: bool) -> tuple[list[Row], list[Row]]:
    """The rows that must be in the series, and those that may: where something is missing, a restart may not have been seen."""
    certain = case.certain()
    if not (stepped and _stepped(case)):
        needed = [row for row in certain if row.value is not None]
        return needed, needed
    left = [row for i, row in enumerate(case.rows) if i not in case.gone]
    with_touched, without = ordered(left), ordered(certain)
    both = set(map(_pair, with_touched)) & set(map(_pair, without))
    undone = [row for row in left if row.value is not None and said]
    return [row for row in without if _pair(row) in both], [*with_touched, *without, *undone]


def _pair(row: Row) -> tuple[int | None, float | str]:
    assert row.value is not None
    return row.step, key(row.value)


def _by_steps(series: RecordedSeries, needed: Sequence[Row], allowed: Sequence[Row]) -> tuple[int, int]:
    """How many values are wrong, and how many are missing."""
    assert series.steps is not None
    read = {(step, key(value)) for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)}
    return len(read - set(map(_pair, allowed))), len(set(map(_pair, needed)) - read)


def _by_order(series: RecordedSeries, needed: Sequence[Row]) -> tuple[int, int]:
    """The same for a series without steps: what is right is the longest part in the order written."""
    values = [key(value) for value in series.values.tolist()]
    places: dict[float | str, list[int]] = {}
    for i, row in enumerate(needed):
        places.setdefault(_pair(row)[1], []).append(i)
    tails: list[int] = []  # of Hunt and Szymanski: the longest common subsequence
    for value in values:
        for place in reversed(places.get(value, [])):
            at = bisect_left(tails, place)
            tails[at : at + 1] = [place]
    return len(values) - len(tails), len(needed) - len(tails)
