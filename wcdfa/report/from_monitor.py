"""Makes the section of a run from a monitor, with every α that it has computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.recording.cadence import Cadence
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import History
from wcdfa.recording.reading import Reading, numbered
from wcdfa.report.direction import Direction, direction_of
from wcdfa.report.groups import GroupAlphas
from wcdfa.report.past_windows import past_windows, rates_of
from wcdfa.report.sections import Section, line, named
from wcdfa.report.windows import Measuring, windows_of
from wcdfa.support.text import several
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.drift import drift_alarms
from wcdfa.verdicts.sentences import no_drift
from wcdfa.verdicts.single_window import Verdict, verdict

PARTIAL = (
    "a monitor keeps every α and F(s), but only the norms of the last window: findings that need norms are shown for that window; "
    "wcdfa report shows them for every window of a log that holds all norms"
)
RATES_GONE = (
    "the learning rate varies, and only that of the last window was kept: earlier windows are not compared with the optimizer"
)


class MonitoredRun(NamedTuple):
    """What a monitor knows about its run."""

    reading: Reading
    """The norms of the last window."""
    history: History
    """Every α so far; the last one belongs to these norms."""
    now: Verdict
    """The verdict on these norms."""
    criteria: Criteria
    window: int
    stride: Cadence
    lr: npt.ArrayLike | None
    """The learning rate at each norm of the last window, or one for all; None if it is not known."""


def check_options(options: Iterable[str]) -> None:
    """Raise a TypeError for options that would judge the last window differently from the windows before it."""
    of_verdict = {*(verdict.__kwdefaults__ or ())} - {"lr", "optimizer"}
    if "group" in options:
        msg = "a report shows all groups; for the verdict on one, call verdict(group)"
        raise TypeError(msg)
    if other := sorted(of_verdict & set(options)):
        msg = f"a report takes only options of the optimizer; set {', '.join(other)} when you make the monitor, or for verdict() alone"
        raise TypeError(msg)


def section_of_monitor(name: str, run: MonitoredRun) -> Section:
    """Make the section of a run that a monitor watches, from the last restart of its steps on."""
    reading, criteria, history = run.reading, run.criteria, _since_restart(run.history)
    measuring = Measuring(run.window, criteria)
    rates = rates_of(run.lr)
    spans = [(curve.first_step, curve.last_step) for curve in history.curves]
    windows = [*past_windows(history, measuring, rates), *windows_of([run.now], spans[-1:], measuring)]
    numbers = history.numbers(ALL)
    stops = [last for _, last in spans]
    length = int(np.median([last - first + 1 for first, last in spans]))  # in steps, because not every step need be recorded
    varies = criteria.optimizer is not None and not rates.constant and len(spans) > 1
    return Section(
        name=name,
        samples=int(numbered(reading)[-1]),
        windows=windows,
        lines=[line(*each) for each in _lines(reading)],
        groups=_groups(history),
        alarms=drift_alarms(numbers[0], numbers[1], stops, window=length),
        notes=[
            *([PARTIAL] if len(spans) > 1 else []),
            *([RATES_GONE] if varies else []),
            *(
                [
                    f"{several(int(reading.skipped), 'norm of 0 was', 'norms of 0 were')} left out: if no weight changes, no step was taken"
                ]
                if reading.skipped
                else []
            ),
        ],
        settings=_settings(run),
        no_alarms=no_drift(stops[-1] - spans[0][0] + 1, length, known=bool(np.isfinite(numbers[0]).any())),
        thresholds=criteria.thresholds,
        confidence=criteria.measurement.confidence,
        direction=_direction(run),
    )


def _direction(run: MonitoredRun) -> Direction | None:
    """The diagnosis of the last window; None if its direction was not recorded."""
    reading, optimizer = run.reading, run.criteria.optimizer
    if reading.cosine is None and reading.sketch is None:
        return None
    if run.lr is not None:
        reading = reading._replace(lr=np.broadcast_to(np.asarray(run.lr, dtype=np.float64), reading.norms.shape))
    return direction_of(reading.diagnosis(optimizer=optimizer))


def _lines(reading: Reading) -> Iterator[tuple[str, npt.ArrayLike, npt.ArrayLike]]:
    steps = numbered(reading)
    yield "‖ΔW‖", steps, reading.norms
    if reading.lr is not None and np.isfinite(reading.lr).any():
        yield "learning rate", steps, reading.lr


def _settings(run: MonitoredRun) -> dict[str, str]:
    preparation, measurement = run.criteria.preparation, run.criteria.measurement
    return {
        "window": f"{run.window:,} steps",
        "stride": "decided by a callable" if callable(run.stride) else several(run.stride, "step", "steps"),
        "detrending order": str(measurement.order),
        "method": measurement.method,
        "confidence": f"{measurement.confidence:g}",
        "logarithm": "taken" if preparation.log else "not taken",
        "optimizer": named(run.criteria.optimizer),
        "epoch length": "not given" if preparation.epoch_length is None else f"{preparation.epoch_length:,} steps",
    }


def _since_restart(history: History) -> History:
    """The history since the last restart of the steps."""
    stops = [curve.last_step for curve in history.curves]
    back = max((i for i in range(1, len(stops)) if stops[i] <= stops[i - 1]), default=0)
    kept = history.copy()
    kept.curves = kept.curves[back:]
    kept.groups = {name: past[-len(kept.curves) :] for name, past in kept.groups.items()}
    return kept


def _groups(history: History) -> GroupAlphas | None:
    """α of each group in the same windows; NaN before the group existed."""
    names = tuple(name for name in history.groups if name != ALL)
    if not names:
        return None
    rows = np.full((3, len(names), len(history.curves)), math.nan)
    for i, name in enumerate(names):
        alpha, _, low, high = history.numbers(name)
        rows[:, i, len(history.curves) - len(alpha) :] = alpha, low, high
    return GroupAlphas(names, *rows)
