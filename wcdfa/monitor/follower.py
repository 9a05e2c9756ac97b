"""Follows the log of a run while it is written, and feeds new norms to a monitor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.analysis.diagnosing import recorded_baseline
from wcdfa.analysis.series import Judgeable, Settings, judgeable
from wcdfa.monitor.live_diagnosis import LiveDiagnosis
from wcdfa.monitor.log_choice import FileStates, file_states, first_new, newest_series, same_run, same_series, series_in
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.readers import sources
from wcdfa.readers.formats.unfinished import growing
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.reading import Reading
from wcdfa.support.text import several, without_numbers

BEFORE = 10  # at the first look at a long log, only this many windows are read
QUIET = 5  # if only other logs were written to at this many looks, follow one of them


class News(NamedTuple):
    """The result of one look at the log."""

    fresh: int
    """How many norms are new."""
    said: tuple[str, ...]
    """Messages for the user."""


class Follower:
    r"""Looks at a log again and again, and feeds new norms to a monitor.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "log.csv")
    >>> _ = path.write_text("step,update_norm\n" + "".join(f"{i},{1 + i % 7}\n" for i in range(100)))
    >>> follower = Follower(path, Settings(window=50))
    >>> follower.look().fresh, follower.monitor.n_samples
    (100, 50)
    >>> with path.open("a") as file:
    ...     _ = file.write("100,3\n101,4\n")
    >>> follower.look().fresh, follower.look().fresh
    (2, 0)
    >>> folder.cleanup()

    A log was rotated if its steps continue those before, or if it has no steps and fewer rows than before. All of it is then new, and
    the monitor goes on. If the norms of the last window are gone or changed, it is another run, or a restart has undone them. The
    monitor then starts over with the log as it is now.

    If there are several logs or runs, the follower takes the one that was written last. It changes to another after five looks at which
    only others were written to.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        self.series: RecordedSeries | None = None
        self.watch = Watch(diagnosis=False)
        self._begin(settings.log is not False, apart=1)
        self._states: dict[Path, FileStates] = {}
        self._quiet = 0  # looks at which only other logs had been written to
        self._told = False  # whether the user knows of the others
        self._noted = set[str]()  # notes that were said, without their numbers
        self._varied = False  # whether the last rates were those of the log, one for each norm

    @growing()
    def look(self) -> News:
        """Read what is new.

        Raises
        ------
        ValueError, OSError
            If there is no log, or it cannot be read, for example between a rotation and the first line. What was read before is kept.
        """
        found = {each.path: each for each in sources(self.path, self.settings.pattern)}
        states = {path: file_states(path) for path in found}
        written = {path: each for path, each in found.items() if states[path] != self._states.get(path)}
        if not written:
            return News(0, ())
        held, said = self.series, list[str]()
        if held is None:
            series, start = newest_series(written.values(), self.settings), None
        else:
            series = series_in(written[held.path], self.settings, held.run) if held.path in written else held
            start = first_new(held, series, self.settings.window)
            idle = start == len(series.values)
            self._quiet = self._quiet if idle else 0
            others = [each for path, each in written.items() if idle or path != held.path]
            alike = same_run if held.path in found else same_series  # another logger of the run is no other run
            with suppress(ValueError, OSError):  # another log may be incomplete
                if others and (idle or not self._told) and not alike(other := newest_series(others, self.settings), held):
                    said += [] if self._told else [f"{other.name} is being written too; to follow it, give its own path"]
                    self._quiet, self._told = self._quiet + idle, True
                    if idle and (self._quiet >= QUIET or held.path not in found):
                        series, start = other, None
        self._states, self.series = states, series
        return self._news(held, series, start, said)

    def _news(self, held: RecordedSeries | None, series: RecordedSeries, start: int | None, said: list[str]) -> News:
        """Feed the monitor with the norms from `start` on. With None, start over."""
        same = held is not None and same_series(held, series)
        negative = np.isfinite(series.values) & (series.values < 0)
        ready = judgeable(series, self.settings)
        varied = isinstance(ready.lr, np.ndarray)
        anew = "the log was started over, and so is α"
        if self.settings.log is None and self._log and negative[start or 0 :].any():
            start = None
        if start and self.settings.lr is not None and varied and not self._varied:
            start, anew = None, "the learning rate of the log begins to vary, so it is used, and α is started over"
        self._varied = varied
        if not same:
            self._quiet, self._told = 0, False
            said.append(f"now following {series.name}")
        elif start is None:
            said.append(anew)
        said += self._notes(series, same=same)
        if start is None:
            self._begin(not negative.any() if self.settings.log is None else self.settings.log, series.thinned)
            if negative.any() and not self._log:
                said.append(
                    f"{several(int(np.sum(negative)), 'value is', 'values are')} negative, which no norm is: this may be the logarithm of one; no logarithm is taken"
                )
        said += self._feed(ready, series, start or 0)
        return News(len(series.values) - (start or 0), tuple(said))

    def _notes(self, series: RecordedSeries, *, same: bool) -> Iterator[str]:
        """The notes on the log that were not said before: a number in one may be another at each look."""
        if not same:
            self._noted.clear()
        for note in series.notes:
            if (kind := without_numbers(note)) not in self._noted:
                self._noted.add(kind)
                yield f"note: {note}"

    def _begin(self, log: bool, apart: int) -> None:
        """Forget the run, and begin another one whose norms are so many steps apart."""
        settings = self.settings
        self.monitor = WeightChangeDFA(
            settings.window,
            settings.stride,
            order=settings.order,
            method=settings.method,
            log=log,
            epoch_length=settings.epoch_length,
        )
        self.watch.reset()
        self.live = LiveDiagnosis(None if settings.baseline is None else recorded_baseline(settings.baseline, apart))
        self._log, self._count = log, 0  # how many norms were given to the monitor or passed over

    def _feed(self, ready: Judgeable, series: RecordedSeries, start: int) -> list[str]:
        """Give norms to the monitor, at most a window at a time; from a log that was long at the first look, only the last windows."""
        length, window = len(ready.values), self.settings.window
        first = max(start, length - BEFORE * window)
        if not self._count and ready.steps is not None:  # the monitor counts from 1, but a log may count from 0
            self.monitor.load_state_dict(self.monitor.state_dict() | {"step": int(ready.steps[first]) - 1})
        self._count += first - start
        said: list[str] = []
        for begin in range(first, length, window):
            part = slice(begin, min(begin + window, length))
            self._count += part.stop - begin
            said += self.watch.update(self.monitor, _reading(ready, part, self._count))
            if self.settings.diagnosis and series.quantity == "update norm":
                said += self.live.update(_with_direction(ready, series, part, self._count, self.settings))
        return said


