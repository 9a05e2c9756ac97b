"""Gives each value of a log its training step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from wcdfa.readers.columns import Column, Lazy
from wcdfa.readers.step_columns import COUNTED, ENOUGH, Axis, Places, StepColumns, places_of
from wcdfa.readers.step_names import COUNTER, is_ours, rank
from wcdfa.readers.step_values import IN_ORDER, are_dates, dates
from wcdfa.support.text import several, shown

__all__ = ["COUNTED", "COUNTER", "is_ours", "rank", "with_steps"]

TEXT = "{name} holds dates or text and no numbers, {order}"


def with_steps(columns: Mapping[str, Column], axes: Mapping[str, str] = {}, others: Iterable[str] = ()) -> Mapping[str, Column]:
    """Give each column the steps of its rows.

    >>> found = with_steps({"iter_num": Column(np.array([0.0, 10.0, 20.0])), "norm": Column(np.array([0.5, 0.25, 0.75]))})["norm"]
    >>> found.steps, found.notes
    (array([ 0, 10, 20]), ('iter_num is taken as the training step',))

    The steps come from the first column with a usual name that has one in each row of the column, or else from the one that has most.
    If none has one in half of the rows, they come from a column whose numbers count steps. If there are columns with a usual name but
    their numbers cannot be understood, reading a column raises a ValueError.

    Parameters
    ----------
    columns : mapping of str to Column
    axes : mapping of str to str
        Columns of steps that the log itself names, by the patterns of the columns that they belong to. They come first.
    others : iterable of str
        The names of columns in the log that hold no numbers; names that `columns` has too are ignored.
    """
    found = StepColumns(columns, axes)
    texts = [name for name in others if name not in columns and rank(name) is not None]

    def read(name: str) -> Column:
        column = columns[name]
        if rank(name) is not None:
            return column
        rows = range(len(column.values)) if column.rows is None else column.rows
        stepped, axis = _stepped(name, column, rows, found.of(name, rows))
        notes = stepped.notes if axis is not None else tuple(_without(found, texts))
        return stepped._replace(notes=(*notes, *found.remarks(rows, axis)))

    return Lazy(columns, read)


def _stepped(name: str, column: Column, rows: Places, usable: Iterator[Axis]) -> tuple[Column, Axis | None]:
    """The column with its steps, and where they are from; without them if too few of its rows have one."""
    best, chosen = 0.0, None
    for axis in usable:
        share = axis.share(rows)
        if share > best:
            best, chosen = share, axis
        if share == 1:
            break
    if chosen is None or best < ENOUGH:
        return column, None
    there, steps = chosen.at(rows)
    if best == 1:
        return column._replace(steps=steps, notes=chosen.notes), chosen
    gone = int(np.sum(~there))
    note = f"{several(gone, 'value', 'values')} of {shown(name)} {'has no step and was' if gone == 1 else 'have no step and were'} left out"
    return Column(column.values[there], steps[there], places_of(rows)[there], (note, *chosen.notes)), chosen


def _without(found: StepColumns, texts: Iterable[str]) -> Iterator[str]:
    """Why a log has no steps. Raises if a column has the name of steps but other numbers: steps may then have been left out."""
    for name in (each for each in found.named if not is_ours(each)):
        column = found.columns[name]
        notes = (dates(name),) if are_dates(column.values) else found.meant(name).notes
        if notes:
            yield notes[0]
            return
        if found.meant(name).steps is None and len(column.values) > 1:
            msg = (
                f"column {shown(name)!r} holds no training steps that can be understood ({column.values[0]:g}, {column.values[1]:g}, …), "
                "so it is not known whether steps were left out; log whole numbers, or a log without that column, in which each value "
                "is one optimizer step"
            )
            raise ValueError(msg)
    yield from (TEXT.format(name=shown(name), order=IN_ORDER) for name in texts)
