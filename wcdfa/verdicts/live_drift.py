"""Compares the last α of a run with its baseline while the run goes on, at a rate of false alarms that holds over all these looks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.drift import BASELINE, DOWN, QUIET, Values, onset_of, quantile

# measured by benchmarks/live_messages.py; more than in a finished run, because the baseline is looked at again while it grows
RATE, STEPS = 0.05, 10_000  # probability of any message in so many steps
TESTS = 8.0  # a look at each new window amounts to so many independent tests per window's length


class Change(NamedTuple):
    """How far the last α of a run is from its baseline."""

    moved: float
    """α less its baseline."""
    reach: float
    """How far it must move to be more than chance."""
    baseline: float
    onset: int
    """Estimated step at which the change began, if there is one."""

    @property
    def significant(self) -> bool:
        """Whether α is beyond its threshold."""
        return abs(self.moved) > self.reach

    @property
    def over(self) -> bool:
        """Whether α is back, half-way to the baseline."""
        return abs(self.moved) < QUIET * self.reach

    @property
    def direction(self) -> str:
        """Which way α went: "up" or "down"."""
        return "up" if self.moved > 0 else "down"

    @property
    def threshold(self) -> float:
        """The α beyond which the change is more than chance."""
        return self.baseline + math.copysign(self.reach, self.moved)


def change(
    alphas: npt.ArrayLike,
    stderrs: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    window: int,
    since: int,
    false_alarm_rate: float = RATE,
    steps: int = STEPS,
) -> Change | None:
    """Compare the last α with the mean of those before. Call it after each new window of a run.

    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(6000, seed=0), wcdfa.synthetic.random_walk(200, seed=0)
    >>> rolling = wcdfa.rolling_dfa(np.concatenate([calm, wild]), window=500, stride=100, method="gls")
    >>> found = change(rolling.result.alpha, rolling.result.stderr, rolling.stops, window=500, since=500)
    >>> found.direction, found.significant, abs(found.onset - 6000) < 100
    ('up', True, True)

    Parameters
    ----------
    alphas, stderrs, stops
        As in `wcdfa.drift_alarms`, for all windows so far.
    window : int
        Steps that a window covers.
    since : int
        Step from which on windows count. Leave out the first window of a run: at its start, momentum and running averages fill up.
    false_alarm_rate, steps
        Probability of any significant change, up or down, in so many steps in which nothing changes.

    Returns
    -------
    Change or None
        None as long as no window lies after the baseline: the mean over all windows that end before the last one begins, at most over
        the first ten windows' lengths.
    """
    ends = np.asarray(stops, dtype=np.float64)
    counts = ends - window >= since
    alpha, stderr, ends = np.asarray(alphas, dtype=np.float64)[counts], np.asarray(stderrs, dtype=np.float64)[counts], ends[counts]
    if not ends.size:
        return None
    covered = min(BASELINE * window, ends[-1] - ends[0])  # by windows that end before the last one begins
    if covered < window:
        return None
    first = ends <= ends[0] - window + covered
    baseline = float(np.mean(alpha[first]))
    moved: Values = alpha[~first] - baseline
    error = float(stderr[-1]) * math.sqrt(1 + window / covered)
    reach = _reach(float(moved[-1]), error, false_alarm_rate, steps / window)
    return Change(float(moved[-1]), reach, baseline, onset_of(moved, ends[~first], len(moved) - 1, window))


def between(before: tuple[float, float], after: tuple[float, float], *, window: int, since: int) -> Change:
    """Compare two single α, each with its standard error, at the rate of `change`; the windows may overlap.

    >>> between((1.0, 0.04), (1.5, 0.03), window=500, since=7000).significant
    True
    """
    moved, error = after[0] - before[0], math.hypot(before[1], after[1])
    return Change(moved, _reach(moved, error, RATE, STEPS / window), before[0], since)


def _reach(moved: float, error: float, false_alarm_rate: float, windows: float) -> float:
    return quantile(false_alarm_rate, TESTS * windows) * error * (DOWN if moved < 0 else 1.0)