def _reading(ready: Judgeable, part: slice, count: int) -> Reading:
    """A part of a series as a recorder would give it."""
    values = ready.values[part]
    return Reading(
        values,
        count,
        0,
        lr=None if ready.lr is None else np.broadcast_to(ready.lr, ready.values.shape)[part],
        steps=None if ready.steps is None else ready.steps[part],
        gradients=None if ready.gradients is None else ready.gradients[part],
        varying={name: each[part] for name, each in ready.varying.items()},
    )


def _with_direction(ready: Judgeable, series: RecordedSeries, part: slice, count: int, settings: Settings) -> Reading:
    """A part of a series with the direction that was logged, and the optimizer that was named; without what other programs logged."""
    direction, own = series.direction, (series.thinned == 1)
    rule = settings.criteria(log=True).optimizer
    steps = 1 + series.thinned * np.arange(len(ready.values)) if ready.steps is None else ready.steps
    return _reading(ready, part, count)._replace(
        steps=steps[part],
        gradients=None,
        groups={name: values[part] for name, values in direction.groups.items()},
        cosine=direction.cosine[part] if direction.cosine is not None and own else None,
        weight_norm=None if direction.weight_norm is None else direction.weight_norm[part],
        cosines={name: values[part] for name, values in direction.cosines.items()} if own else {},
        optimizer=None if rule is None else rule.name,
        hyperparameters={} if rule is None else {each.name: getattr(rule, each.name) for each in fields(rule)},
    )
