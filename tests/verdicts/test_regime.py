"""Labels, failure modes and the drift alarm."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from wcdfa import drift_alarms, synthetic
from wcdfa.verdicts.regime import FAILURE_MODES, failure_modes, label

WINDOW, STRIDE = 500, 20


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [
        (1.21, 1.3, "ordered"),
        (1.2, 1.3, "undecided"),
        (0.8, 1.2, "critical"),
        (0.79, 1.0, "undecided"),
        (1.0, 1.21, "undecided"),
        (0.5, 0.79, "disordered"),
        (0.5, 0.8, "undecided"),
        (0.0, 2.0, "undecided"),
        (math.nan, 1.0, None),
        (1.0, math.nan, None),
    ],
)
def test_a_label_only_where_the_whole_interval_lies_inside(low, high, name):
    assert label(low, high) == name


def test_labels_are_rarely_wrong():
    """At the edge of a band a point estimate is a coin flip; the interval names the wrong side in 2.5 % of cases."""
    result = wcdfa.dfa(synthetic.arfima(500, d=0.7, batch=(1000,), seed=0))  # α = 1.2
    names = [label(a, b) for a, b in zip(result.low, result.high, strict=True)]
    assert 0.35 < np.mean(result.alpha > 1.2) < 0.65
    assert names.count("ordered") < 45  # 25 expected, four standard deviations of 5
    assert names.count("undecided") > 800


def test_thresholds():
    assert label(0.9, 1.1, thresholds=(0.8, 0.5)) == "ordered"
    with pytest.raises(ValueError, match=r"upper above lower, got \(0\.8, 1\.2\)"):
        label(0.9, 1.1, thresholds=(0.8, 1.2))


def test_failure_modes():
    assert [mode.name for mode in FAILURE_MODES] == ["sealed", "dissolved", "captured", "against-self"]
    assert [mode.name for mode in FAILURE_MODES if mode.visible] == ["sealed", "dissolved"]
    assert all(mode.needs and mode.meaning for mode in FAILURE_MODES)
    assert [mode.name for mode in failure_modes(1.6, 1.9)] == ["sealed"]
    assert [mode.name for mode in failure_modes(0.3, 0.7)] == ["dissolved"]
    assert [mode.name for mode in failure_modes(0.95, 1.05)] == ["captured", "against-self"]
    assert failure_modes(1.1, 1.6) == failure_modes(1.25, 1.45) == ()


def rolling(x, method="gls"):
    """α of all windows of many runs at once: (runs, windows)."""
    starts = np.arange(0, x.shape[-1] - WINDOW + 1, STRIDE)
    windows = np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis=-1)[:, starts]
    result = wcdfa.dfa(windows, method=method)
    return result.alpha, result.stderr, starts + WINDOW


def test_false_alarms_come_at_the_stated_rate():
    """100 runs of 10,000 steps at α = 1; 5 expected, 12 is three standard deviations more."""
    alpha, stderr, stops = rolling(synthetic.arfima(10_500, d=0.5, batch=(100,), seed=5))
    raised = [bool(drift_alarms(a, s, stops, window=WINDOW, baseline=1.0)) for a, s in zip(alpha, stderr, strict=True)]
    assert sum(raised) <= 12
    often = [
        bool(drift_alarms(a, s, stops, window=WINDOW, baseline=1.0, false_alarm_rate=0.9))
        for a, s in zip(alpha, stderr, strict=True)
    ]
    assert sum(often) > sum(raised) + 20


def test_a_change_is_found_and_dated():
    """α from 1.0 to 1.5 at step 4,000: alarms within a window, onsets within 150 steps in the median."""
    before = synthetic.arfima(4000, d=0.5, batch=(20,), seed=1)
    after = before[:, -1:] + 0.8 * synthetic.random_walk(2000, batch=(20,), seed=2)
    alpha, stderr, stops = rolling(np.concatenate([before, after], axis=-1))
    found = [drift_alarms(a, s, stops, window=WINDOW, baseline=1.0) for a, s in zip(alpha, stderr, strict=True)]
    first = [next(alarm for alarm in alarms if alarm.start > 4000) for alarms in found]
    assert all(alarm.direction == "up" and alarm.start <= 4500 for alarm in first)
    assert np.median([abs(alarm.onset - 4000) for alarm in first]) < 150
    assert all(alarm.onset <= alarm.start for alarm in first)
    assert all(alarm.alpha >= alarm.threshold > 1 for alarm in first)


STEADY = np.full(60, 1.0)
SE = np.full(60, 0.04)
STOPS = 500 + 100 * np.arange(60)


def test_hysteresis_and_direction():
    """An alarm lasts until α is half-way back: a wobble at the threshold is one alarm, and what goes down is said so."""
    alpha = STEADY.copy()
    alpha[20:30] = [1.3, 1.1, 1.3, 1.1, 1.3, 1.1, 1.3, 1.02, 1.0, 1.0]
    alpha[40:] = 0.7
    first, second = drift_alarms(alpha, SE, STOPS, window=500, baseline=1.0)
    assert (first.direction, first.start, first.end, first.alpha) == ("up", STOPS[20], STOPS[27], 1.3)
    assert (second.direction, second.start, second.end, second.alpha) == ("down", STOPS[40], None, 0.7)
    assert (1 - second.threshold) / (first.threshold - 1) == pytest.approx(1.2)


def test_an_estimated_baseline_widens_the_threshold_and_is_not_tested():
    alpha = STEADY.copy()
    alpha[:3] = 1.9  # in the baseline
    alpha[-10:] = 1.6
    known = drift_alarms(alpha, SE, STOPS, window=500, baseline=1.0)
    (found,) = drift_alarms(alpha, SE, STOPS, window=500)
    assert len(known) == 2
    assert found.start == STOPS[-10]
    assert found.threshold - np.mean(alpha[STOPS <= 3200]) > known[1].threshold - 1.0


def test_more_steps_or_fewer_false_alarms_raise_the_threshold():
    alpha = STEADY.copy()
    alpha[30] = 1.5
    thresholds = [
        drift_alarms(alpha, SE, STOPS, window=500, baseline=1.0, **options)[0].threshold
        for options in ({}, {"steps": 10**6}, {"false_alarm_rate": 0.001})
    ]
    assert thresholds[0] == pytest.approx(1 + 3.385 * 0.04, abs=0.001)  # normal quantile of 0.05 / (2 · 3.5 · 20)
    assert thresholds[0] < min(thresholds[1:])


def test_nan_is_passed_over_and_nothing_gives_nothing():
    alpha = STEADY.copy()
    alpha[::7] = np.nan
    assert drift_alarms(alpha, SE, STOPS, window=500, baseline=1.0) == ()
    assert drift_alarms([], [], [], window=500) == ()
    assert drift_alarms(np.full(3, np.nan), SE[:3], STOPS[:3], window=500) == ()
    assert drift_alarms([1.0], [0.1], [500], window=500) == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": STEADY[:5]}, r"three series of one length, got shapes \(5,\), \(60,\), \(60,\)"),
        ({"false_alarm_rate": 0.0}, "false_alarm_rate must be between 0 and 1"),
        ({"false_alarm_rate": 1.0}, "got 1.0, 500, 10000"),
        ({"window": 0}, "window and steps at least 1"),
        ({"steps": 0}, "window and steps at least 1"),
        ({"stderr": -SE}, "stderr must not be negative"),
        ({"stops": STOPS[::-1]}, "stops must increase"),
        ({"baseline": math.nan}, "got baseline=nan"),
    ],
)
def test_bad_input(options, message):
    given = {"alpha": STEADY, "stderr": SE, "stops": STOPS, "window": 500} | options
    with pytest.raises(ValueError, match=message):
        drift_alarms(given.pop("alpha"), given.pop("stderr"), given.pop("stops"), **given)
