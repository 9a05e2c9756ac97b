"""..."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

TESTS = 3.5  # independent tests that the overlapping windows of one window's length amount to …


DOWN = 1.2  # … and how much further than a normal estimate α strays below itself (benchmarks/pipeline.py measures both)


QUIET = 0.5  # an alarm ends when α is within this share of the threshold of its baseline


BASELINE = 10  # windows' length that a baseline is taken from


class Alarm(NamedTuple):
    """A stretch in which α was away from its baseline."""

    start: int
    """Step at which the alarm was raised: the end of the first window beyond the threshold."""
    end: int | None
    """Step at which α was back, half-way to the baseline; None if it never was."""
    onset: int
    """Step at which the change is estimated to have begun, before `start`: a window shows a change only as it fills with it."""
    direction: str
    """"up" or "down"."""
    alpha: float
    """The α furthest from the baseline."""
    threshold: float
    """The α beyond which the alarm was raised."""


def drift_alarms(
    alpha: Any,
    stderr: Any,
    stops: Any,
    *,
    window: int,
    baseline: float | None = None,
    false_alarm_rate: float = 0.05,
    steps: int = 10_000,
) -> tuple[Alarm, ...]:
    """Where a rolling α left its baseline, at a stated rate of false alarms over a stated number of steps.

    >>> import numpy as np
    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(8000, seed=0), wcdfa.synthetic.random_walk(2000, seed=0)
    >>> rolling = wcdfa.rolling_dfa(np.concatenate([calm, wild]), window=500, stride=20, method="gls")
    >>> alarm = drift_alarms(rolling.result.alpha, rolling.result.stderr, rolling.stops, window=500)[0]
    >>> alarm.direction, 8000 < alarm.start < 8200, abs(alarm.onset - 8000) < 100
    ('up', True, True)

    Overlapping windows repeat each other: over T steps they are worth 3.5 T / window independent tests, and the threshold is the
    normal quantile for that many, 1.2 times as far for a fall, where estimates have the longer tail; both are measured. ``method="gls"`` sees a change sooner than "robust": here only changes count, and what
    short memory adds to α is in the baseline too.

    Parameters
    ----------
    alpha, stderr : numbers of shape (windows,)
        From `rolling_dfa`, in order; NaN is passed over.
    stops : integers of shape (windows,)
        Step at which each window ends.
    window : int
        Samples (optimizer steps) in a window.
    baseline : float, optional
        The α to compare with. Default: the mean over the first 10 windows' length, or the first half of a run shorter than 20; what
        it does not know of its own baseline widens the threshold, and only what comes after is tested.
    false_alarm_rate : float
        Probability of any alarm, up or down, in `steps` steps in which nothing changes.
    steps : int
        See there.

    Returns
    -------
    tuple of Alarm
        In order; none where fewer than two windows lie outside the baseline.

    Raises
    ------
    ValueError
        If the shapes differ, the rate is not between 0 and 1, window or steps is below 1, a stderr is negative or stops do not
        increase.
    """
    alpha, stderr, stops = (np.asarray(a, dtype=np.float64) for a in (alpha, stderr, stops))
    if not alpha.shape == stderr.shape == stops.shape or alpha.ndim != 1:
        msg = f"alpha, stderr and stops must be three series of one length, got shapes {alpha.shape}, {stderr.shape}, {stops.shape}"
        raise ValueError(msg)
    if not 0 < false_alarm_rate < 1 or window < 1 or steps < 1:
        msg = f"false_alarm_rate must be between 0 and 1, window and steps at least 1, got {false_alarm_rate}, {window}, {steps}"
        raise ValueError(msg)
    if np.any(stderr < 0) or np.any(np.diff(stops) <= 0) or (baseline is not None and not math.isfinite(baseline)):
        msg = f"stderr must not be negative, stops must increase, and baseline be a finite number or None, got baseline={baseline}"
        raise ValueError(msg)
    known = np.isfinite(alpha) & np.isfinite(stderr)
    alpha, stderr, stops = alpha[known], stderr[known], stops[known]
    if not alpha.size:
        return ()
    widened = 1.0
    if baseline is None:
        covered = max(window, min(BASELINE * window, (stops[-1] - stops[0] + window) / 2))
        first = stops <= stops[0] - window + covered
        baseline = float(np.mean(alpha[first]))
        widened = math.sqrt(1 + window / covered)
        alpha, stderr, stops = alpha[~first], stderr[~first], stops[~first]
    moved = alpha - baseline
    reach = _quantile(false_alarm_rate, steps / window) * widened * stderr * np.where(moved < 0, DOWN, 1.0)
    return tuple(_alarms(moved, reach, stops, window, baseline))


def _quantile(false_alarm_rate: float, windows: float) -> float:
    from statistics import NormalDist  # noqa: PLC0415 - 10 ms that importing wcdfa would cost

    tests = 2 * TESTS * max(windows, 1 / TESTS)  # up and down
    return NormalDist().inv_cdf(1 - false_alarm_rate / tests)


def _alarms(moved: Any, reach: Any, stops: Any, window: int, baseline: float) -> list[Alarm]:
    found: list[Alarm] = []
    i = 0
    while i < len(moved):
        if abs(moved[i]) <= reach[i]:
            i += 1
            continue
        sign = 1 if moved[i] > 0 else -1
        back = np.flatnonzero(sign * moved[i:] < QUIET * reach[i:])
        last = i + int(back[0]) if back.size else len(moved)
        peak = i + int(np.argmax(sign * moved[i:last]))
        found.append(
            Alarm(
                start=int(stops[i]),
                end=int(stops[last]) if back.size else None,
                onset=_onset(moved, stops, i, window),
                direction="up" if sign > 0 else "down",
                alpha=float(baseline + moved[peak]),
                threshold=float(baseline + sign * reach[i]),
            )
        )
        i = last
    return found


def _onset(moved: Any, stops: Any, at: int, window: int) -> int:
    """When the ramp that fits best begins: α moves in a straight line while a window fills with what comes after a change."""
    near = (stops > stops[at] - 2 * window) & (stops <= stops[at] + window // 2)
    y, t = moved[near], stops[near]
    candidates = np.unique(np.linspace(stops[at] - window, stops[at], 101).astype(int))
    ramp = np.clip((t - candidates[:, None]) / window, 0.0, 1.0)
    energy = np.sum(ramp * ramp, axis=1)
    explained = np.where(energy > 0, np.sum(ramp * y, axis=1) ** 2 / np.maximum(energy, 1e-12), 0.0)
    return int(candidates[np.argmax(explained)])
