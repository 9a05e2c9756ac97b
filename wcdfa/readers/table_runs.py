"""Finds the runs in a log of rows: the series of a long table, and several runs, seeds or ranks in one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import numpy as np

from wcdfa.readers.columns import Column, Integers, Lazy, Run, Words
from wcdfa.readers.layouts import Layout, layout_of, rows_in
from wcdfa.readers.long_tables import Metrics, grouped
from wcdfa.readers.rising import rises
from wcdfa.readers.same_ranks import copied, of_one_run, without_ranks
from wcdfa.readers.selecting import Table, rows_of
from wcdfa.readers.splitting import Teller, called, codes_of, tellers, telling
from wcdfa.readers.table_steps import epochs_of, steps_of, values_of
from wcdfa.readers.telling_names import STRONG, SURE, strength
from wcdfa.support.text import shown

KEPT = 8  # columns of text that are kept while the runs are found


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
    same = of_one_run(table, layout, chosen, parts)
    for place, rows in enumerate(parts):
        if same[place] == place:
            telling_it = without_ranks(chosen) if same.count(place) > 1 else chosen
            notes = (*layout.notes(), *copied(chosen, same.count(place)), *_divided(telling_it, len(set(same))))
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
    steps, besides = steps_of(table), set(metrics.layout)
    if steps is None:
        return list(islice(_strong(table, metrics.layout, besides), 1))
    if not metrics.layout.names and not metrics.layout.phase and rises(steps.values):
        return []
    values = values_of(table, metrics, steps)
    if not values.repeated():
        return []
    rows = int(rows_of(steps)[-1]) + 1  # what has no step is left out
    return telling(list(tellers(table, rows, besides)), values, epochs_of(table, rows))


def _strong(table: Table, layout: Layout, besides: set[str]) -> Iterator[Teller]:
    """The columns that tell runs apart by their names and have a value in each row."""
    if any(strength(name, text=name in table.texts) <= STRONG for name in (*table.texts, *table.columns) if name not in besides):
        yield from (each for each in tellers(table, rows_in(table, layout), besides, STRONG) if (each.codes >= 0).all())


def _parts(chosen: Sequence[Teller]) -> list[Integers]:
    """The rows of each run, in the order in which the runs first appear."""
    codes = codes_of(chosen)
    found = [rows for rows in grouped(codes, int(codes.max()) + 1) if len(rows)]
    return sorted(found, key=lambda rows: int(rows[0]))
