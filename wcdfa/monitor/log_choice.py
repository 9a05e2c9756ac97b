"""Chooses the log to follow in a folder, and finds what is new in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from wcdfa.analysis.agreement import agree
from wcdfa.analysis.fingerprints import fingerprint_of
from wcdfa.analysis.series import Settings
from wcdfa.readers import Source
from wcdfa.readers.column_choice import COLUMN, NoSeries
from wcdfa.readers.errors import LogError, NothingLogged
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import several, shown

NAMED = 5  # runs of a log that are not followed
FileStates = list[tuple[int, int, int]]


def file_states(path: Path) -> FileStates:
    """Size, time and identity of the files of a log. They change whenever the log is written."""
    return [(status.st_size, status.st_mtime_ns, status.st_ino) for status in map(os.stat, _files(path))]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    ahead = path.with_name(f"{path.name}-wal")  # SQLite writes to it first
    return [path, ahead] if ahead.exists() else [path]


def newest_series(found: Iterable[Source], settings: Settings) -> RecordedSeries:
    """The series in the log that was written last, among the logs that hold one.

    Raises
    ------
    NothingLogged
        If there is none, but a log in which nothing is logged yet.
    NoSeries
        If there is neither.
    """
    lacking: list[LogError] = []
    for source in sorted(found, key=lambda each: max(when for _, when, _ in file_states(each.path)), reverse=True):
        try:
            return series_in(source, settings)
        except (NoSeries, NothingLogged) as error:
            lacking.append(error)
    raise next((error for error in lacking if isinstance(error, NothingLogged)), lacking[0])


def series_in(source: Source, settings: Settings, name: str | None = None) -> RecordedSeries:
    """The series of the run with this name; if there is no such run, of the run that began last. A note names the others."""
    runs = list(source.runs())
    followed = next((run for run in runs if run.name == name), runs[-1])
    found = list(settings.series(followed))
    if len(found) > 1:
        msg = f"{shown(source.path)}: {len(found)} series, but only one can be followed: choose it with"
        raise NoSeries(msg, COLUMN)
    others = [shown(run.name) for run in runs if run is not followed]
    return found[0]._replace(notes=(*found[0].notes, _not_followed(others))) if others else found[0]


def _not_followed(names: list[str]) -> str:
    """A note on the other runs of a log, the last ones first."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (
        f"not followed: {several(len(names), 'other run', 'other runs')} of this log, {', '.join(names[: -NAMED - 1 : -1])}{more}"
    )


def same_series(one: RecordedSeries, other: RecordedSeries) -> bool:
    """Whether both come from the same log, run and column."""
    return (one.path, one.run, one.column) == (other.path, other.run, other.column)


def same_run(one: RecordedSeries, other: RecordedSeries) -> bool:
    """Whether both are the same series, or what two loggers write of one run."""
    return same_series(one, other) or agree(fingerprint_of(one), fingerprint_of(other))


def first_new(old: RecordedSeries, new: RecordedSeries, window: int) -> int | None:
    """Where the values begin that only the new series has. None if the last window of the old series is not in it unchanged."""
    if not same_series(old, new) or (old.steps is None) != (new.steps is None):
        return None
    before, now = (np.arange(len(each.values)) if each.steps is None else each.steps for each in (old, new))
    if new.steps is None and len(now) < len(before):
        return 0
    known = np.flatnonzero(before >= now[0])[-window:]
    places = np.minimum(np.searchsorted(now, before[known]), len(now) - 1)
    same = np.array_equal(now[places], before[known]) and np.array_equal(new.values[places], old.values[known], equal_nan=True)
    return int(np.searchsorted(now, before[-1], "right")) if same else None
