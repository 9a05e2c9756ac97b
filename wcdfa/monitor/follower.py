"""Follows the log of a run while it is written: what is new in it goes into a monitor."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.analysis.series import Settings
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.readers import Source, sources
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.reading import Reading
from wcdfa.support.text import shown

BEFORE = 10  # windows' lengths that are taken of what was written before
QUIET = 5  # looks at which only others had been written to, until one of them is followed


class News(NamedTuple):
    """What a look at the log has shown."""

    fresh: int  # norms
    said: tuple[str, ...]  # what is to be said of them


class Follower:
    r"""Looks at a log again and again, and feeds a monitor with what is new.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "log.csv")
    >>> _ = path.write_text("step,update_norm\n" + "".join(f"{i},{1 + i % 7}\n" for i in range(100)))
    >>> follower = Follower(path, Settings(window=50))
    >>> follower.look().fresh, follower.monitor.n_samples
    (100, 50)
    >>> with path.open("a") as file:
    ...     _ = file.write("100,3\n101,4\n")
    >>> follower.look().fresh, follower.look().fresh
    (2, 0)

    A log whose steps go on from those before, or that has fewer rows than before and no steps, was rotated: all of it is new, and the
    monitor goes on. Where the norms of the last window are not in it as they were, it is another run, or a restart has undone them:
    the monitor begins anew with what there is now. Of several logs or runs it keeps to the one that was written last at the first
    look, until nothing new has come of it at five looks at which there was of others.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        self.series: RecordedSeries | None = None
        self.watch = Watch()
        self._begin(settings.log is not False)
        self._states: dict[Path, Any] = {}
        self._quiet, self._told = 0, False  # looks at which there was news of others alone; whether they were named

    def look(self) -> News:
        """Read what is new.

        Raises
        ------
        ValueError, OSError
            If there is no log, or it cannot be read: it may be between a rotation and the first line. What was read before is kept.
        """
        found = {each.path: each for each in sources(self.path)}
        states = {path: _state(path) for path in found}
        written = {path: each for path, each in found.items() if states[path] != self._states.get(path)}
        if not written:
            return News(0, ())
        held, said = self.series, list[str]()
        if held is None:
            series, start = _newest(list(written.values()), self.settings), None
        else:
            series = _series(written[held.path], self.settings, held.run) if held.path in written else held
            start = _first_new(held, series, self.settings.window)
            idle = start == len(series.values)
            self._quiet = self._quiet if idle else 0
            others = [each for path, each in written.items() if idle or path != held.path]
            with suppress(ValueError, OSError):  # another may not be whole yet
                if others and (idle or not self._told) and _key(other := _newest(others, self.settings)) != _key(held):
                    said += [] if self._told else [f"{other.name} is written too; give its own path to follow that"]
                    self._quiet, self._told = self._quiet + idle, True
                    if idle and (self._quiet >= QUIET or held.path not in found):
                        series, start = other, None
        self._states, self.series = states, series
        return self._news(held, series, start, said)

    def _news(self, held: RecordedSeries | None, series: RecordedSeries, start: int | None, said: list[str]) -> News:
        """Feed what is new from start on; None: begin anew."""
        same = held is not None and _key(held) == _key(series)
        negative = np.isfinite(series.values) & (series.values < 0)
        if self.settings.log is None and self._log and negative[start or 0 :].any():
            start = None
        if not same:
            self._quiet, self._told = 0, False
            said.append(f"now following {series.name}")
        elif start is None:
            said.append("the log was begun anew, and α with it")
        said += [f"note: {note}" for note in series.notes if held is None or not same or note not in held.notes]
        if start is None:
            self._begin(not negative.any() if self.settings.log is None else self.settings.log)
            if negative.any() and not self._log:
                said.append(f"{np.sum(negative):,} values are negative, so no logarithm is taken; --log insists on one")
        rate, steps = (None if each is None else each[start or 0 :] for each in (series.lr, series.steps))
        said += self._feed(series.values[start or 0 :], rate, steps)
        return News(len(series.values) - (start or 0), tuple(said))

    def _begin(self, log: bool) -> None:
        names = ("window", "stride", "order", "method", "epoch_length")
        self.monitor = WeightChangeDFA(**{name: getattr(self.settings, name) for name in names}, log=log)
        self.watch.reset()
        self._log, self._count = log, 0  # norms that were given to the monitor, or passed over

    def _feed(self, values: Any, rate: Any, steps: Any) -> list[str]:
        """Give them to the monitor, no more at a time than it holds; of a long log that was there before, the last windows."""
        passed = max(0, len(values) - BEFORE * self.settings.window)
        if not self._count and steps is not None:  # the monitor counts from 1, and a log may from 0
            self.monitor.load_state_dict(self.monitor.state_dict() | {"step": int(steps[passed]) - 1})
        self._count += passed
        said: list[str] = []
        for start in range(passed, len(values), self.settings.window):
            part = slice(start, start + self.settings.window)
            chunk = np.asarray(values[part], dtype=np.float64)
            self._count += len(chunk)
            told, rates = (None if each is None else each[part] for each in (steps, rate))
            said += self.watch.update(self.monitor, Reading(chunk, self._count, 0, lr=rates, steps=told))
        return said


def _key(series: RecordedSeries) -> tuple[Path, str, str]:
    return series.path, series.run, series.column


def _first_new(old: RecordedSeries, new: RecordedSeries, window: int) -> int | None:
    """Where that begins which is only in the new; None where the last window of the old is not in it as it was."""
    if _key(old) != _key(new) or (old.steps is None) != (new.steps is None):
        return None
    before, now = (np.arange(len(each.values)) if each.steps is None else each.steps for each in (old, new))
    if new.steps is None and len(now) < len(before):
        return 0
    known = np.flatnonzero(before >= now[0])[-window:]
    places = np.minimum(np.searchsorted(now, before[known]), len(now) - 1)
    same = np.array_equal(now[places], before[known]) and np.array_equal(new.values[places], old.values[known], equal_nan=True)
    return int(np.searchsorted(now, before[-1], "right")) if same else None


def _newest(found: list[Source], settings: Settings) -> RecordedSeries:
    """The series of the log that was written last, of those that hold one."""
    lacking: list[NoSeries] = []
    for source in sorted(found, key=lambda each: max(when for _, when, _ in _state(each.path)), reverse=True):
        try:
            return _series(source, settings)
        except NoSeries as error:
            lacking.append(error)
    raise lacking[0]


def _series(source: Source, settings: Settings, name: str | None = None) -> RecordedSeries:
    """The series of the run by this name, or else of the one that was begun last."""
    runs = list(source.runs())
    found = list(settings.series(next((run for run in runs if run.name == name), runs[-1])))
    if len(found) > 1:
        msg = f"{shown(source.path)}: {len(found)} series, and one can be followed: choose it with --column"
        raise NoSeries(msg)
    return found[0]


def _state(path: Path) -> list[tuple[int, int, int]]:
    """What changes when something is written: size, time and identity of its files."""
    return [(status.st_size, status.st_mtime_ns, status.st_ino) for status in map(os.stat, _files(path))]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    ahead = path.with_name(f"{path.name}-wal")  # of SQLite, which it writes to first
    return [path, ahead] if ahead.exists() else [path]
