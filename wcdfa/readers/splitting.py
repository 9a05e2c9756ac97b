"""Finds the columns that tell the runs, seeds or ranks in one table apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from typing import NamedTuple

import numpy as np

from wcdfa.readers.columns import Integers
from wcdfa.readers.repeated_steps import Values, combined
from wcdfa.readers.selecting import Table, rows_of
from wcdfa.readers.telling_names import NO_TELLER, STRONG, strength
from wcdfa.support.text import shown

LOOKED_AT = 64  # columns that are read to find those that tell runs apart
SHORTEST = 2  # values in a run, on average
MORE = 2  # times as many runs as the most values of one step; some runs may be short


class Teller(NamedTuple):
    """A column that may tell runs apart."""

    name: str
    text: bool
    strength: int
    codes: Integers
    """The value of each row by its place in `labels`; -1 if it has none."""
    labels: Sequence[str]

    def says(self, code: int, *, alone: bool) -> str:
        """What a run with this value is called."""
        label = shown(self.labels[code])
        return label if self.text and alone and label else f"{shown(self.name)}={label}"


def tellers(table: Table, rows: int, besides: set[str], weakest: int = NO_TELLER - 1) -> Iterator[Teller]:
    """The columns that may tell runs apart, those first that do so by their names.

    >>> from wcdfa.readers.columns import Column
    >>> table = Table({"seed": Column(np.array([1.0, 1.0, 2.0, 2.0])), "loss": Column(np.ones(4))}, {})
    >>> [(each.name, each.labels) for each in tellers(table, 4, set())]
    [('seed', ['1', '2'])]
    """
    texts = {(strength(name, text=True), i, name, True) for i, name in enumerate(table.texts) if name not in besides}
    numbers = {(strength(name, text=False), i, name, False) for i, name in enumerate(table.columns) if name not in besides}
    usable = sorted(each for each in texts | numbers if each[0] <= weakest)
    for place, _, name, text in islice(usable, LOOKED_AT):
        codes, labels = _of_text(table, name, rows) if text else _of_numbers(table, name, rows, whole=place > STRONG + 3)
        if 1 < len(labels) <= rows // SHORTEST:
            yield Teller(name, text, place, codes, labels)


def _of_text(table: Table, name: str, rows: int) -> tuple[Integers, Sequence[str]]:
    words = table.texts[name]
    codes = np.full(rows, -1)
    codes[: len(words.codes)] = words.codes[:rows]
    return codes, words.distinct


def _of_numbers(table: Table, name: str, rows: int, *, whole: bool) -> tuple[Integers, Sequence[str]]:
    column = table.held(name)
    if whole and not np.array_equal(column.values, np.round(column.values)):
        return np.zeros(0, np.int64), ()
    distinct, places = np.unique(column.values, return_inverse=True)
    codes, held = np.full(rows, -1), rows_of(column)
    codes[held[held < rows]] = places.reshape(-1)[held < rows]
    return codes, [f"{value:.15g}" for value in distinct.tolist()]


def telling(found: Sequence[Teller], values: Values, epochs: Integers | None = None) -> list[Teller]:
    """The fewest columns that tell runs apart, in each of which the steps rise; none if the steps are those of one run.

    Parameters
    ----------
    found : sequence of Teller
    values : Values
        The steps that must rise in each run.
    epochs : array, shape (rows,), optional
        The epoch of each row.
    """
    filled = [each for each in found if np.all(each.codes[values.rows] >= 0) and len(np.unique(each.codes[values.rows])) > 1]
    known = [each for each in filled if each.strength <= STRONG]
    held = [values, *([] if epochs is None else [_within(values, epochs)])]
    if epochs is not None and not _fewest(known, values, exact=True) and not held[1].repeated():
        return []  # the steps are counted anew in each epoch
    tries = (
        (usable, each, exact) for exact in (True, False) for usable, each in (*((known, each) for each in held), (filled, values))
    )
    return next((chosen for usable, each, exact in tries if (chosen := _fewest(usable, each, exact=exact))), [])


def _within(values: Values, epochs: Integers) -> Values:
    """The steps numbered so that those of different epochs differ."""
    steps = np.unique(values.steps, return_inverse=True)[1].reshape(-1)
    return values._replace(steps=combined(epochs[values.rows], steps))


def _fewest(found: Sequence[Teller], values: Values, *, exact: bool) -> list[Teller]:
    """The best column that leaves no step repeated, or else the fewest of them together; or, if not `exact`, that leave restarts only."""
    most = MORE * values.most()
    usable = [each for each in found if each.strength <= STRONG or len(each.labels) <= most]
    alone = next(([each] for each in usable if _tell([each], values, most, exact=exact)), None)
    if alone is not None:
        return alone
    if len(usable) > 1 and _tell(usable, values, most, exact=exact):
        return _without_needless(usable, values, most, exact=exact)
    return []


def _without_needless(found: list[Teller], values: Values, most: int, *, exact: bool) -> list[Teller]:
    kept = list(found)
    for each in reversed(found):
        fewer = [other for other in kept if other is not each]
        if len(fewer) > 1 and _tell(fewer, values, most, exact=exact):
            kept = fewer
    return kept


def _tell(found: Sequence[Teller], values: Values, most: int, *, exact: bool) -> bool:
    """Whether columns tell runs apart together."""
    codes = codes_of(found)
    runs = len(np.unique(codes[values.rows]))
    weak = any(each.strength > STRONG for each in found)
    if len(values.rows) < SHORTEST * runs or (weak and (runs > most or not values.repeats_as(codes))):
        return False
    return (not values.repeated(codes) or (not exact and values.restarted(codes))) and not values.is_one_restarted(codes)


def codes_of(found: Sequence[Teller]) -> Integers:
    """A number for each row that is the same for rows of one run; -1 for rows that belong to none."""
    codes = reduce(combined, (np.maximum(each.codes, 0) for each in found))
    there = np.all([each.codes >= 0 for each in found], axis=0)
    return np.where(there, codes, -1)


def called(chosen: Sequence[Teller], row: int) -> str:
    """The name of the run that a row belongs to."""
    return ", ".join(each.says(int(each.codes[row]), alone=len(chosen) == 1) for each in chosen)
