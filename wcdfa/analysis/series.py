"""A recorded series from the log to the verdict, and all that was found as plain numbers and strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wcdfa.preprocess.preparation import with_usable_rates
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.columns import Run
from wcdfa.readers.series import RecordedSeries, series_of
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.single_window import Verdict
from wcdfa.verdicts.windows import Judged, drifts, judge

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
    method: str = "robust"
    optimizer: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    lr: float | None = None
    epoch_length: int | None = None
    log: bool | None = None

    def series(self, run: Run) -> Iterator[RecordedSeries]:
        """Those of a run; raises as `series_of`."""
        first, last = self.steps or (None, None)
        return series_of(run, self.columns, spacing=self.spacing, first=first, last=last)


class Analysis(NamedTuple):
    """What is known of a series; alarms count in its samples."""

    series: RecordedSeries
    settings: Settings
    log: bool
    """Whether the logarithm was taken."""
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
    values, options = preparation(series, settings)
    judged = judge(
        values,
        window=settings.window,
        stride=settings.stride,
        order=settings.order,
        method=settings.method,
        optimizer=settings.optimizer,
        each=each,
        **options,
        **settings.hyperparameters,
    )
    return Analysis(series, settings, options["log"], judged, drifts(values, window=settings.window, **options))


def preparation(series: RecordedSeries, settings: Settings) -> tuple[Any, Plain]:
    """The values, and how `wcdfa.preprocess.preparation.prepare` is to be called for their windows; a value without a usable rate is missing."""
    log = bool(np.all(series.values[np.isfinite(series.values)] >= 0)) if settings.log is None else settings.log
    values, rate = series.values, series.lr
    if settings.lr is not None:
        rate = settings.lr
    elif rate is not None:
        values, rate = with_usable_rates(values, rate)
    return values, {"lr": rate, "steps": series.steps, "log": log, "epoch_length": settings.epoch_length}


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
        "regime": verdict.label,
        "orders": {str(order): _number(alpha) for order, alpha in verdict.orders.items()},
        "null": None if verdict.null is None else {name: _number(value) for name, value in verdict.null._asdict().items()},
        "explained_by": list(verdict.explained_by),
        "explanation": verdict.explanation if verdict.label is not None else verdict.findings[-1].text,
        "findings": [{"kind": f.kind, "text": f.text, "figure": _number(f.figure)} for f in verdict.findings],
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
