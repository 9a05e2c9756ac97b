"""Finds out what the rows of a table are of: the columns with the names and values of metrics in a long ("tidy") table, and the phase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wcdfa.readers.column_choice import LIKED
from wcdfa.readers.columns import Words
from wcdfa.readers.name_tokens import is_rate, meaning, tells_nothing
from wcdfa.readers.selecting import Table, rows_of
from wcdfa.readers.telling_names import METRICS, PHASE, STRONG, counts, holds_names, holds_values, strength, words_of
from wcdfa.support.text import shown

TRAINING = frozenset({"train", "training", "trn", "fit"})
OTHER_PHASES = {"val", "valid", "validation", "validate", "test", "testing", "dev", "predict", "sanity_check"}
OTHER_PHASES |= {"eval", "evaluation", "evaluate"}
MOST_NAMES = 100_000  # of metrics in a table


class Layout(NamedTuple):
    """What a row of a table is of."""

    names: str = ""
    """The column with the names of the metrics; empty if each has a column of its own."""
    values: str = ""
    """The column with their values."""
    phase: str = ""
    """The column that says whether a row is of training, or of validation or a test; empty if there is none."""

    def notes(self) -> Iterator[str]:
        """What was found, in words."""
        if self.names:
            yield f"a long table: {shown(self.names)} holds the names of the metrics, and {shown(self.values)} their values"
        if self.phase:
            yield f"{shown(self.phase)} tells rows of training from others: where both have a value, only those of training have a plain name"


def layout_of(table: Table) -> Layout:
    """Find the column of names, the column of values, and the column of phases.

    >>> import numpy as np
    >>> from wcdfa.readers.columns import Column
    >>> words = Words(("loss", "update_norm"), np.array([0, 1]))
    >>> layout_of(Table({"step": Column(np.array([1.0, 1.0])), "value": Column(np.array([3.0, 0.5]))}, {"tag": words}))
    Layout(names='tag', values='value', phase='')
    """
    names, values = _long(table)
    others = [name for name in table.texts if name != names and words_of(name) & (PHASE | METRICS)]
    return Layout(names, values, next((name for name in others if _are_phases(table.texts[name])), ""))


def _long(table: Table) -> tuple[str, str]:
    """The columns of names and of values; empty if there are none."""
    values = _values(table)
    named = [name for name in table.texts if values and holds_names(name) and len(table.texts[name].distinct) <= MOST_NAMES]
    if len(named) == 1:
        return named[0], values
    others = named or [name for name in table.texts if values and not counts(name) and strength(name, text=True) > STRONG]
    found = [name for name in others if _are_metrics(table.texts[name])]
    return (found[0], values) if len(found) == 1 else ("", "")


def _values(table: Table) -> str:
    """The only column that may hold values of any metric; empty if there is none, or more than one, or a norm has a column of its own."""
    if any(meaning(name).quantity in LIKED for name in table.columns):
        return ""
    called = [name for name in table.columns if holds_values(name)]
    if called:
        return called[0] if len(called) == 1 else ""
    measured = [name for name in table.columns if not counts(name) and strength(name, text=False) > STRONG and not is_rate(name)]
    return measured[0] if len(measured) == 1 and tells_nothing(measured[0]) else ""


def _are_metrics(words: Words) -> bool:
    """Whether text names metrics: at least one norm, loss or rate is among few names."""
    few = 1 < len(words.distinct) <= min(MOST_NAMES, len(words.codes) // 2)
    return few and any(meaning(each).quantity != "unknown" or is_rate(each) for each in words.distinct)


def _are_phases(words: Words) -> bool:
    said = {each.strip().casefold() for each in words.distinct}
    return len(said) > 1 and bool(said & TRAINING) and said <= TRAINING | OTHER_PHASES


def rows_in(table: Table, layout: Layout) -> int:
    """How many rows a table has."""
    for name in (layout.names, layout.phase):
        if name:
            return len(table.texts[name].codes)
    return max((int(rows[-1]) + 1 for name in table.columns if len(rows := rows_of(table.held(name)))), default=0)
