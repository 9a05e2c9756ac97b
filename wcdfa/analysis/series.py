"""A recorded series from the log to the verdict, and all that was found as plain numbers and strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.calibration import Method
from wcdfa.preprocess.preparation import with_usable_rates
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.columns import Run
from wcdfa.readers.series import RecordedSeries, series_of
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.single_window import Verdict
from wcdfa.verdicts.windows import Judged, drifts_of, judged_windows

Plain = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How series are chosen and judged."""

    columns: tuple[str, ...] = ()
    spacing: int = 1
    steps: tuple[int, int] | None = None
    window: int = 500
    stride: int | None = None
    order: int = 1
    method: Method = "robust"
    optimizer: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    lr: float | None = None
    epoch_length: int | None = None
    log: bool | None = None

    def criteria(self, *, log: bool) -> Criteria:
        """How windows are judged; `log` says whether the logarithm is taken, where the settings leave it open."""
        return Criteria.given(
            order=self.order,
            method=self.method,
            log=log if self.log is None else self.log,
            epoch_length=self.epoch_length,
            optimizer=self.optimizer,
            **self.hyperparameters,
        )

    def series(self, run: Run) -> Iterator[RecordedSeries]:
        """Those of a run; raises as `series_of`."""
        first, last = self.steps or (None, None)
        return series_of(run, self.columns, spacing=self.spacing, first=first, last=last)


class Analysis(NamedTuple):
    """What is known of a series; alarms count in its samples."""

    series: RecordedSeries
    settings: Settings
    criteria: Criteria
    judged: Judged
    alarms: tuple[Alarm, ...]

    def step(self, sample: int) -> int:
        """The training step of a sample, the first of which is 1 where the log has no steps."""
        steps = self.series.steps
        return sample + 1 if steps is None else int(steps[min(sample, len(steps) - 1)])

    def in_steps(self, alarm: Alarm) -> Alarm:
        """An alarm in training steps: what it calls one is how many samples had been seen."""
        onset, start = (self.step(max(0, count - 1)) for count in (alarm.onset, alarm.start))
        return alarm._replace(onset=onset, start=start, end=None if alarm.end is None else self.step(max(0, alarm.end - 1)))

    @property
    def log(self) -> bool:
        """Whether the logarithm was taken."""
        return self.criteria.preparation.log

    @property
    def negative(self) -> int:
        """How many values are below 0."""
        return int(np.sum(self.series.values < 0))


def analyze(series: RecordedSeries, settings: Settings, each: Callable[[int, int], None] = lambda done, total: None) -> Analysis:
    """Judge the windows of a series and look for drifts.

    Raises
    ------
    ValueError
        If no window of it can be judged.
    """
    criteria, norms = (
        settings.criteria(log=not np.any(np.isfinite(series.values) & (series.values < 0))),
        judgeable(series, settings),
    )
    known = {"window": settings.window, "lr": norms.lr, "steps": norms.steps}
    judged = judged_windows(norms.values, criteria, stride=settings.stride, each=each, **known)
    return Analysis(series, settings, criteria, judged, drifts_of(norms.values, criteria.preparation, **known))


class Judgeable(NamedTuple):
    """Norms as they are judged: one without a usable rate is missing."""

    values: Any
    lr: Any
    steps: Any


def judgeable(series: RecordedSeries, settings: Settings) -> Judgeable:
    """The norms of a series with their learning rates: those of the settings, or else of the log."""
    if settings.lr is not None or series.lr is None:
        return Judgeable(series.values, settings.lr, series.steps)
    return Judgeable(*with_usable_rates(series.values, series.lr), series.steps)


def of_run(run: Run, settings: Settings) -> Iterator[Plain]:
    """`as_json` of each series of a run; `failed` of one that cannot be judged."""
    try:
        for series in settings.series(run):
            try:
                yield as_json(analyze(series, settings))
            except ValueError as error:
                yield failed(run.path, error, run.name, series.column)
    except ValueError as error:
        yield failed(run.path, error, run.name)


def failed(path: Path, error: object, run: str = "", series: str | None = None) -> Plain:
    """What takes the place of a series that could not be read or judged; "none" says that there was no series by such a name."""
    return {"path": str(path), "run": run, "series": series, "error": str(error), "none": isinstance(error, NoSeries)}


def as_json(analysis: Analysis) -> Plain:
    """One object for the series; α, low, high, regime and the rest are those of its last window."""
    windows = [
        {
            "start": int(start),
            "stop": int(stop),
            "first_step": analysis.step(int(start)),
            "last_step": analysis.step(int(stop) - 1),
            **_verdict(verdict),
        }
        for start, stop, verdict in zip(*analysis.judged, strict=True)
    ]
    series, last = analysis.series, windows[-1]
    return {
        "path": str(series.path),
        "run": series.run,
        "series": series.column,
        "n": len(series.values),
        "order": analysis.settings.order,
        **{name: last[name] for name in ("alpha", "stderr", "low", "high", "regime", "null", "explanation")},
        "log": analysis.log,
        "negative": analysis.negative,
        "empty": series.empty,
        "notes": list(series.notes),
        "alarms": [analysis.in_steps(alarm)._asdict() for alarm in analysis.alarms],
        "windows": windows,
    }


def _verdict(verdict: Verdict) -> Plain:
    result = verdict.result
    return {
        "alpha": _number(verdict.alpha),
        "stderr": None if result is None else _number(result.stderr),
        "low": _number(verdict.low),
        "high": _number(verdict.high),
        "r_squared": None if result is None else _number(result.r_squared),
        "adequacy": None if result is None else _number(result.adequacy),
        "regime": verdict.regime,
        "orders": {str(order): _number(alpha) for order, alpha in verdict.orders.items()},
        "null": None if verdict.null is None else {name: _number(value) for name, value in verdict.null._asdict().items()},
        "explained_by": list(verdict.explained_by),
        "explanation": verdict.explanation if verdict.reason is None else verdict.reason,
        "findings": [{"kind": f.kind, "text": f.text, "figure": _number(f.figure)} for f in verdict.findings],
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
