"""What was found of a series as plain numbers and strings: for JSON, for tables, and for results that travel between processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NotRequired, SupportsFloat, TypedDict, final

from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.columns import Run
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.regime import Regime
from wcdfa.verdicts.single_window import Verdict


class FindingResult(TypedDict):
    """One finding of a window."""

    kind: str
    text: str
    figure: float | None


class WindowNumbers(TypedDict):
    """α of a window with its verdict; a number that does not exist is None."""

    alpha: float | None
    stderr: float | None
    low: float | None
    high: float | None
    r_squared: float | None
    adequacy: float | None
    regime: Regime | None
    orders: dict[str, float | None]
    """α by detrending order."""
    null: dict[str, float | None] | None
    """α against that of the optimizer alone, as in `wcdfa.nulls.NullResult`; None where no optimizer was named."""
    explained_by: list[str]
    explanation: str
    """What explains α; where there is no α, why."""
    findings: list[FindingResult]


class WindowResult(WindowNumbers):
    """A window: samples [start, stop), from 0, and its first and last training step."""

    start: int
    stop: int
    first_step: int
    last_step: int


class AlarmResult(TypedDict):
    """A drift, in training steps, as in `wcdfa.Alarm`."""

    start: int
    end: int | None
    onset: int
    direction: str
    alpha: float
    threshold: float


@final
class SeriesResult(TypedDict):
    """A series that was judged; α, low, high, regime and the like are those of its last window."""

    path: str
    run: str
    series: str
    n: int
    order: int
    alpha: float | None
    stderr: float | None
    low: float | None
    high: float | None
    regime: Regime | None
    null: dict[str, float | None] | None
    explanation: str
    log: bool
    negative: int
    empty: int
    notes: list[str]
    alarms: list[AlarmResult]
    windows: list[WindowResult]
    group: NotRequired[str | None]
    """The group of runs that the command line found it to be in."""


@final
class FailedResult(TypedDict):
    """A series, run or log that could not be read or judged."""

    path: str
    run: str
    series: str | None
    error: str
    none: bool
    """Whether the log can be read, and only has no series of the name that was asked for."""
    group: NotRequired[str | None]


Result = SeriesResult | FailedResult


def of_run(run: Run, settings: Settings) -> Iterator[Result]:
    """The result of each series of a run; `failed` of one that cannot be judged."""
    try:
        for series in settings.series(run):
            try:
                yield as_json(analyze(series, settings))
            except ValueError as error:
                yield failed(run.path, error, run.name, series.column)
    except ValueError as error:
        yield failed(run.path, error, run.name)


def failed(path: Path, error: object, run: str = "", series: str | None = None) -> FailedResult:
    """What stands for a series that could not be read or judged."""
    return {"path": str(path), "run": run, "series": series, "error": str(error), "none": isinstance(error, NoSeries)}


def as_json(analysis: Analysis) -> SeriesResult:
    """All that was found of a series, as numbers and strings that `json.dumps` takes with ``allow_nan=False``."""
    windows = [_window(analysis, int(start), int(stop), verdict) for start, stop, verdict in zip(*analysis.judged, strict=True)]
    series, last = analysis.series, windows[-1]
    return {
        "path": str(series.path),
        "run": series.run,
        "series": series.column,
        "n": len(series.values),
        "order": analysis.settings.order,
        "alpha": last["alpha"],
        "stderr": last["stderr"],
        "low": last["low"],
        "high": last["high"],
        "regime": last["regime"],
        "null": last["null"],
        "explanation": last["explanation"],
        "log": analysis.log,
        "negative": analysis.negative,
        "empty": series.empty,
        "notes": list(series.notes),
        "alarms": [_alarm(analysis.in_steps(alarm)) for alarm in analysis.alarms],
        "windows": windows,
    }


def _alarm(alarm: Alarm) -> AlarmResult:
    return {
        "start": alarm.start,
        "end": alarm.end,
        "onset": alarm.onset,
        "direction": alarm.direction,
        "alpha": alarm.alpha,
        "threshold": alarm.threshold,
    }


def _window(analysis: Analysis, start: int, stop: int, verdict: Verdict) -> WindowResult:
    return {
        "start": start,
        "stop": stop,
        "first_step": analysis.step(start),
        "last_step": analysis.step(stop - 1),
        **_numbers(verdict),
    }


def _numbers(verdict: Verdict) -> WindowNumbers:
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


def _number(value: SupportsFloat) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
