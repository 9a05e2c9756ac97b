"""Finds the ranks in a table that logged the same numbers: they are those of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wcdfa.readers.column_choice import LIKED
from wcdfa.readers.columns import Integers
from wcdfa.readers.layouts import Layout
from wcdfa.readers.long_tables import Metrics
from wcdfa.readers.name_tokens import meaning
from wcdfa.readers.selecting import Table
from wcdfa.readers.splitting import Teller
from wcdfa.readers.telling_names import counts, is_rank
from wcdfa.support.text import shown

LOOKED_AT = 8  # columns that are compared


def of_one_run(table: Table, layout: Layout, chosen: Sequence[Teller], rows: Sequence[Integers]) -> list[int]:
    """For each part of a table the first part with the same numbers, if both are of ranks of one run; else itself."""
    others = without_ranks(chosen)
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


def without_ranks(chosen: Sequence[Teller]) -> list[Teller]:
    """The columns that tell runs apart, and not the processes of one run."""
    return [each for each in chosen if not is_rank(each.name)]


def copied(chosen: Sequence[Teller], copies: int) -> Iterator[str]:
    """The note on ranks of which only the first is taken."""
    if copies > 1:
        rank_of = next(shown(each.name) for each in chosen if is_rank(each.name))
        yield f"{copies} values of {rank_of} have the same numbers, as the ranks of one run do: the first is taken"
