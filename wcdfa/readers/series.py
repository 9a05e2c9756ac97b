"""..."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.readers.column_choice import LOSSES, RATES, NoSeries, beside, choose, kind_of
from wcdfa.readers.columns import Run
from wcdfa.readers.discovery import sources
from wcdfa.readers.spacing import Subsampled, spaced
from wcdfa.support.text import shown

NOTES = {
    "gradient norm": "a gradient norm, not ‖ΔW‖: its α is that of another quantity",
    "displacement": "a displacement over many steps, not a step norm: its α is that of another quantity",
    "series": "whether this is ‖ΔW‖ its name does not say: α is that of what it is",
}


NO_STEPS = "the log has no steps: each value is taken for that of one optimizer step"


class RecordedSeries(NamedTuple):
    """A series as it was logged, once in the order of its steps."""

    path: Path
    run: str  # where the log holds several; else empty
    column: str
    values: Any  # (n,)
    steps: Any  # (n,), of each value; None where the log has none
    lr: Any  # (n,), the learning rate of each; None where the log has none for each
    loss: Any  # (n,), likewise
    empty: int  # rows without a value in this column, which are left out
    notes: tuple[str, ...]  # what its reader must know

    @property
    def name(self) -> str:
        """Path, run and column, fit to be shown."""
        return ": ".join(shown(part) for part in (self.path, self.run, self.column) if str(part))


def read_series(path: str | Path, column: str | None = None, **options: Any) -> RecordedSeries:
    """Read the one series in a log.

    Without `column`: the only one there is, or the one named as update norms usually are.

    Parameters
    ----------
    path : path
        A file or folder of any of the kinds that `sources` knows.
    column : str, optional
    **options
        As of `series_of`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is unknown, the file damaged, only some of its steps were logged, no column can be chosen, or there is more than
        one series: the message lists what there is.
    """
    found = [
        each
        for source in sources(path)
        for run in source.runs()
        for each in series_of(run, [] if column is None else [column], **options)
    ]
    if len(found) != 1:
        msg = f"{shown(path)}: {len(found)} series, and one was asked for: {', '.join(each.name for each in found)}"
        raise ValueError(msg)
    return found[0]


def series_of(
    run: Run, columns: Iterable[str] = (), *, spacing: int = 1, first: int | None = None, last: int | None = None
) -> Iterator[RecordedSeries]:
    """The series of a run, each with learning rate and loss beside it.

    Parameters
    ----------
    run : Run
    columns : patterns
        Which; by default the one that is named as update norms usually are.
    spacing, first, last
        As of `wcdfa.readers.spacing.spaced`.

    Raises
    ------
    ValueError
        If there is none, it is empty, or only some of its steps were logged.
    """
    where = ": ".join(shown(part) for part in (run.path, run.name) if str(part))
    try:
        for name in choose(run.columns, columns):
            column = run.columns[name]
            if not column.values.size:
                msg = f"column {shown(name)!r} is empty"
                raise ValueError(msg)
            apart = None if spacing == 1 and kind_of(name) == "displacement" else spacing  # checkpoints lie apart
            values, steps, notes = spaced(column, spacing=apart, first=first, last=last)
            rate, loss = (beside(run.columns, known, name, column, steps) for known in (RATES, LOSSES))
            kind = NOTES.get(kind_of(name))
            if kind_of(name) == "displacement" and any("not a step norm" in note for note in run.notes):
                kind = None  # its reader has said it
            said = (*run.notes, *column.notes, *([kind] if kind else []), *([NO_STEPS] if steps is None else []), *notes)
            empty = 0 if column.rows is None else int(column.rows[-1]) + 1 - len(np.unique(column.rows))
            yield RecordedSeries(run.path, run.name, name, values, steps, rate, loss, empty, said)
    except ValueError as error:
        msg = f"{where}: {error}"
        kind_of_error = type(error) if isinstance(error, (NoSeries, Subsampled)) else ValueError
        raise kind_of_error(msg) from error
