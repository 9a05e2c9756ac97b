"""Finds the runs in a log of rows: the series of a long table, and several runs, seeds or ranks in one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import numpy as np

from wcdfa.readers.column_choice import LIKED
from wcdfa.readers.columns import Column, Integers, Lazy, Run, Words
from wcdfa.readers.long_tables import Layout, Metrics, grouped, layout_of, rows_in
from wcdfa.readers.name_tokens import meaning
from wcdfa.readers.repeated_steps import Values
from wcdfa.readers.selecting import Table, rows_of
from wcdfa.readers.splitting import Teller, called, codes_of, tellers, telling
from wcdfa.readers.step_names import WITHIN, counted_in, rank
from wcdfa.readers.telling_names import STRONG, SURE, counts, is_rank, strength, words_of
from wcdfa.support.text import shown

LOOKED_AT = 8  # columns of values whose steps are looked at
KEPT = 8  # columns of text that are kept while the runs are found
KINDS = 1000  # more than there are phases
EXACT = 2.0**53  # below this, a float represents every integer


def runs_of_rows(run: Run, others: Collection[str] = ()) -> Iterator[Run]:
    """Give each run in a table, with one column for each metric, and the steps of its rows.

    >>> from pathlib import Path
    >>> columns = {name: Column(np.array(values)) for name, values in {
    ...     "step": [1.0, 2.0, 1.0, 2.0], "seed": [0.0, 0.0, 1.0, 1.0], "update_norm": [0.5, 0.25, 0.75, 0.125]}.items()}
    >>> [(each.name, each.columns["update_norm"].values.tolist()) for each in runs_of_rows(Run(Path("a.csv"), "", columns))]
    [('seed=0', [0.5, 0.25]), ('seed=1', [0.75, 0.125])]

    Parameters
    ----------
    run : Run
        The whole table: columns without steps, and columns of text.
    others : collection of str
        The names of all columns that hold no numbers, if some are not in `run.texts`.
    """
    table = Table(run.columns, Lazy(run.texts, lru_cache(KEPT)(lambda name: _small(run.texts[name]))), others)
    layout = layout_of(table)
    metrics = Metrics(table, layout)
    chosen = _telling(table, metrics)
    if not chosen:
        yield run._replace(columns=_series(metrics), notes=_with(run.notes, (*layout.notes(), *_undivided(table, layout))))
        return
    parts = _parts(chosen)
    same = _of_one_run(table, layout, chosen, parts)
    for place, rows in enumerate(parts):
        if same[place] == place:
            telling_it = _without_ranks(chosen) if same.count(place) > 1 else chosen
            notes = (*layout.notes(), *_copied(chosen, same.count(place)), *_divided(telling_it, len(set(same))))
            name = " ".join(filter(None, [run.name, called(telling_it, int(rows[0]))]))
            columns = _series(Metrics(table.of(rows), layout))
            yield run._replace(name=name, columns=columns, notes=_with(run.notes, notes), texts={})


def _divided(chosen: Sequence[Teller], runs: int) -> Iterator[str]:
    """The note on the columns by which a table was split."""
    if runs > 1:
        yield f"split by {' and '.join(shown(each.name) for each in chosen)}: {runs} runs"


def _undivided(table: Table, layout: Layout) -> Iterator[str]:
    """A note on each column that is called run or seed and by which a table was not split, because no step repeats."""
    for name in (*table.texts, *table.columns):
        if name not in layout and strength(name, text=name in table.texts) <= SURE:
            distinct = len(table.texts[name].distinct) if name in table.texts else len(np.unique(table.held(name).values))
            if distinct > 1:
                yield f"{shown(name)} has {distinct:,} values, but steps do not repeat as in several runs: taken as one run"


def _with(notes: Sequence[str], more: Sequence[str]) -> Sequence[str]:
    """The notes of a log, to which some may be added later, and more of them."""
    return (*more, *notes) if more else notes


def _small(words: Words) -> Words:
    """The text of a column, with its codes in as few bytes as they need."""
    return words._replace(codes=words.codes.astype(np.min_scalar_type(-2 * len(words.distinct) - 2)))


def _series(metrics: Metrics) -> Mapping[str, Column]:
    return metrics.columns() if metrics.layout.names or metrics.layout.phase else metrics.table.stepped()


def _telling(table: Table, metrics: Metrics) -> list[Teller]:
    """The columns that tell the runs in a table apart; none if it holds one run."""
    steps, besides = _steps(table), set(metrics.layout)
    if steps is None:
        return list(islice(_strong(table, metrics.layout, besides), 1))
    values = _values(table, metrics, steps)
    if not values.repeated():
        return []
    rows = int(rows_of(steps)[-1]) + 1  # what has no step is left out
    return telling(list(tellers(table, rows, besides)), values, _epochs(table, rows))


def _strong(table: Table, layout: Layout, besides: set[str]) -> Iterator[Teller]:
    """The columns that tell runs apart by their names and have a value in each row."""
    if any(strength(name, text=name in table.texts) <= STRONG for name in (*table.texts, *table.columns) if name not in besides):
        yield from (each for each in tellers(table, rows_in(table, layout), besides, STRONG) if (each.codes >= 0).all())


def _steps(table: Table) -> Column | None:
    """The steps of the rows, as whole numbers; None if no column has their name."""
    named = sorted((name for name in table.columns if rank(name) is not None), key=lambda name: (rank(name), len(name)))
    for name in (*named, *(name for name in table.columns if name not in named and _counts_steps(name))):
        column = table.held(name)
        if len(column.values) and np.abs(column.values).max() < EXACT and np.array_equal(column.values, np.round(column.values)):
            return column
    return None


def _counts_steps(name: str) -> bool:
    return counted_in(name) == "steps" and not words_of(name) & WITHIN


def _epochs(table: Table, rows: int) -> Integers | None:
    """The epoch of each row, if it is a whole number in all rows."""
    for name in table.columns:
        if counted_in(name) == "epochs":
            column = table.held(name)
            if len(column.values) == rows and np.array_equal(column.values, np.round(column.values)):
                return np.unique(column.values, return_inverse=True)[1].reshape(-1)
    return None


def _values(table: Table, metrics: Metrics, steps: Column) -> Values:
    """Where values stand whose steps must rise in a run: those of all metrics of a long table, or of the norms among the columns."""
    at, numbers, layout = rows_of(steps), steps.values.astype(np.int64), metrics.layout
    if layout.names or layout.phase:
        kinds = metrics.kinds
        at, numbers = at[at < len(kinds)], numbers[at < len(kinds)]
        held = kinds[at] >= 0
        if layout.names:
            return (
                Values(at, kinds, numbers)
                if len(at) == len(kinds) and held.all()
                else Values(at[held], kinds[at[held]], numbers[held])
            )
    elif np.all(np.diff(numbers) > 0):
        return Values(at, np.zeros(len(at), np.int64), numbers)
    parts = []
    for place, name in enumerate(_looked_at(table)):
        there = np.isin(at, rows_of(table.held(name)), assume_unique=True)
        of_phase = kinds[at[there]] if layout.phase else 0
        of_column = np.full(int(there.sum()), place * KINDS, np.int64)
        parts.append(Values(at[there], of_column + of_phase, numbers[there]))
    none = np.zeros(0, np.int64)
    return Values(
        np.concatenate([none, *(each.rows for each in parts)]),
        np.concatenate([none, *(each.kinds for each in parts)]),
        np.concatenate([none, *(each.steps for each in parts)]),
    )


def _looked_at(table: Table) -> list[str]:
    """The columns of norms, or else those of which the names do not tell."""
    names = [name for name in table.columns if not counts(name)]
    norms = [name for name in names if meaning(name).quantity in LIKED]
    return (norms or names)[:LOOKED_AT]


def _parts(chosen: Sequence[Teller]) -> list[Integers]:
    """The rows of each run, in the order in which the runs first appear."""
    codes = codes_of(chosen)
    found = [rows for rows in grouped(codes, int(codes.max()) + 1) if len(rows)]
    return sorted(found, key=lambda rows: int(rows[0]))


def _of_one_run(table: Table, layout: Layout, chosen: Sequence[Teller], rows: Sequence[Integers]) -> list[int]:
    """For each part of a table the first part with the same numbers, if both are of ranks of one run; else itself."""
    others = _without_ranks(chosen)
    if len(others) == len(chosen):
        return list(range(len(rows)))
    first: dict[tuple[int, ...], list[int]] = {}
    found = []
    for place, part in enumerate(rows):
        key = tuple(int(each.codes[part[0]]) for each in others)
        like = next((each for each in first.get(key, []) if _same(table, layout, rows[each], part)), place)
        if like == place:
            first.setdefault(key, []).append(place)
        found.append(like)
    return found


def _same(table: Table, layout: Layout, one: Integers, other: Integers) -> bool:
    """Whether two parts of a table hold the same norms."""
    if len(one) != len(other):
        return False
    parts = [
        Metrics(table.of(rows), layout).columns() if layout.names or layout.phase else table.of(rows).columns
        for rows in (one, other)
    ]
    names = [[name for name in columns if not counts(name)] for columns in parts]
    norms = [name for name in names[0] if meaning(name).quantity in LIKED] or names[0]
    return names[0] == names[1] and all(
        np.array_equal(parts[0][name].values, parts[1][name].values, equal_nan=True) for name in norms[:LOOKED_AT]
    )


def _without_ranks(chosen: Sequence[Teller]) -> list[Teller]:
    return [each for each in chosen if not is_rank(each.name)]


def _copied(chosen: Sequence[Teller], copies: int) -> Iterator[str]:
    """The note on ranks of which only the first is taken."""
    if copies > 1:
        rank_of = next(shown(each.name) for each in chosen if is_rank(each.name))
        yield f"{copies} values of {rank_of} have the same numbers, as the ranks of one run do: the first is taken"
