"""What is said while a run goes on, however its norms come in."""

from __future__ import annotations

import json
import logging
import warnings

import numpy as np
import pytest

import wcdfa
from tests.helpers.white_training import log_norms
from wcdfa import synthetic
from wcdfa.monitor.messages import Alarms, DriftWarning
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading


def norms_of(*series):
    return np.exp(0.1 * np.concatenate(series))


def reading(norms, count, window=400):
    kept = norms[max(0, count - window) : count]
    return Reading(kept, count, 0, steps=np.arange(count - len(kept), count) + 1)


CALM, WILD = wcdfa.synthetic.white_noise(2000, seed=0), wcdfa.synthetic.random_walk(500, seed=0)


def test_a_reading_says_what_the_norms_do_one_by_one():
    norms = norms_of(CALM, WILD)
    one_by_one, said = Watch(diagnosis=False), []
    monitor = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls")
    for norm in norms:
        said += one_by_one.update(monitor, norm)
    assert [message.partition(":")[0].partition(" beyond")[0] for message in said] == [
        "α drifted up",
        "regime changed from disordered to ordered",
    ]
    for every in (1, 10, 60, 390):
        watch, again = Watch(diagnosis=False), []
        monitor = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls")
        for count in [*range(every, len(norms), every), len(norms)]:
            again += watch.update(monitor, reading(norms, count))
        assert again == said
        assert (watch.stops, watch.alphas, watch.stderrs) == (one_by_one.stops, one_by_one.alphas, one_by_one.stderrs)
        assert monitor.drained == len(norms)


def test_nothing_changes_and_nothing_is_said():
    monitor, watch = wcdfa.WeightChangeDFA(window=128), Watch()
    assert [watch.update(monitor, norm) for norm in norms_of(CALM)] == [[]] * 2000
    assert len(watch.alphas) == len(monitor.history) > 0


def test_an_alpha_that_is_nan_says_nothing_and_training_may_go_back():
    monitor, watch = wcdfa.WeightChangeDFA(window=64, stride=16), Watch()
    watch.update(monitor, reading(norms_of(CALM), 200))
    stops = list(watch.stops)
    watch.update(monitor, reading(np.ones(300), 300))  # which does not fluctuate
    assert np.isnan(monitor.alpha)
    assert watch.stops == [stop for stop in watch.stops if stop < 264]
    back = norms_of(CALM[500:])
    watch.update(monitor, reading(back, 120))  # of a recorder that was set back
    assert monitor.reading().steps[-1] == 120
    assert watch.stops == sorted(set(watch.stops))
    assert watch.stops[-1] == 112
    assert stops[0] in watch.stops


def test_another_recorder_has_a_baseline_of_its_own():
    monitor, watch = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls"), Watch()
    assert watch.update(monitor, reading(norms_of(CALM[:300], WILD), 800)) == []  # wild in all that the ring holds
    assert monitor.regime == "ordered"
    assert watch.update(monitor, reading(norms_of(CALM), 300)) == []
    assert monitor.regime == "disordered"


def test_misuse_is_refused_and_nothing_is_lost():
    monitor, watch = wcdfa.WeightChangeDFA(window=64), Watch()
    watch.update(monitor, 1.0)
    with pytest.raises(TypeError, match="update takes a number"):
        watch.update(monitor, "norm")
    assert monitor.n_samples == 1


@pytest.mark.parametrize("half", [700, 2000, 2130])
def test_gone_on_with_in_the_middle(half):
    """With the baseline and the regime of before, by way of JSON; at an α, between two, and while α drifts."""
    norms, said = norms_of(CALM, WILD), []
    monitor, watch = (wcdfa.WeightChangeDFA(window=128, stride=25, method="gls"), Watch(diagnosis=False))
    said += watch.update(monitor, reading(norms, half, len(norms)))
    states = json.loads(json.dumps([monitor.state_dict(), watch.state_dict()]))
    again, resumed = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls"), Watch(diagnosis=False)
    again.load_state_dict(states[0])
    resumed.load_state_dict(states[1], again)
    later = []
    for count in (half + 1, half + 3, len(norms)):
        later += resumed.update(again, reading(norms, count, len(norms)))
    assert later == watch.update(monitor, reading(norms, len(norms), len(norms)))
    assert (resumed.stops, resumed.alphas, resumed.stderrs) == (watch.stops, watch.alphas, watch.stderrs)
    assert len(said + later) == 2


@pytest.mark.parametrize("action", ["log", "warn", "stop", "call", None])
def test_what_is_done_with_an_alarm(action, caplog):
    called = []
    alarms = Alarms(called.append if action == "call" else action)
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.WARNING, logger="wcdfa"):
        warnings.simplefilter("always")
        stops = [alarms("first"), alarms("second", aloud=False)]
    assert alarms.raised == ["first", "second"]
    assert stops == [action == "stop"] * 2
    assert [record.getMessage() for record in caplog.records] == (["first"] if action in ("log", "stop") else [])
    assert [(each.category, str(each.message)) for each in caught] == ([(DriftWarning, "first")] if action == "warn" else [])
    assert called == (["first"] if action == "call" else [])


