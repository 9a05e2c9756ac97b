"""Turns an analysis into plain numbers and strings, for JSON, tables and other processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsFloat

from wcdfa.analysis.fingerprints import fingerprint_of
from wcdfa.analysis.result_types import (
    AlarmResult,
    CouplingResult,
    DiagnosisResult,
    FailedResult,
    OptimizerTest,
    Result,
    RunResult,
    SeriesResult,
    WindowNumbers,
    WindowResult,
)
from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import NothingLogged
from wcdfa.verdicts.diagnosis import SHOWN, Diagnosis
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.norm_coupling import NormCoupling
from wcdfa.verdicts.run_alpha import RunAlpha
from wcdfa.verdicts.single_window import Verdict


def of_run(run: Run, settings: Settings) -> Iterator[Result]:
    """Yield the result of each series of a run; `failed` for a series that cannot be judged."""
    try:
        for series in settings.series(run):
            try:
                yield {**as_json(analyze(series, settings)), "fingerprint": fingerprint_of(series)}
            except ValueError as error:
                yield failed(run.path, error, run.name, series.column)
    except ValueError as error:
        yield failed(run.path, error, run.name)


def failed(path: Path, error: object, run: str = "", series: str | None = None) -> FailedResult:
    """Make the result for a series that could not be read or judged."""
    result: FailedResult = {
        "path": str(path),
        "run": run,
        "series": series,
        "error": str(error),
        "none": isinstance(error, NoSeries),
    }
    if isinstance(error, NoSeries):
        result["advice"] = error.advice
    return {**result, "empty": True} if isinstance(error, NothingLogged) else result


def as_json(analysis: Analysis) -> SeriesResult:
    """Turn an analysis into numbers and strings that `json.dumps` takes, even with ``allow_nan=False``."""
    windows = [_window(analysis, int(start), int(stop), verdict) for start, stop, verdict in zip(*analysis.judged, strict=True)]
    series, last = analysis.series, windows[-1]
    result: SeriesResult = {
        "path": str(series.path),
        "run": series.run,
        "series": series.column,
        "quantity": series.quantity,
        "n": len(series.values),
        "thinned": series.thinned,
        "order": analysis.settings.order,
        "alpha": last["alpha"],
        "stderr": last["stderr"],
        "low": last["low"],
        "high": last["high"],
        "regime": last["regime"],
        "null": last["null"],
        "against_optimizer": _against_optimizer(analysis),
        "explanation": last["explanation"],
        "log": analysis.log,
        "negative": analysis.negative,
        "empty": series.empty,
        "notes": list(series.notes),
        "run_alpha": _run(analysis.run),
        "diagnosis": None if analysis.diagnosis is None else _diagnosis(analysis.diagnosis),
        "alarms": [_alarm(analysis.in_steps(alarm)) for alarm in analysis.alarms],
        "windows": windows,
    }
    return {**result, "couplings": [_coupling(each) for each in analysis.couplings]} if analysis.couplings else result


def _coupling(found: NormCoupling) -> CouplingResult:
    size, rho, low, high = found.clearest
    return {
        "column": found.name,
        "p_value": _number(found.p_value),
        "size": size or None,
        "rho": _number(rho),
        "low": _number(low),
        "high": _number(high),
        "n": found.n,
        "spacing": found.spacing,
        "reason": found.reason,
        "line": str(found),
    }


def _run(run: RunAlpha) -> RunResult:
    return {
        "alpha": _number(run.alpha),
        "low": _number(run.low),
        "high": _number(run.high),
        "regime": run.regime,
        "probabilities": {band: _number(share) for band, share in run.probabilities.items()},
        "reason": run.reason,
    }


def _diagnosis(found: Diagnosis) -> DiagnosisResult:
    return {
        "found": found.found,
        "since": found.since,
        "evidence": list(found.evidence),
        "clear": found.clear,
        "causes": [
            {"name": cause.name, "text": cause.text, "check": cause.check, "weight": cause.weight} for cause in found.causes[:SHOWN]
        ],
        "compared": list(found.compared),
        "not_compared": list(found.not_compared),
    }


def _against_optimizer(analysis: Analysis) -> OptimizerTest:
    run = analysis.judged.run
    return {"windows": run.compared, "p_value": _number(run.p_value), "differing": list(run.differing), "line": str(run)}


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
        "p_value": _number(verdict.p_value),
        "compared": verdict.compared,
        "explained_by": list(verdict.explained_by),
        "explanation": verdict.explanation if verdict.reason is None else verdict.reason,
        "findings": [{"kind": f.kind, "text": f.text, "figure": _number(f.figure)} for f in verdict.findings],
    }


def _number(value: SupportsFloat) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
