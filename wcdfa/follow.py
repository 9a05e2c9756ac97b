"""Follows the log of a run while it is written: what is new in it goes into a monitor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.analysis import Settings
from wcdfa.monitor import WeightChangeDFA
from wcdfa.names import shown
from wcdfa.readers import RecordedSeries, Source, sources
from wcdfa.ring import Reading
from wcdfa.watch import Watch

BEFORE = 10  # windows' lengths that are taken of what was written before


class News(NamedTuple):
    """What a look at the log has shown."""

    fresh: int
    """How many norms are new."""
    said: tuple[str, ...]
    """What is to be said of them."""


class Follower:
    r"""Looks at a log again and again, and feeds a monitor with what is new.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "log.csv")
    >>> _ = path.write_text("step,update_norm\\n" + "".join(f"{i},{1 + i % 7}\\n" for i in range(100)))
    >>> follower = Follower(path, Settings(window=50))
    >>> follower.look().fresh, follower.monitor.n_samples
    (100, 50)
    >>> with path.open("a") as file:
    ...     _ = file.write("100,3\\n101,4\\n")
    >>> follower.look().fresh, follower.look().fresh
    (2, 0)

    A log whose steps begin again, or that has fewer rows than before and no steps, was begun anew, by a rotation or by another run:
    where its steps go on from those before, so does the monitor; else it begins anew.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        self.series: RecordedSeries | None = None
        self.monitor = WeightChangeDFA(
            window=settings.window,
            stride=settings.stride,
            order=settings.order,
            method=settings.method,
            epoch_length=settings.epoch_length,
            log=settings.log is not False,
        )
        self.watch = Watch()
        self._count = 0  # norms that were given to the monitor, or passed over before it began
        self._rows = 0  # of the log that have been seen, where it has no steps
        self._last: int | None = None  # training step
        self._offset = 0
        self._seen: Any = None

    def look(self) -> News:
        """Read what is new.

        Raises
        ------
        ValueError, OSError
            If there is no log, or it cannot be read: it may be between a rotation and the first line. What was read before is kept.
        """
        found = sources(self.path)
        source = max(found, key=lambda each: _changed(each.path)) if len(found) > 1 else found[0]
        seen = _state(source)
        if seen == self._seen:
            return News(0, ())
        series = _newest(source, self.settings)
        self._seen = seen
        notes = [note for note in series.notes if self.series is None or note not in self.series.notes]
        self.series = series
        values, rate, steps, begun = self._fresh(series)
        said = [f"note: {note}" for note in notes] + (["the log was begun anew, and α with it"] if begun else [])
        said += self._feed(values, rate, steps)
        return News(len(values), tuple(said))

    def _fresh(self, series: RecordedSeries) -> tuple[Any, Any, Any, bool]:
        """Values, learning rates and steps that are new, and whether the run was begun anew."""
        begun = False
        if series.steps is None:
            start = self._rows if len(series.values) >= self._rows else 0
            self._rows = len(series.values)
            fresh = slice(start, None)
        else:
            if self._last is not None and series.steps[-1] < self._last:
                begun = True
                self._begin()
            fresh = slice(0 if self._last is None else int(np.searchsorted(series.steps, self._last, "right")), None)
        parts = [None if each is None else each[fresh] for each in (series.values, series.lr, series.steps)]
        return parts[0], parts[1], parts[2], begun

    def _begin(self) -> None:
        self.monitor.reset()
        self.watch.reset()
        self._count, self._last = 0, None

    def _feed(self, values: Any, rate: Any, steps: Any) -> list[str]:
        """Give them to the monitor, no more at a time than it holds; of a long log that was there before, the last windows."""
        if self._last is None and steps is not None:
            self._offset = max(0, 1 - int(steps[0]))  # the monitor counts from 1
        passed = max(0, len(values) - BEFORE * self.settings.window)
        said: list[str] = []
        for start in range(passed, len(values), self.settings.window):
            part = slice(start, start + self.settings.window)
            chunk = np.asarray(values[part], dtype=np.float64)
            self._count += len(chunk)
            told = None if steps is None else steps[part] + self._offset
            rates = None if rate is None else rate[part]
            said += self.watch.update(self.monitor, Reading(chunk, self._count, 0, lr=rates, steps=told))
        if steps is not None and len(steps):
            self._last = int(steps[-1])
        return said


def _newest(source: Source, settings: Settings) -> RecordedSeries:
    """The series of the run that was begun last."""
    *_, run = source.runs()
    found = list(settings.series(run))
    if len(found) > 1:
        msg = f"{shown(source.path)}: {len(found)} series, and one can be followed: choose it with --column"
        raise ValueError(msg)
    return found[0]


def _state(source: Source) -> Any:
    """What changes when something is written: size, time and identity of its files."""
    return [(status.st_size, status.st_mtime_ns, status.st_ino) for status in map(os.stat, _files(source.path))]


def _changed(path: Path) -> int:
    return max((os.stat(file).st_mtime_ns for file in _files(path)), default=0)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    ahead = path.with_name(f"{path.name}-wal")  # of SQLite, which it writes to first
    return [path, ahead] if ahead.exists() else [path]
