"""Finds when a rolling α left its baseline."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

# TESTS and DOWN were measured by benchmarks/pipeline.py
TESTS = 3.5  # overlapping windows amount to so many independent tests per window's length
DOWN = 1.2  # estimates stray this many times further below their mean than a normal distribution does
QUIET = 0.5  # an alarm ends when α is back within this share of the threshold
BASELINE = 10  # lengths of a window from which the baseline is taken

Values = npt.NDArray[np.float64]


class Alarm(NamedTuple):
    """A stretch in which α was away from its baseline."""

    start: int
    """Step at which the alarm was raised: the end of the first window beyond the threshold."""
    end: int | None
    """Step at which α was back, half-way to the baseline; None if it never was."""
    onset: int
    """Estimated step at which the change began. It is before `start`, because a window shows a change only once part of it is new."""
    direction: Literal["up", "down"]
    alpha: float
    """The α furthest from the baseline."""
    threshold: float
    """The α beyond which the alarm was raised."""


def drift_alarms(
    alpha: npt.ArrayLike,
    stderr: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    window: int,
    baseline: float | None = None,
    false_alarm_rate: float = 0.05,
    steps: int = 10_000,
) -> tuple[Alarm, ...]:
    """Find where a rolling α left its baseline, at a given rate of false alarms over a given number of steps.

    >>> import numpy as np
    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(8000, seed=0), wcdfa.synthetic.random_walk(2000, seed=0)
    >>> rolling = wcdfa.rolling_dfa(np.concatenate([calm, wild]), window=500, stride=20, method="gls")
    >>> alarm = drift_alarms(rolling.result.alpha, rolling.result.stderr, rolling.stops, window=500)[0]
    >>> alarm.direction, 8000 < alarm.start < 8200, abs(alarm.onset - 8000) < 100
    ('up', True, True)

    Overlapping windows share their samples: over T steps they are worth 3.5 T / window independent tests. The threshold is the normal
    quantile for so many tests, and 1.2 times that for a fall, where estimates have the longer tail. Both numbers are measured.
    Use ``method="gls"``, which sees a change sooner than "robust". Only changes count here, and what short memory adds to α is in
    the baseline too.

    Parameters
    ----------
    alpha, stderr : numbers of shape (windows,)
        From `rolling_dfa`, in order. Windows with NaN are passed over.
    stops : integers of shape (windows,)
        Step at which each window ends.
    window : int
        Samples (optimizer steps) in a window.
    baseline : float, optional
        The α to compare with. Default: the mean over the first 10 windows' lengths, or over the first half of a run shorter than 20.
        Only what comes after is tested, and the error of that mean widens the threshold.
    false_alarm_rate : float
        Probability of any alarm, up or down, within `steps` steps in which nothing changes.
    steps : int
        The number of steps that `false_alarm_rate` refers to.

    Returns
    -------
    tuple of Alarm
        In order. Empty if fewer than two windows come after the baseline.

    Raises
    ------
    ValueError
        If the shapes differ, the rate is not between 0 and 1, window or steps is below 1, a stderr is negative or stops do not
        increase.
    """
    if not 0 < false_alarm_rate < 1 or window < 1 or steps < 1:
        msg = f"false_alarm_rate must be between 0 and 1, window and steps at least 1, got {false_alarm_rate}, {window}, {steps}"
        raise ValueError(msg)
    if baseline is not None and not math.isfinite(baseline):
        msg = f"baseline must be a finite number or None, got baseline={baseline}"
        raise ValueError(msg)
    alphas, errors, ends = _known(alpha, stderr, stops)
    if not alphas.size:
        return ()
    widened = 1.0
    if baseline is None:
        covered = max(window, min(BASELINE * window, (ends[-1] - ends[0] + window) / 2))
        first = ends <= ends[0] - window + covered
        baseline = float(np.mean(alphas[first]))
        widened = math.sqrt(1 + window / covered)
        alphas, errors, ends = alphas[~first], errors[~first], ends[~first]
    moved = alphas - baseline
    reach = quantile(false_alarm_rate, TESTS * max(steps / window, 1 / TESTS)) * widened * errors * np.where(moved < 0, DOWN, 1.0)
    return tuple(_alarms(moved, reach, ends, window, baseline))


def _known(alpha: npt.ArrayLike, stderr: npt.ArrayLike, stops: npt.ArrayLike) -> tuple[Values, Values, Values]:
    """The three series as numbers, without the windows that have no α."""
    alphas, errors, ends = (np.asarray(each, dtype=np.float64) for each in (alpha, stderr, stops))
    if not alphas.shape == errors.shape == ends.shape or alphas.ndim != 1:
        msg = f"alpha, stderr and stops must be three series of one length, got shapes {alphas.shape}, {errors.shape}, {ends.shape}"
        raise ValueError(msg)
    if np.any(errors < 0) or np.any(np.diff(ends) <= 0):
        msg = f"stderr must not be negative and stops must increase, got a least stderr of {np.min(errors)} and stops {ends[:5]} …"
        raise ValueError(msg)
    known = np.isfinite(alphas) & np.isfinite(errors)
    return alphas[known], errors[known], ends[known]


def quantile(false_alarm_rate: float, tests: float) -> float:
    """The normal quantile that is exceeded, up or down, with this probability in so many independent tests."""
    from statistics import NormalDist  # noqa: PLC0415 - 10 ms that importing wcdfa would cost

    return NormalDist().inv_cdf(1 - false_alarm_rate / (2 * tests))


def _alarms(moved: Values, reach: Values, stops: Values, window: int, baseline: float) -> list[Alarm]:
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
                onset=onset_of(moved, stops, i, window),
                direction="up" if sign > 0 else "down",
                alpha=float(baseline + moved[peak]),
                threshold=float(baseline + sign * reach[i]),
            )
        )
        i = last
    return found


def onset_of(moved: Values, stops: Values, at: int, window: int) -> int:
    """When the best fitting ramp begins: after a change, α moves in a straight line until the window has filled with new samples."""
    near = (stops > stops[at] - 2 * window) & (stops <= stops[at] + window // 2)
    y, t = moved[near], stops[near]
    candidates = np.unique(np.linspace(stops[at] - window, stops[at], 101).astype(int))
    ramp = np.clip((t - candidates[:, None]) / window, 0.0, 1.0)
    energy = np.sum(ramp * ramp, axis=1)
    explained = np.where(energy > 0, np.sum(ramp * y, axis=1) ** 2 / np.maximum(energy, 1e-12), 0.0)
    return int(candidates[np.argmax(explained)])
