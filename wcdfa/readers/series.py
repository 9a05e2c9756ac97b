"""Reads the series in a log: values in the order of their steps, each step once, with learning rate and loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.readers.beside import beside
from wcdfa.readers.column_choice import choose
from wcdfa.readers.column_names import LOSSES, RATES, kind_of
from wcdfa.readers.columns import Column, Floats, Integers, Run
from wcdfa.readers.discovery import sources
from wcdfa.readers.errors import LogError
from wcdfa.readers.spacing import Spaced, spaced
from wcdfa.support.text import shown

NOTES = {
    "gradient norm": "a gradient norm, not ‖ΔW‖: its α describes another quantity",
    "displacement": "a displacement over many steps, not a step norm: its α describes another quantity",
    "series": "the name does not tell whether this is ‖ΔW‖, and α describes whatever was logged",
}
NO_STEPS = "the log has no steps: each value is taken as one optimizer step"


class RecordedSeries(NamedTuple):
    """A logged series, in the order of its steps, each step once."""

    path: Path
    run: str
    """The name of the run if the log holds several; else empty."""
    column: str
    values: Floats
    """(n,)."""
    steps: Integers | None
    """(n,): the training step of each value; None if the log has no steps."""
    lr: Floats | None
    """(n,): the learning rate at each value; None unless it was logged for every value."""
    loss: Floats | None
    """(n,): the loss at each value; None unless it was logged for every value."""
    empty: int
    """How many rows have no value in this column; they are left out."""
    notes: tuple[str, ...]
    """Remarks that a user needs to interpret α."""

    @property
    def name(self) -> str:
        """Path, run and column, safe to print."""
        return ": ".join(shown(part) for part in (self.path, self.run, self.column) if str(part))


def read_series(
    path: str | Path, column: str | None = None, *, spacing: int = 1, first: int | None = None, last: int | None = None
) -> RecordedSeries:
    r"""Read the series in a log, if there is exactly one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "log.csv")
    ...     _ = log.write_text("step,update_norm,lr\n1,0.5,0.1\n2,0.25,0.1\n")
    ...     series = read_series(log)
    >>> series.column, series.values, series.steps
    ('update_norm', array([0.5 , 0.25]), array([1, 2]))

    Parameters
    ----------
    path : path
        A file or folder of a kind that `wcdfa.readers.discovery.sources` knows.
    column : str, optional
        The name of the series, or a pattern that matches only it. Default: the only column, or the one with a usual name for
        update norms.
    spacing, first, last : int, optional
        How far apart the steps are, and which to take; see `wcdfa.readers.spacing.spaced`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is unknown, the file is damaged, only some of its steps were logged, no column can be chosen, or there is more than
        one series: the message lists what there is.
    """
    wanted = [] if column is None else [column]
    found = [
        each
        for source in sources(path)
        for run in source.runs()
        for each in series_of(run, wanted, spacing=spacing, first=first, last=last)
    ]
    if len(found) != 1:
        msg = f"{shown(path)}: {len(found)} series, but only one can be read: {', '.join(each.name for each in found)}"
        raise ValueError(msg)
    return found[0]


def series_of(
    run: Run, columns: Iterable[str] = (), *, spacing: int = 1, first: int | None = None, last: int | None = None
) -> Iterator[RecordedSeries]:
    """Read the series of a run, each with its learning rate and loss.

    Parameters
    ----------
    run : Run
    columns : iterable of str
        Names or patterns of the series. Default: the one with a usual name for update norms.
    spacing, first, last : int, optional
        How far apart the steps are, and which to take; see `wcdfa.readers.spacing.spaced`.

    Raises
    ------
    ValueError
        If there is no series, one is empty, or only some of its steps were logged.
    """
    where = ": ".join(shown(part) for part in (run.path, run.name) if str(part))
    try:
        for name in choose(run.columns, columns):
            yield _series(run, name, spacing, first, last)
    except LogError as error:
        raise error.of(where) from error
    except ValueError as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def _series(run: Run, name: str, spacing: int, first: int | None, last: int | None) -> RecordedSeries:
    column = run.columns[name]
    if not column.values.size:
        msg = f"column {shown(name)!r} is empty"
        raise ValueError(msg)
    apart = None if spacing == 1 and kind_of(name) == "displacement" else spacing  # checkpoints are many steps apart
    found = spaced(column, spacing=apart, first=first, last=last)
    rate, loss = (beside(run.columns, known, name, column, found.steps) for known in (RATES, LOSSES))
    notes = tuple(_notes(run, name, column, found))
    return RecordedSeries(run.path, run.name, name, found.values, found.steps, rate, loss, _empty(column), notes)


def _notes(run: Run, name: str, column: Column, found: Spaced) -> Iterator[str]:
    yield from run.notes
    yield from column.notes
    kind = kind_of(name)
    told = kind == "displacement" and any("not a step norm" in note for note in run.notes)  # the reader of checkpoints has said so
    if kind in NOTES and not told:
        yield NOTES[kind]
    if found.steps is None:
        yield NO_STEPS
    yield from found.notes


def _empty(column: Column) -> int:
    """How many rows before the last value have none."""
    return 0 if column.rows is None else int(column.rows[-1]) + 1 - len(np.unique(column.rows))