def test_a_message_of_the_diagnosis_stops_no_training(caplog):
    norms = np.exp(0.1 * np.random.default_rng(6).standard_normal(2300))
    norms[2000:] *= 1.5
    monitor, watch, act = wcdfa.WeightChangeDFA(), Watch(), Alarms("stop")
    said = [message for norm in norms for message in watch.update(monitor, float(norm))]
    changed = [message for message in said if message.startswith("the run changed")]
    assert len(changed) == 1
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        assert not act(changed[0])
        assert act("α drifted up")
    assert [record.getMessage() for record in caplog.records] == act.messages == [*changed, "α drifted up"]


def test_an_alarm_that_fails_does_no_harm(caplog):
    def fails(message):
        raise RuntimeError(message)

    for action in (fails, "warn"):  # warnings are errors here
        with caplog.at_level(logging.ERROR, logger="wcdfa"):
            assert not Alarms(action)("of the user")
        assert caplog.records[-1].getMessage() == "the alarm of a monitor failed; training goes on"
        assert str(caplog.records[-1].exc_info[1]) == "of the user"


def test_what_is_no_alarm():
    for given, error in (("shout", ValueError), (3, TypeError), (True, TypeError)):
        with pytest.raises(
            error, match=f"alarms must be one of 'log', 'warn', 'stop', None or a callable that takes .*, got {given!r}"
        ):
            Alarms(given)


def said_of(norms, every=500, method="robust", spacing=1):
    """All messages about a run, read every so many steps, as it is called live."""
    watch, monitor, said = Watch(), wcdfa.WeightChangeDFA(method=method), []
    for stop in range(every, len(norms) + 1, every):
        steps = spacing * (1 + np.arange(stop - every, stop))
        said += watch.update(monitor, Reading(norms[stop - every : stop], stop, 0, steps=steps))
    return said


def steps_of(said, about):
    return [int(message.rpartition(" ")[2]) for message in said if about in message]


@pytest.mark.parametrize("alpha", [0.8, 1.2])
def test_an_alpha_at_the_edge_of_a_band_is_no_change_of_regime(alpha):
    """Its intervals are in one band now and in the other then."""
    norms = np.exp(0.1 * synthetic.arfima(6_000, d=alpha - 0.5, batch=(8,), seed=int(10 * alpha)))
    said = [message for run in norms for message in said_of(run)]
    assert sum("regime" in message for message in said) <= 1
    assert sum("drifted" in message for message in said) <= 2


@pytest.mark.parametrize(
    "options",
    [{"rule": "RMSprop", "second": 0.99}, {"rule": "AdamW", "first": 0.95, "second": 0.95}, {"first": 0.99}],
    ids=["RMSprop", "AdamW", "SGD"],
)
def test_what_fills_up_at_the_start_is_no_change(options):
    said = [said_of(np.exp(run)) for run in log_norms(8, 4_000, 21, **options)]
    assert sum(map(bool, said)) <= 1


def test_a_change_of_momentum_is_said_soon_and_once_and_by_which_method():
    delays = []
    for run in log_norms(8, 7_000, 22, first=0.9, changes={4_000: 0.0}):
        said = said_of(np.exp(run))
        down = [message for message in said if message.startswith("α drifted down beyond ")]
        assert len(down) == 1
        assert " (measured for drifts), from about step " in down[0]
        assert any(message.startswith("regime changed from critical to disordered: α = ") for message in said)
        delays.append(steps_of(down, "drifted")[0] - 4_000)
    assert max(delays) <= 700
    sharp = [message for message in said_of(np.exp(run), method="gls") if "drifted down" in message]
    assert "by the method" not in sharp[0]


def test_the_regime_comes_back_only_when_alpha_does():
    calm, wild = (synthetic.arfima(4_000, d=d, batch=(2,), seed=23) for d in (0.0, 1.0))
    there_and_back = np.concatenate([calm[0], 3 + 0.3 * wild[0][:2_500], calm[1]])
    said = said_of(np.exp(0.1 * there_and_back))
    changes = [message.partition(":")[0].split()[3::2] for message in said if "regime" in message]  # from, to
    assert [change[0] for change in changes] == ["disordered", *(change[1] for change in changes[:-1])]
    assert ["ordered" in change for change in changes].count(True) == 2  # there and back, once each
    assert changes[-1][1] == "disordered"


def test_a_watch_of_every_tenth_step_counts_windows_not_steps():
    """A window of 500 norms then covers 5,000 steps, and so does the shortest baseline."""
    norms = np.exp(0.1 * np.concatenate([synthetic.white_noise(4_000, seed=24), synthetic.arfima(1_500, d=0.6, seed=24)]))
    once, thinned = said_of(norms), said_of(norms, spacing=10)
    assert [10 * step for step in steps_of(once, "drifted")] == steps_of(thinned, "drifted")
    drifted = [message for message in thinned if "drifted" in message]
    assert abs(int(drifted[0].partition("from about step ")[2].partition(" ")[0]) - 40_000) < 3_000
