"""Drifts while a run goes on, and in a finished run whose level steps."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.helpers.white_training import log_norms
from wcdfa import synthetic
from wcdfa.verdicts import drifts
from wcdfa.verdicts.live_drift import change

WINDOW = 500
RUNS = {
    "SGD(0.9)": lambda: log_norms(40, 10_000, 1, first=0.9),
    "AdamW(0.95, 0.95)": lambda: log_norms(40, 10_000, 2, rule="AdamW", first=0.95, second=0.95),
    "RMSprop": lambda: log_norms(40, 10_000, 3, rule="RMSprop", second=0.99),
    "α = 0.8": lambda: synthetic.arfima(10_000, d=0.3, batch=(40,), seed=4),
    "α = 1.5": lambda: synthetic.arfima(10_000, d=1.0, batch=(40,), seed=5),
}


def looks(x, stride=100, since=WINDOW):
    """What is seen after each window of one run."""
    result = wcdfa.dfa(np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::stride], method="gls")
    stops = WINDOW + stride * np.arange(len(result.alpha))
    return stops, [
        change(result.alpha[:i], result.stderr[:i], stops[:i], window=WINDOW, since=since) for i in range(1, len(stops) + 1)
    ]


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_unchanged_runs_seldom_alarm_at_any_of_all_looks(make):
    alarmed = [any(each is not None and each.significant for each in looks(x)[1]) for x in make()]
    assert np.mean(alarmed) <= 0.15  # 5 % are stated; of 40 runs, 7 or more have probability 0.003


def test_with_the_first_window_in_the_baseline_most_runs_would_alarm():
    x = log_norms(10, 5_000, 6, rule="RMSprop", second=0.99)
    alarmed = [any(each is not None and each.significant for each in looks(each_run, since=0)[1]) for each_run in x]
    assert np.mean(alarmed) > 0.8


@pytest.mark.parametrize(("before", "after", "direction"), [(0.9, 0.95, "up"), (0.9, 0.0, "down")])
def test_a_change_of_momentum_is_seen(before, after, direction):
    seen, delays, onsets = [], [], []
    for x in log_norms(20, 8_000, 7, first=before, changes={5_000: after}):
        stops, changes = looks(x)
        found = [(stop, each) for stop, each in zip(stops, changes, strict=True) if stop > 5_000 and each.significant]
        seen.append(bool(found))
        if found:
            delays.append(found[0][0] - 5_000)
            onsets.append(found[0][1].onset)
            assert found[0][1].direction == direction
    assert np.mean(seen) >= 0.95
    assert np.median(delays) <= 500
    assert abs(np.median(onsets) - 5_000) < 250


def test_there_is_no_change_before_there_is_a_baseline():
    stops, changes = looks(synthetic.white_noise(3_000, seed=8))
    assert [stop for stop, each in zip(stops, changes, strict=True) if each is None] == list(range(500, 1_500, 100))
    assert change([], [], [], window=WINDOW, since=0) is None


def test_a_change_says_when_it_is_over():
    x = np.concatenate(
        [synthetic.white_noise(4_000, seed=9), synthetic.arfima(1_500, d=0.4, seed=9), synthetic.white_noise(3_000, seed=10)]
    )
    stops, changes = looks(x)
    at = {int(stop): each for stop, each in zip(stops, changes, strict=True)}
    assert at[5_400].significant
    assert not at[5_400].over
    assert at[5_400].baseline < at[5_400].threshold < at[5_400].baseline + at[5_400].moved
    assert at[6_600].over


@pytest.mark.parametrize("factor", [2**0.5, 2**-0.5, 1.5])
def test_a_step_of_the_level_is_no_drift(factor):
    """The batch is doubled, or a loss scale: α stays."""
    rng = np.random.default_rng(11)
    series = [
        *log_norms(8, 10_000, 12, first=0.9),
        *log_norms(8, 10_000, 13, rule="AdamW", first=0.9),
        *0.2 * rng.standard_normal((8, 10_000)),
    ]
    alarmed = [bool(drifts(np.exp(x + np.log(factor) * (np.arange(10_000) >= rng.integers(2_000, 9_000))))) for x in series]
    assert np.mean(alarmed) <= 4 / 24


def test_a_drift_at_a_step_of_the_level_is_seen_through_it():
    """Momentum changes both; windows across the step would have been left out."""
    delays = []
    for x in log_norms(10, 9_000, 14, first=0.9, changes={6_000: 0.0}):
        alarm = next(each for each in drifts(np.exp(x)) if each.start > 5_500)
        assert alarm.direction == "down"
        delays.append(alarm.start - 6_000)
    assert np.median(delays) < 500
