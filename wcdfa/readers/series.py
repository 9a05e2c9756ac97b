"""Reads the series in a log: values in the order of their steps, each step once, with learning rate and loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.readers.beside import Beside
from wcdfa.readers.column_choice import NoSeries, choose
from wcdfa.readers.column_names import Names, quantity_of
from wcdfa.readers.columns import Column, Floats, Integers, Run
from wcdfa.readers.direction import LoggedDirection, logged_direction
from wcdfa.readers.discovery import sources
from wcdfa.readers.errors import LogError, NothingLogged
from wcdfa.readers.formats.own_patterns import chosen_by
from wcdfa.readers.limits import require_room
from wcdfa.readers.lone_columns import require_series
from wcdfa.readers.series_notes import notes_on
from wcdfa.readers.spacing import NO_STEPS, spaced
from wcdfa.readers.unread import explained
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

__all__ = ["NO_STEPS", "RecordedSeries", "read_series", "series_of"]


class RecordedSeries(NamedTuple):
    """A logged series, in the order of its steps, each step once."""

    path: Path
    run: str
    """The name of the run if the log holds several; else empty."""
    column: str
    values: Floats
    """(n,)."""
    steps: Integers | None
    """The training step of each value, shape (n,); None if the log has no steps."""
    lr: Floats | None
    """The learning rate at each value, shape (n,); None unless it was logged for every value."""
    loss: Floats | None
    """The loss at each value, shape (n,); None unless it was logged for every value."""
    empty: int
    """How many rows have no value in this column; they are left out."""
    notes: tuple[str, ...]
    """Remarks that a user needs to interpret α."""
    quantity: Quantity = "update norm"
    """What the values are; a reader finds it from the name of the column."""
    thinned: int = 1
    """Optimizer steps from one value to the next; 1 if every step was logged."""
    gradients: Floats | None = None
    """The gradient norm at each value of an update norm, shape (n,); None unless it was logged for every value."""
    varying: Mapping[str, Floats] = {}  # nothing changes it
    """Hyperparameters that vary, at each value: "momentum", shape (n,), and "betas", shape (n, 2); NaN before they were first logged."""
    direction: LoggedDirection = LoggedDirection()
    """What was logged of the direction of the weight change."""
    tool: str = ""
    """The program that wrote the log, as in `wcdfa.readers.tools`; empty if it is not known."""
    identity: str = ""
    """The id that this program gives the run; empty if there is none."""
    optimizer: str | None = None
    """The name of the optimizer, as ``optimizer=`` takes it, if the log holds it."""
    hyperparameters: Mapping[str, object] = {}  # nothing changes it
    beside: Mapping[str, Floats | str] = {}
    """The columns that were asked for, at each value, NaN where there is none, shape (n,); or why there are no values."""

    @property
    def name(self) -> str:
        """Path, run and column, safe to print."""
        return ": ".join(shown(part) for part in (self.path, self.run, self.column) if str(part))


def read_series(
    path: str | Path,
    column: str | None = None,
    *,
    quantity: Quantity | None = None,
    spacing: int | None = None,
    first: int | None = None,
    last: int | None = None,
    pattern: str | None = None,
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
    quantity : "update norm", "gradient norm", "displacement", "loss" or "unknown", optional
        What the series is. Default: what its name tells.
    spacing : int, optional
        Optimizer steps from one value to the next. Default: as many as the steps of the log say.
    first, last : int, optional
        The steps to take, both included.
    pattern : str, optional
        Regular expression that finds the numbers in the lines of a text log, as in `wcdfa.readers.discovery.sources`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is unknown, the file is damaged, its steps are unevenly spaced, no column can be chosen, or there is more than one
        series: the message lists what there is.
    """
    wanted = chosen_by(pattern) if column is None else (column,)
    found = [
        each
        for source in sources(path, pattern)
        for run in source.runs()
        for each in series_of(run, wanted, quantity=quantity, spacing=spacing, first=first, last=last)
    ]
    if len(found) != 1:
        msg = f"{shown(path)}: {len(found)} series, but only one can be read: {', '.join(each.name for each in found)}"
        raise ValueError(msg)
    return found[0]


def series_of(
    run: Run,
    columns: Iterable[str] = (),
    *,
    quantity: Quantity | None = None,
    spacing: int | None = None,
    first: int | None = None,
    last: int | None = None,
    beside: Iterable[str] = (),
) -> Iterator[RecordedSeries]:
    """Read the series of a run, each with what was logged beside it.

    Parameters
    ----------
    run : Run
    columns : iterable of str
        Names or patterns of the series. Default: the one with a usual name for update norms.
    quantity : "update norm", "gradient norm", "displacement", "loss" or "unknown", optional
        What the series is. Default: what its name tells.
    spacing : int, optional
        Optimizer steps from one value to the next. Default: as many as the steps of the log say.
    first, last : int, optional
        The steps to take, both included.
    beside : iterable of str
        Names or patterns of other columns to read with each series, such as "loss".

    Raises
    ------
    ValueError
        If there is no series, one is empty, or its steps are unevenly spaced.
    """
    where, wanted = ": ".join(shown(part) for part in (run.path, run.name) if str(part)), list(columns)
    try:
        names = Names(run.columns)
        for name in choose(run.columns, wanted, run.tool):
            if not wanted:
                require_series(run, name)
            held = quantity or quantity_of(name)
            said = notes_on(run, name, held, told=quantity is not None, chosen=bool(wanted))
            yield _series(run, names, name, held, said, spacing, (first, last), tuple(beside))
    except NoSeries as error:
        raise explained(error, run, wanted).of(where).advised(run.tool) from error
    except LogError as error:
        raise error.of(where) from error
    except MemoryError as error:
        msg = f"{where}: the memory is not enough to read it"
        raise LogError(msg) from error
    except ValueError as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def _series(
    run: Run,
    names: Names,
    name: str,
    quantity: Quantity,
    said: Iterable[str],
    spacing: int | None,
    steps: tuple[int | None, int | None],
    asked: tuple[str, ...],
) -> RecordedSeries:
    column = run.columns[name]
    if not column.values.size:
        msg = f"column {shown(name)!r} is empty"
        raise NothingLogged(msg)
    apart = 1 if quantity == "displacement" else spacing  # it covers the steps between checkpoints, and none are left out
    found = spaced(column, spacing=apart, first=steps[0], last=steps[1], tool=run.tool)
    beside = Beside(run.columns, name, found.steps, names)
    rate, loss = beside.first("rate"), beside.first("loss")
    notes = (*said, *found.notes, *(beside.unused_rate() if rate is None else ()))
    read = RecordedSeries(
        run.path,
        run.name,
        name,
        found.values,
        found.steps,
        rate,
        loss,
        _empty(column),
        notes,
        quantity,
        found.thinned,
        tool=run.tool,
        identity=run.identity,
        optimizer=run.optimizer,
        hyperparameters=run.hyperparameters,
        beside=beside.asked(asked),
    )
    if quantity != "update norm":
        return read
    gradients, noted = beside.gradients()
    direction = logged_direction(beside, name, lambda needed: require_room(needed, _size(run.path), "the groups beside it"))
    return read._replace(gradients=gradients, varying=beside.varying(), direction=direction, notes=(*notes, *noted))


def _size(path: Path) -> int:
    """The bytes of a log, which is a file or the files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def _empty(column: Column) -> int:
    """How many rows before the last value have none."""
    return 0 if column.rows is None else int(column.rows[-1]) + 1 - len(np.unique(column.rows))
