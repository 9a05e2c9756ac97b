"""Finds points between thousands in a table of numbers with points: 1.109 after 999 is 1109 where it counts steps, and may be elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from wcdfa.readers.column_names import quantity_of
from wcdfa.readers.columns import Column, Lazy
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.dialects import Dialect
from wcdfa.readers.formats.heads import Head
from wcdfa.readers.formats.spelled_numbers import may_be_thousands
from wcdfa.readers.step_names import counted_in
from wcdfa.support.text import shown

THOUSAND = 1000
LOOKED_AT = 16  # columns that may count steps
SIGNS = {".": "point", ",": "comma"}


def without_points(columns: Mapping[str, Column]) -> tuple[Mapping[str, Column], list[str]]:
    """The columns, of which those that count steps with a sign between thousands are read so, and notes.

    >>> columns, notes = without_points({"step": Column(np.array([998.0, 999.0, 1.0, 1.001]))})
    >>> columns["step"].values, notes
    (array([ 998.,  999., 1000., 1001.]), ['step counts thousands with a sign between them: 1.000 after 999 is read as 1000'])
    """
    may_count = [name for name in columns if counted_in(name) in ("steps", "samples", "unknown", "rows")]
    found = {name: counted for name in may_count[:LOOKED_AT] if (counted := _counted(columns, name)) is not None}
    notes = [_said(name, columns[name], counted) for name, counted in found.items()]
    return (Lazy(columns, lambda name: found.get(name) or columns[name]) if found else columns), notes


def _counted(columns: Mapping[str, Column], name: str) -> Column | None:
    """The column with numbers from 1,000 on in place of fractions, if it then rises all through and as evenly; None if it has none."""
    try:
        column = columns[name]
    except LogError:  # who asks for it is told why
        return None
    values = column.values
    if len(values) < 2 or not (values[0] >= 0 and values.max() < THOUSAND):  # false if one is NaN
        return None
    first = int(np.argmax(values[1:] < values[:-1])) + 1
    thousands = np.round(values[first:] * THOUSAND)
    read = np.concatenate([values[:first], thousands])
    apart = np.diff(read)
    rises = first > 1 and thousands[0] >= THOUSAND and apart.min() > 0 and apart.max() == apart[: first - 1].max()  # not a restart
    exact = np.array_equal(values[:first], np.round(values[:first])) and np.allclose(
        thousands, values[first:] * THOUSAND, atol=1e-6
    )
    return column._replace(values=read) if rises and exact else None


def _said(name: str, before: Column, counted: Column) -> str:
    first = int(np.argmax(before.values != counted.values))
    return (
        f"{shown(name)} counts thousands with a sign between them: {before.values[first]:.3f} after {counted.values[first - 1]:.0f} is read "
        f"as {counted.values[first]:.0f}"
    )


def doubtful(top: Head, dialect: Dialect) -> Iterator[str]:
    """A note on each norm and loss whose decimal sign may stand between thousands.

    >>> list(doubtful(Head(["grad_norm"], 0, 1, (), [["812"], ["1.109"]]), Dialect()))[0]
    'grad_norm mixes whole numbers with such as 1.109: if its point stands between thousands, α is wrong; write it as 1109'
    """
    named = [(i, name) for i, name in enumerate(top.names) if quantity_of(name) != "unknown"]
    for i, name in islice(named, LOOKED_AT):
        texts = [row[i].strip() for row in top.sample if len(row) == len(top.names) and row[i].strip()]
        if first := may_be_thousands(texts):
            yield (
                f"{shown(name)} mixes whole numbers with such as {first.replace('.', dialect.decimal)}: if its {SIGNS[dialect.decimal]} stands "
                f"between thousands, α is wrong; write it as {first.replace('.', '')}"
            )
