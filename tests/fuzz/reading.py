"""Reads a log as a user would, and notes what came of it: series, named errors, or something that no reader may do."""

from __future__ import annotations

import gc
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from wcdfa.readers import Source, read_series, sources
from wcdfa.readers.columns import Run
from wcdfa.readers.series import RecordedSeries, series_of

T = TypeVar("T")
COLUMNS = 12  # of each run that are read beside the series
LONGEST = 20_000  # characters of an error


@dataclass
class Read:
    """What came of reading a log."""

    series: list[RecordedSeries] = field(default_factory=list)
    """Those of the wanted column."""
    errors: list[str] = field(default_factory=list)
    """Named errors of the log, or of that column."""
    others: list[str] = field(default_factory=list)
    """Named errors of the other columns, and of reading without a name."""
    uncaught: list[str] = field(default_factory=list)
    """Exceptions that no reader may raise, warnings, and errors that do not say what is wrong."""

    columns: set[str] = field(default_factory=set)
    """The names of all columns."""
    parts: list[Read] = field(default_factory=list)
    """What came of each log, in a folder of several."""

    def longest(self) -> RecordedSeries | None:
        """The longest of the series."""
        return max(self.series, key=lambda series: len(series.values), default=None)


def read(path: Path, column: str) -> Read:
    """Read all that there is at a path, and the wanted column first."""
    found = Read()
    with listening(found):
        for source in attempt(found, lambda: sources(path)) or []:
            read_source(found, source, column)
        attempt(found, lambda: read_series(path), beside=True)
    return found


@contextmanager
def listening(found: Read) -> Iterator[None]:
    """Note warnings, of files that are not closed too."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        gc.collect(0)
    found.uncaught += [f"{each.category.__name__}: {each.message}" for each in warned]


def read_source(found: Read, source: Source, column: str) -> None:
    """Read all runs of a log, and the wanted column first."""
    runs = source.runs()
    while (run := attempt(found, lambda: next(runs, None))) is not None:
        _read_run(found, run, column)
    runs.close()  # type: ignore[attr-defined] # it is a generator


def _read_run(found: Read, run: Run, column: str) -> None:
    names = attempt(found, lambda: list(run.columns)) or []
    found.columns.update(names)
    series = attempt(found, lambda: _one(run, column))
    found.series += [] if series is None else [series]
    for name in names[:COLUMNS]:
        attempt(found, lambda name=name: _one(run, name), beside=True)  # type: ignore[misc]


def _one(run: Run, name: str) -> RecordedSeries:
    return next(each for each in series_of(run, [name]) if each.column == name or name not in run.columns)


def attempt(found: Read, do: Callable[[], T], *, beside: bool = False) -> T | None:
    """What a function returns; None if it raises, and the error is noted."""
    try:
        return do()
    except (ValueError, OSError) as error:
        said = str(error)
        if isinstance(error, UnicodeError) or not said.strip() or len(said) > LONGEST:
            found.uncaught.append(_where(error))
        else:
            (found.others if beside else found.errors).append(f"{type(error).__name__}: {said}")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        found.uncaught.append(_where(error))
    return None


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "wcdfa" in frame.filename and "fuzz" not in frame.filename] or frames
    return f"{type(error).__name__}: {str(error)[:200]} ({Path(own[-1].filename).name}:{own[-1].lineno})"
