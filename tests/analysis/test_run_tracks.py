"""The four tracks of a run, and what was found in it, as they are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import wcdfa
from tests.helpers.white_runs import diagnosed, white_run
from wcdfa.analysis.run_tracks import events, run_tracks

SERIES = ("cosine", "weight_norm", "sketch")
SUBSETS = [names for size in range(4) for names in itertools.combinations(SERIES, size)]


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_tracks_that_were_not_recorded_are_left_out(names):
    tracks = {track.name for track in run_tracks(diagnosed(names))}
    recorded = {"cosine": "direction", "weight_norm": "ratio"}
    assert tracks == {"level", "memory", *(recorded[name] for name in names if name in recorded)}


def test_tracks_hold_the_series():
    series = white_run()
    level, direction, memory, ratio = run_tracks(diagnosed(("cosine", "weight_norm")))
    np.testing.assert_array_equal(level.values, series["norms"])
    np.testing.assert_array_equal(direction.values, series["cosine"])
    np.testing.assert_allclose(ratio.values, series["norms"] / series["weight_norm"])
    rolling = wcdfa.rolling_dfa(np.log(series["norms"]), window=256, stride=12)
    np.testing.assert_allclose(memory.values, rolling.result.alpha, rtol=1e-9)
    np.testing.assert_array_equal(memory.steps, rolling.stops)


def test_the_memory_of_a_sketch_is_that_of_the_vector():
    sketch = white_run()["sketch"]
    memory = next(track for track in run_tracks(diagnosed()) if track.name == "memory")
    assert memory.title == "α of ΔW, 256 steps"
    moves = sketch / np.sqrt((np.diff(sketch, axis=0) ** 2).mean(axis=0))
    assert memory.values[0] == pytest.approx(float(wcdfa.dfa(moves[:256].T, coordinates=-2).alpha))
    assert memory.values[-1] == pytest.approx(
        float(wcdfa.dfa(moves[memory.steps.astype(int)[-1] - 256 : memory.steps.astype(int)[-1]].T, coordinates=-2).alpha)
    )
    assert np.std(memory.values) < 0.02


def test_coordinates_that_never_move_have_no_memory():
    memory = next(
        each for each in run_tracks(wcdfa.diagnose(white_run()["norms"], sketch=np.zeros((1200, 3)))) if each.name == "memory"
    )
    assert np.isnan(memory.values).all()


def test_a_window_with_a_gap_has_no_memory():
    sketch = white_run()["sketch"]
    sketch[300:310] = np.nan
    memory = next(each for each in run_tracks(wcdfa.diagnose(white_run()["norms"], sketch=sketch)) if each.name == "memory")
    touched = (memory.steps > 300) & (memory.steps - 256 < 310)
    np.testing.assert_array_equal(np.isnan(memory.values), touched)


def test_the_band_of_the_cosine_is_that_of_the_checks():
    diagnosis = diagnosed()
    (_, direction, *_) = run_tracks(diagnosis)
    checks = [each for each in diagnosis.checks if each.statistic == "cosine"]
    assert [(each.low, each.high) for each in direction.expected] == [(each.low, each.high) for each in checks]
    assert [(each.first_step, each.last_step) for each in direction.expected] == [(1, 600), (601, 1200)]
    assert all(each.low < 0.9 < each.high for each in direction.expected)


def test_without_an_optimizer_there_is_no_band():
    series = white_run()
    diagnosis = wcdfa.diagnose(series["norms"], cosine=series["cosine"])
    assert run_tracks(diagnosis)[1].expected == ()


def test_a_gap_stays_a_gap_and_means_skip_it():
    series = white_run(500)
    series["cosine"][100:150] = np.nan
    track = run_tracks(wcdfa.diagnose(series["norms"], cosine=series["cosine"]))[1]
    steps, means = track.means()
    np.testing.assert_array_equal(steps, np.arange(25, 501, 25))
    assert np.isnan(means[4:6]).all()
    np.testing.assert_allclose(means[6], series["cosine"][150:175].mean())


def test_a_run_shorter_than_a_window_has_no_memory():
    assert [track.name for track in run_tracks(wcdfa.diagnose(white_run(100)["norms"]))] == ["level"]


def test_events_are_at_the_steps_where_they_begin():
    healthy = diagnosed(n=3000)
    found = events(diagnosed(n=3000, twice_from=2000))
    assert events(healthy) == ()
    (first, *_) = found
    assert any("neighbours ↑" in event.label for event in found)
    assert all(event.step >= 1976 for event in found)  # a block of 25 steps before, at most
    assert first.step == min(event.step for event in found)


def test_a_cosine_that_rises_points_up():
    diagnosis = diagnosed(n=3000, twice_from=2000)
    change = next(each for each in diagnosis.changes if each.statistic == "cosine")
    assert change.direction < 0  # of log (1 − cosine)
    assert any("cosine ↑" in event.label for event in events(diagnosis) if event.step == change.since)
