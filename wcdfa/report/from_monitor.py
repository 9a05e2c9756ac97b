"""The report of a monitor, from every α that it has computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wcdfa.inference.calibration_tables import method_sizes
from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.spread import spread
from wcdfa.nulls.nulls import compare, optimizer_alphas
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import History, Past
from wcdfa.recording.reading import Reading
from wcdfa.report.groups import Groups
from wcdfa.report.sections import Section, line, named
from wcdfa.report.windows import Curve, Measuring, Window, windows_of
from wcdfa.verdicts.drift import drift_alarms
from wcdfa.verdicts.findings import describe, of_optimizer
from wcdfa.verdicts.regime import failure_modes, label
from wcdfa.verdicts.sentences import no_drift
from wcdfa.verdicts.single_window import Verdict, undefined
from wcdfa.verdicts.windows import VERDICT_ONLY

PARTIAL = (
    "a monitor keeps every α and F(s), and the norms of its last window only: findings that need norms are those of the last window; "
    "wcdfa report on a log of all norms has them for each"
)
NOT_COMPARED = "not compared with the optimizer, which alone may give this: name it with optimizer="
GONE = "why there is no α was not kept"


def of_optimizer_only(options: Mapping[str, Any]) -> None:
    """Refuse options that would have the last window measured otherwise than those before it."""
    if other := sorted({*VERDICT_ONLY, "log", "method", "null", "order", "replicates", "seed", "steps"} & set(options)):
        msg = f"a report takes what names the optimizer, and {', '.join(other)} is set where the monitor is made, or for verdict() alone"
        raise TypeError(msg)


def section_of_monitor(
    name: str, reading: Reading, history: History, now: Verdict, settings: Mapping[str, Any], options: Mapping[str, Any]
) -> Section:
    """What a monitor knows of its run.

    Parameters
    ----------
    name : str
    reading : Reading
        The norms in its window.
    history : History
        The last α of which is that of these norms.
    now : Verdict
        On these norms.
    settings : {name: value}
        "window", "stride", "order", "method", "confidence", "log", "epoch_length" and "thresholds".
    options : {name: value}
        Of `wcdfa.verdict`, that name the optimizer.
    """
    history = _since_restart(history)
    optimizer, hyperparameters = _optimizer(reading, options)
    measuring = Measuring(
        settings["window"], settings["order"], settings["method"], describe(optimizer, hyperparameters), settings["confidence"]
    )
    alphas = _null(reading, options, optimizer, hyperparameters, settings)
    past = [_past(each, measuring, settings["thresholds"], alphas) for each in history.groups[ALL]]
    spans = [(curve.first_step, curve.last_step) for curve in history.curves]
    windows = [_with_curve(window, history, i, measuring) for i, window in enumerate(windows_of(past[:-1], spans[:-1], measuring))]
    windows += windows_of([now], spans[-1:], measuring)
    numbers = history.numbers(ALL)
    stops = [last for _, last in spans]
    length = int(np.median([last - first + 1 for first, last in spans]))  # in steps, of which not each need have been recorded
    alarms = drift_alarms(numbers[0], numbers[1], stops, window=length)
    lines = [line("‖ΔW‖", reading.steps, reading.norms)]
    if reading.lr is not None and np.isfinite(reading.lr).any():
        lines.append(line("learning rate", reading.steps, reading.lr))
    notes = [PARTIAL] if len(past) > 1 else []
    if optimizer is None:
        notes.append(NOT_COMPARED)
    elif alphas is None and len(past) > 1:
        notes.append(
            "the learning rate varies, and was kept of the last window only: those before it are not compared with the optimizer"
        )
    if reading.skipped:
        notes.append(f"{int(reading.skipped):,} norms of 0 were no steps and are not among the norms")
    said = {
        "window": f"{settings['window']:,} steps",
        "stride": "as a callable says" if callable(settings["stride"]) else f"{settings['stride']:,} steps",
        "detrending order": str(settings["order"]),
        "method": settings["method"],
        "confidence": f"{settings['confidence']:g}",
        "logarithm": "taken" if settings["log"] else "not taken",
        "optimizer": named(measuring.optimizer if optimizer else None, hyperparameters),
        "epoch length": "not given" if settings["epoch_length"] is None else f"{settings['epoch_length']:,} steps",
    }
    untested = no_drift(stops[-1] - spans[0][0] + 1, length, known=bool(np.isfinite(numbers[0]).any()))
    shown = Section(name, int(reading.steps[-1]), windows, lines, _groups(history), alarms, notes, said, untested)
    return shown._replace(thresholds=settings["thresholds"], confidence=settings["confidence"])


def _since_restart(history: History) -> History:
    """Without what was before the steps began anew."""
    stops = [curve.last_step for curve in history.curves]
    back = max((i for i in range(1, len(stops)) if stops[i] <= stops[i - 1]), default=0)
    kept = history.copy()
    kept.curves = kept.curves[back:]
    kept.groups = {name: past[-len(kept.curves) :] for name, past in kept.groups.items()}
    return kept


def _optimizer(reading: Reading, options: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    optimizer = options.get("optimizer", reading.optimizer)
    known = dict(reading.hyperparameters) if optimizer is not None and optimizer == reading.optimizer else {}
    given = {name: value for name, value in options.items() if name not in ("optimizer", "lr")}
    return optimizer, known | given


def _null(
    reading: Reading,
    options: Mapping[str, Any],
    optimizer: str | None,
    hyperparameters: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Any:
    """α of the optimizer alone in a window; None where none is known, or the rate varies, and the windows differ in it."""
    rate = options.get("lr", reading.lr)
    known = np.asarray(math.nan if rate is None else rate, dtype=np.float64)
    known = known[np.isfinite(known) & (known > 0)]  # others are none, as in the verdict
    if optimizer is None or (known.size and np.ptp(known) > 0):
        return None
    how = {name: settings[name] for name in ("order", "method", "log")}
    return optimizer_alphas(
        settings["window"], optimizer=optimizer, lr=float(known[0]) if known.size else None, **how, **hyperparameters
    )


def _past(past: Past, measuring: Measuring, thresholds: tuple[float, float], alphas: Any) -> Verdict:
    """What can still be said of an α whose norms are gone."""
    if not math.isfinite(past.alpha):
        return undefined(GONE, measuring.order)
    compared = None if alphas is None else compare(past.alpha, alphas)
    findings = () if compared is None else (of_optimizer(compared, measuring.optimizer),)
    name = label(past.low, past.high, thresholds=thresholds)
    modes = failure_modes(past.low, past.high)
    return Verdict(name, past.alpha, past.low, past.high, findings, compared, {measuring.order: past.alpha}, modes, None, None)


def _with_curve(window: Window, history: History, i: int, measuring: Measuring) -> Window:
    """F(s) as it was kept."""
    if window.regime is None:
        return window
    curve, past = history.curves[i], history.groups[ALL][i]
    unknown = dict.fromkeys(DFAResult._fields, math.nan)
    known = past._asdict() | {"scales": curve.scales, "fluctuations": np.array(curve.fluctuations)}
    result = DFAResult(**(unknown | known))
    whole = curve.scales == method_sizes(measuring.window, measuring.order, measuring.method)  # else boxes were split
    return window._replace(
        curves=[Curve(measuring.order, result)],
        spread=spread(result, measuring.window, measuring.order) if whole else None,
        surrogates=[] if window.null is None else [window.null],
    )


def _groups(history: History) -> Groups | None:
    """α of each group in the same windows, NaN before a group was there."""
    names = tuple(name for name in history.groups if name != ALL)
    if not names:
        return None
    rows = np.full((3, len(names), len(history.curves)), math.nan)
    for i, name in enumerate(names):
        alpha, _, low, high = history.numbers(name)
        rows[:, i, len(history.curves) - len(alpha) :] = alpha, low, high
    return Groups(names, *rows)
