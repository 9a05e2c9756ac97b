"""The report of a monitor, from every α that it has computed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.calibration_tables import method_sizes
from wcdfa.inference.exponent import NO_CAUSE, DFAResult
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.nulls.nulls import compare
from wcdfa.recording.cadence import Cadence
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import History, Past
from wcdfa.recording.reading import Reading, numbered
from wcdfa.report.groups import Groups
from wcdfa.report.sections import Section, line, named
from wcdfa.report.windows import Curve, Measuring, Window, windows_of
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.drift import drift_alarms
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.sentences import no_drift
from wcdfa.verdicts.single_window import Verdict, verdict, weighed, without_alpha

PARTIAL = (
    "a monitor keeps every α and F(s), and the norms of its last window only: findings that need norms are those of the last window; "
    "wcdfa report on a log of all norms has them for each"
)
NOT_COMPARED = "not compared with the optimizer, which alone may give this: name it with optimizer="
GONE = "why there is no α was not kept"


class MonitoredRun(NamedTuple):
    """What a monitor knows of its run."""

    reading: Reading
    """The norms in its window."""
    history: History
    """Every α so far, the last of which is that of these norms."""
    now: Verdict
    """On these norms."""
    criteria: Criteria
    window: int
    stride: Cadence
    lr: Any
    """Learning rate of each norm in the window, or of all; None where unknown."""


def check_options(options: Iterable[str]) -> None:
    """Raise a TypeError for options that would have the last window judged otherwise than those before it."""
    of_verdict = {"group", *(verdict.__kwdefaults__ or ())} - {"lr", "optimizer"}
    if other := sorted(of_verdict & set(options)):
        msg = f"a report takes what names the optimizer, and {', '.join(other)} is set where the monitor is made, or for verdict() alone"
        raise TypeError(msg)


def section_of_monitor(name: str, run: MonitoredRun) -> Section:
    """A run as its monitor knows it."""
    reading, criteria, history = run.reading, run.criteria, _since_restart(run.history)
    optimizer = criteria.optimizer
    measuring = Measuring(run.window, criteria)
    alphas = _null(run)
    past = [_past(each, criteria, alphas) for each in history.groups[ALL]]
    spans = [(curve.first_step, curve.last_step) for curve in history.curves]
    windows = [_with_curve(window, history, i, measuring) for i, window in enumerate(windows_of(past[:-1], spans[:-1], measuring))]
    windows += windows_of([run.now], spans[-1:], measuring)
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
    untested = no_drift(stops[-1] - spans[0][0] + 1, length, known=bool(np.isfinite(numbers[0]).any()))
    shown = Section(name, int(numbered(reading)[-1]), windows, lines, _groups(history), alarms, notes, _settings(run), untested)
    return shown._replace(thresholds=criteria.thresholds, confidence=criteria.measurement.confidence)


def _settings(run: MonitoredRun) -> dict[str, str]:
    preparation, measurement = run.criteria.preparation, run.criteria.measurement
    return {
        "window": f"{run.window:,} steps",
        "stride": "as a callable says" if callable(run.stride) else f"{run.stride:,} steps",
        "detrending order": str(measurement.order),
        "method": measurement.method,
        "confidence": f"{measurement.confidence:g}",
        "logarithm": "taken" if preparation.log else "not taken",
        "optimizer": named(run.criteria.optimizer),
        "epoch length": "not given" if preparation.epoch_length is None else f"{preparation.epoch_length:,} steps",
    }


def _since_restart(history: History) -> History:
    """Without what was before the steps began anew."""
    stops = [curve.last_step for curve in history.curves]
    back = max((i for i in range(1, len(stops)) if stops[i] <= stops[i - 1]), default=0)
    kept = history.copy()
    kept.curves = kept.curves[back:]
    kept.groups = {name: past[-len(kept.curves) :] for name, past in kept.groups.items()}
    return kept


def _null(run: MonitoredRun) -> Any:
    """α of the optimizer alone in a window; None where none is known, or the rate varies, and the windows differ in it."""
    optimizer, measurement = run.criteria.optimizer, run.criteria.measurement
    known = np.asarray(math.nan if run.lr is None else run.lr, dtype=np.float64)
    known = known[np.isfinite(known) & (known > 0)]  # other rates are unusable, as in the verdict
    if optimizer is None or (known.size and np.ptp(known) > 0):
        return None
    rate = float(known[0]) if known.size else None
    return run.criteria.simulation.alphas(run.window, optimizer, measurement, log=run.criteria.preparation.log, lr=rate)


def _past(past: Past, criteria: Criteria, alphas: Any) -> Verdict:
    """What can still be said of an α whose norms are gone."""
    if not math.isfinite(past.alpha):
        return without_alpha(GONE, criteria)
    compared = None if alphas is None else compare(past.alpha, alphas)
    return weighed(Evidence(criteria=criteria, alpha=past.alpha, low=past.low, high=past.high, null=compared))


def _with_curve(window: Window, history: History, i: int, measuring: Measuring) -> Window:
    """F(s) as it was kept."""
    if window.regime is None:
        return window
    curve, past, order = history.curves[i], history.groups[ALL][i], measuring.criteria.measurement.order
    unknown = dict.fromkeys(DFAResult._fields, math.nan) | {"cause": NO_CAUSE}
    known = past._asdict() | {"scales": curve.scales, "fluctuations": np.array(curve.fluctuations)}
    result = DFAResult(**(unknown | known))
    whole = curve.scales == method_sizes(measuring.window, order, measuring.criteria.measurement.method)  # else boxes were split
    return window._replace(
        curves=[Curve(order, result)],
        spread=spread(result, measuring.window, order) if whole else None,
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
