"""What a watch says of faults while a run goes on, and that it says nothing of runs without one."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa
from tests.helpers.live_runs import OPTIMIZERS, run_on_white, until
from wcdfa.monitor.direction_metrics import of_window
from wcdfa.monitor.live_diagnosis import LiveDiagnosis
from wcdfa.monitor.live_episode import Episode
from wcdfa.monitor.live_record import Recent
from wcdfa.monitor.live_tracks import Tracks
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.changes import Change

AT = 2000


def said_of(reading, every=100, live=None):
    live = LiveDiagnosis() if live is None else live
    counts = [*range(every, int(reading.count), every), int(reading.count)]
    return [message for count in counts for message in live.update(until(reading, count))]


@pytest.mark.parametrize(
    ("rule", "fault", "cause"),
    [
        ("sgd", "repeat", "each batch is used more than once in a row"),
        ("sgd", "momentum", "the momentum, or β₁, is smaller"),
        ("sgd", "frozen", "some parameters are frozen"),
        ("sgd", "rounded", "changes are lost by rounding"),
        ("adamw", "momentum", "the momentum, or β₁, is smaller"),
        ("adamw", "rounded", "changes are lost by rounding"),
    ],
)
def test_a_fault_is_said_at_once_and_once_and_its_cause_soon(rule, fault, cause):
    live = LiveDiagnosis()
    said = said_of(run_on_white(rule, AT + 600, 1, fault=fault, at=AT), live=live)
    changed = [message for message in said if message.startswith("the run changed from about step 2,001 on: ")]
    assert len(changed) == 1
    assert min(change.seen for change in live.changes) <= AT + 75
    told = [
        message
        for message in said
        if "Likely cause: " in message or "the likeliest first: " in message or "the nearest first" in message
    ]
    assert any(each.text.startswith(cause) for each in live.causes[:3])
    assert (
        cause in told[0] or fault == "repeat"
    )  # the catalogue is made of networks, and these gradients are white: it comes second
    assert len(said) == len(set(said)) <= 4
    assert live.diagnosis.found
    assert AT - 25 < live.diagnosis.since <= AT + 1


def test_every_way_to_read_a_run_says_the_same():
    run = run_on_white("adamw", AT + 600, 2, fault="momentum", at=AT)
    whole = LiveDiagnosis().update(run)
    assert len(whole) >= 2
    for every in (7, 25, 160):
        live = LiveDiagnosis()
        assert said_of(run, every, live) == whole
    assert live.state() == _after(run).state()


def _after(run):
    live = LiveDiagnosis()
    live.update(run)
    return live


@pytest.mark.parametrize("half", [130, 1310, AT + 3, AT + 60, AT + 240])
def test_a_resumed_run_goes_on_as_if_it_had_not_been_interrupted(half):
    run = run_on_white("sgd", AT + 600, 3, fault="momentum", at=AT)
    monitor, watch = wcdfa.WeightChangeDFA(stride=200), Watch()
    watch.update(monitor, until(run, half))
    states = json.loads(json.dumps([monitor.state_dict(), watch.state_dict()], allow_nan=False))
    again, resumed = wcdfa.WeightChangeDFA(stride=200), Watch()
    again.load_state_dict(states[0])
    resumed.load_state_dict(states[1], again)
    counts = [*range(half + 90, AT + 600, 90), AT + 600]
    one, other = (
        [message for count in counts for message in each.update(of, until(run, count))]
        for each, of in ((watch, monitor), (resumed, again))
    )
    assert one == other
    assert watch.live.state() == resumed.live.state()


def test_a_state_of_an_earlier_release_begins_the_diagnosis_anew():
    run = run_on_white("sgd", 700, 4)
    monitor, watch = wcdfa.WeightChangeDFA(), Watch()
    watch.update(monitor, until(run, 600))
    state = watch.state_dict()
    del state["diagnosis"]
    again = Watch()
    again.load_state_dict(state, monitor)
    assert again.stops == watch.stops
    assert again.live.recent.count == 0
    assert Watch(diagnosis=False).live is None
    Watch(diagnosis=False).load_state_dict(watch.state_dict(), monitor)


@pytest.mark.slow
def test_runs_without_a_fault_give_few_messages():
    """40 runs: how many give a message in their first 3,000 steps, and how many in all 10,000."""
    early = late = 0
    for seed in range(40):
        live, run = LiveDiagnosis(), run_on_white([*OPTIMIZERS][seed % 2], 10_000, 7_000 + seed)
        said = bool(live.update(until(run, 3000, window=3000)))
        early += said
        late += bool(live.update(run)) or said
    assert early <= 5  # 5 % are 2; more than 5 have a probability of 1 %
    assert late <= 6  # 5 % are 2; more than 6 have a probability of 0.3 %


def test_an_optimizer_that_is_not_the_named_one_is_said_from_the_first_window_on():
    run = run_on_white("sgd", 1100, 5, fault="momentum", at=0)
    live = LiveDiagnosis()
    said = said_of(run, live=live)
    found = [check.statistic for check in live.deviations]
    assert len(found) == len(set(found))  # nothing is repeated at the next window, which may show more
    assert not any("cause" in message for message in said[1:])
    assert said[0].startswith("the run is not what SGD(momentum 0.9) gives, from step 1 on: consecutive changes are less alike")
    assert "the momentum, or β₁, is smaller" in said[0]
    assert next(check.statistic for check in live.deviations) == "cosine"


def test_with_norms_alone_a_change_of_their_size_is_said():
    norms = np.exp(0.1 * np.random.default_rng(6).standard_normal(2600))
    norms[AT:] *= 1.5
    monitor, watch = wcdfa.WeightChangeDFA(), Watch()
    said = [message for norm in norms for message in watch.update(monitor, float(norm))]
    assert any("the weight change is larger, by a factor of 1." in message and "step 2,001" in message for message in said)


def test_parameters_are_diagnosed_as_readings_are():
    """A loop in NumPy whose momentum is lost at every step from some step on."""
    rng, weights, velocity = np.random.default_rng(7), {"w": np.zeros(80)}, np.zeros(80)
    monitor, watch = wcdfa.WeightChangeDFA(), Watch()
    said = watch.update(monitor, weights)
    for step in range(2300):
        velocity = (0.9 if step < AT else 0.0) * velocity + rng.standard_normal(80)
        weights["w"] -= 0.01 * velocity
        said += watch.update(monitor, weights, lr=0.01)
    assert any(message.startswith("the run changed from about step 2,001 on: ") for message in said)
    assert "consecutive changes are less alike, from 0." in " ".join(said)


def without(reading, *series):
    return reading._replace(**{name: {} if name in ("groups", "cosines") else None for name in series})


@pytest.mark.parametrize(
    "missing",
    [("sketch",), ("cosine", "cosines"), ("cosine", "cosines", "sketch", "weight_norm", "groups"), ("lr",), ("steps", "taken")],
)
def test_what_was_not_recorded_is_not_compared(missing):
    live = LiveDiagnosis()
    run = without(run_on_white("sgd", AT + 300, 8, fault="momentum", at=AT), *missing)
    said = said_of(run, live=live)
    assert "the weight change is smaller" in said[0]
    have = {statistic for statistic, _ in live.tracks.watches}
    assert ("cosine" in have) == ("cosine" not in missing)
    assert ("neighbours" in have) == ("sketch" not in missing)


def test_series_that_come_later_and_gaps_do_no_harm():
    run = run_on_white("sgd", 2600, 9)
    live = LiveDiagnosis()
    said = live.update(without(until(run, 700, 700), "cosine", "sketch", "cosines"))
    assert ("cosine", "all") not in live.tracks.watches
    norms = run.norms.copy()
    norms[1500:1530] = np.nan
    for count in range(725, 2600, 25):
        said += live.update(until(run._replace(norms=norms), count, 25 if count % 150 else 10))  # some were overwritten
    assert said == []
    assert live.tracks.watches["cosine", "all"].model is not None
    assert live.recent.count == 2575


def test_rates_that_become_unknown_begin_a_new_baseline():
    run = run_on_white("sgd", 2200, 10)
    rates = run.lr.copy()
    rates[1700:] = np.nan
    live = LiveDiagnosis()
    assert said_of(run._replace(lr=rates), live=live) == []
    assert not live.recent.rated
    assert live.tracks.blocks < 25


def test_a_burst_and_a_jump_of_the_rate_are_said_once_and_without_a_cause():
    run = run_on_white("sgd", 2600, 11)._replace(optimizer=None, hyperparameters={})
    norms, rates = run.norms.copy(), run.lr.copy()
    norms[[1800, 1900]] *= 30
    said = said_of(run._replace(norms=norms))
    assert [message.partition(" (")[0].partition(", from")[0] for message in said] == [
        "the run changed from about step 1,801 on: a single change is far above what was usual"
    ]
    rates[2000:], rates[2300:] = 0.001, 0.0001
    norms = run.norms * rates / run.lr
    said = said_of(without(run, "groups", "cosines", "weight_norm", "sketch")._replace(norms=norms, lr=rates))
    assert len(said) == 1
    assert "the learning rate is lower, from 0.01 to 0.001" in said[0]
    assert "cause" not in said[0]


def test_another_recorder_begins_anew():
    live = LiveDiagnosis()
    live.update(run_on_white("sgd", 900, 12))
    live.update(until(run_on_white("adamw", 100, 13), 100))
    assert live.recent.count == 100
    assert live.tracks.watches == {}
    live.update(Reading(np.zeros(0), 0, 0))
    assert live.recent.count == 0


def test_what_was_compared_is_told_of_a_run_without_a_fault():
    live = LiveDiagnosis()
    run = run_on_white("sgd", 1600, 14)
    live.update(until(run, 300))
    early = live.diagnosis
    assert not early.compared
    assert "changes, because 1,000 steps after the first 300 show what is usual, got 300 in all" in early.not_compared
    assert any("this is looked at every 500 steps, got 300" in each for each in early.not_compared)
    said_of(run, live=live)
    told = live.diagnosis.compared
    assert told[0].endswith("statistics of 500 steps with what SGD(momentum 0.9) gives")
    assert told[1].endswith("series, every 25 steps, with what was usual before")
    assert live.diagnosis.not_compared == ()
    assert str(live.diagnosis).startswith("nothing found. Compared: ")
    other = LiveDiagnosis(400)
    other.load(live.state())
    assert repr(other.diagnosis.checks) == repr(live.diagnosis.checks)  # some numbers are NaN
    assert other.baseline == live.baseline == 40


def test_a_group_that_moves_again_is_not_called_frozen():
    run = run_on_white("sgd", 2600, 15)
    groups = {name: norms.copy() for name, norms in run.groups.items()}
    groups["layer2"][AT : AT + 21] = 0
    live = LiveDiagnosis()
    said = said_of(run._replace(groups=groups), every=25, live=live)
    assert said[0].startswith("the run changed from about step 2,001 on: layer2: it no longer moves")
    assert said[1].startswith("the change from about step 2,001 on: layer2 moves again.")
    assert "frozen" not in " ".join(said[1:])
    assert all(change.statistic != "frozen" for change in live.changes)


def test_events_soon_after_a_change_whose_cause_is_clear_are_said():
    record = Recent()
    run = run_on_white("sgd", 2000, 16)
    for _ in record.take(run):
        pass
    last, tracks = record.last(500), Tracks()
    first = Change("level", "all", 0.0, 1.0, 1900, 1925, 0.01)
    episode = Episode([first], since=1900, said=["level"], settled=True, until=2000)
    rate, still, echo = (
        Change("learning rate", "all", 0.1, 0.01, 1960, 1960, 0.0),
        Change("frozen", "layer1", 0.5, 0.0, 1961, 1980, 0.0),
        Change("level", "layer1", 0.0, 1.0, 1900, 1950, 0.01),
    )
    assert all(map(episode.holds, (rate, still, echo)))
    (said,) = episode.go_on([rate, still, echo], tracks, last)
    assert "Found since: the learning rate is lower, from 0.1 to 0.01" in said
    assert "layer1: it no longer moves" in said
    assert "weight change" not in said
    assert [*episode.go_on([], tracks, last)] == []


def test_a_step_that_is_not_the_largest_of_the_run_or_stays_is_no_burst():
    run = without(run_on_white("sgd", 2600, 17), "cosine", "cosines", "sketch", "weight_norm", "groups", "lr")
    large, stays = run.norms.copy(), run.norms.copy()
    large[100], large[1900] = 100.0, 90.0
    stays[AT + 20 :] *= 30
    for norms, burst in ((large, False), (stays, False), (np.where(np.arange(2600) == 1900, 90.0, run.norms), True)):
        said = " ".join(said_of(run._replace(norms=norms, optimizer=None, hyperparameters={})))
        assert ("a single change is far above what was usual" in said) == burst
        assert ("is larger, by a factor of" in said) == (norms is stays)


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_a_decay_to_zero_has_no_jump_of_the_rate(decay):
    run = run_on_white("sgd", 2600, 18)
    part = np.clip((np.arange(2600) - 1500) / 1100, 0, 1)
    rates = 0.01 * (1 - part if decay == "linear" else (1 + np.cos(np.pi * part)) / 2)
    live = LiveDiagnosis()
    said_of(run._replace(lr=rates, norms=run.norms * rates / 0.01, groups={}, optimizer=None, hyperparameters={}), live=live)
    assert not [change for change in live.changes if change.statistic == "learning rate"]


def test_a_memory_that_varies_is_not_compared_and_other_hyperparameters_do_no_harm():
    run, some = run_on_white("sgd", 600, 19), np.linspace(0.5, 0.9, 600)
    for name, compared in (("momentum", False), ("weight_decay", True)):
        live = LiveDiagnosis()
        live.update(run._replace(varying={name: some}))
        assert bool(live.diagnosis.checks) == compared
        numbers = of_window(run._replace(varying={name: some}))
        assert np.isfinite(numbers["wcdfa/cosine_low"]) == np.isfinite(numbers["wcdfa/diagnosis_p"]) == compared
        at_once = run._replace(varying={name: some}).diagnosis()
        assert bool(at_once.checks) == compared
