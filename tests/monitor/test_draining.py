"""A monitor that is fed from a recorder: what is new, what was lost, what does not fit."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa
from wcdfa import Reading, WeightChangeDFA, synthetic
from wcdfa.recording.ring import init, read, record

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))


class Source:
    """A recorder with a ring of its own."""

    def __init__(self, window=64, groups=(), **known):
        self.ring, self.groups, self.known = init(window, groups), groups, known

    def record(self, norms, lr=0.1):
        for norm in norms:
            self.ring = record(self.ring, {"all": norm} | {name: norm / 2 for name in self.groups}, lr)
        return read(self.ring)._replace(**self.known)


@pytest.mark.parametrize("every", [1, 10, 16, 50, 64])
def test_what_is_new_is_recorded_once(every):
    monitor, direct, source = WeightChangeDFA(64, 16), WeightChangeDFA(64, 16), Source()
    for start in range(0, 400, every):
        part = NORMS[start : start + every]
        for norm in part:
            direct.update(norm, lr=0.1)
        reading = source.record(part)
        assert monitor.update(reading) is monitor
        monitor.update(reading)  # nothing in it is new
        np.testing.assert_array_equal(monitor.get_signal(), direct.get_signal())
        np.testing.assert_array_equal(monitor.reading().steps, direct.reading().steps)
    assert monitor.history == direct.history
    assert monitor.reading().lr.tolist() == [0.1] * 64


@pytest.mark.parametrize("steps", ["known", "unknown"])
def test_what_was_overwritten_leaves_a_gap_in_the_steps(steps):
    monitor, source = WeightChangeDFA(128, 16), Source(window=50)
    for part in (NORMS[:40], NORMS[40:120], NORMS[120:130]):
        reading = source.record(part)
        monitor.update(reading if steps == "known" else reading._replace(steps=None))
    np.testing.assert_array_equal(monitor.reading().steps, [*range(1, 41), *range(71, 131)])
    np.testing.assert_array_equal(monitor.get_signal(), [*NORMS[:40], *NORMS[70:130]])
    found = monitor.verdict()
    assert found.prepared.breaks == (40,)
    assert any("a gap of 31 steps" in finding.text for finding in found.findings)


def test_zeros_that_the_recorder_skipped_are_counted_once():
    monitor, source = WeightChangeDFA(64), Source()
    for part in (NORMS[:5], [0.0, 0.0], [0.0, *NORMS[5:9]]):
        monitor.update(source.record(part))
        monitor.update(source.record([]))
    assert (monitor.skipped, monitor.n_samples) == (3, 9)


def test_a_recorder_that_was_set_back_begins_anew():
    monitor, source = WeightChangeDFA(64, 16), Source()
    monitor.update(source.record(NORMS[:100]))
    kept, history = source.ring, monitor.history
    monitor.update(source.record(NORMS[100:200]))
    assert len(monitor.history) > len(history)
    source.ring = kept
    monitor.update(source.record([0.0, *NORMS[300:310]]))
    np.testing.assert_array_equal(monitor.get_signal(), [*NORMS[46:100], *NORMS[300:310]])
    np.testing.assert_array_equal(monitor.reading().steps, range(47, 111))
    assert monitor.skipped == 1
    fresh = Source()
    monitor.update(fresh.record(NORMS[:7]))
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[:7])
    assert monitor.skipped == 0


def test_groups_come_with_the_reading_and_stay_the_same():
    monitor = WeightChangeDFA(64, 16)
    source = Source(groups=("head", "body"))
    monitor.update(source.record(NORMS[:64]))
    np.testing.assert_array_equal(monitor.get_signal("head"), NORMS[:64] / 2)
    assert set(monitor.alphas) == {"all", "head", "body"}
    mixed = source.record([1.0])
    monitor.update(mixed._replace(groups=dict(sorted(mixed.groups.items()))))  # as compiled code has them
    before = monitor.state_dict()
    with pytest.raises(
        ValueError, match=r"the groups are all, tail, but those recorded so far are all, head, body; reset\(\) starts over"
    ):
        monitor.update(Source(groups=("tail",)).record(NORMS[:100]))
    with pytest.raises(ValueError, match="the groups are all, but those recorded so far are all, head, body"):
        monitor.update(Source().record(NORMS[:100]))
    with pytest.raises(TypeError, match="groups need parameters or a Reading, but update was given a number"):
        monitor.update(1.0)
    assert monitor.state_dict() == before
    other = WeightChangeDFA(64, 16)
    other.load_state_dict(before)
    assert other.update(source.record([2.0])).get_signal("body")[-1] == 1.0
    monitor.reset()
    monitor.update(Source(groups=("tail",)).record(NORMS[:3]))
    assert monitor.n_samples == 3


def test_an_ensemble_is_refused():
    ensemble = Reading(np.ones((3, 5)), np.array([5, 5, 5]), np.zeros(3, dtype=int))
    monitor = WeightChangeDFA(64)
    with pytest.raises(
        ValueError, match=r"the reading belongs to an ensemble; give each member, reading.member\(i\), to a monitor"
    ):
        monitor.update(ensemble)
    assert monitor.update(ensemble.member(1)).n_samples == 5


def test_the_verdict_knows_the_optimizer():
    norms = wcdfa.nulls.replay.optimizer_norms(256, optimizer="sgd", momentum=0.9, replicates=1, seed=0)[0]
    source = Source(256, optimizer="sgd", hyperparameters={"momentum": 0.9})
    monitor = WeightChangeDFA(256).update(source.record(norms, lr=np.nan))
    found = monitor.verdict(replicates=20)
    assert found.null == wcdfa.verdict(norms, optimizer="sgd", momentum=0.9, replicates=20).null
    assert monitor.verdict(replicates=20, optimizer="adam").null != found.null
    assert monitor.reading().optimizer == "sgd"


def test_a_state_keeps_the_optimizer():
    norms = np.exp(0.1 * synthetic.white_noise(60, seed=0))
    reading = Reading(norms, 60, 0, optimizer="adamw", hyperparameters={"betas": (0.9, 0.99), "eps": np.float32(1e-8)})
    monitor = WeightChangeDFA(window=50).update(reading)
    other = WeightChangeDFA(window=50)
    other.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    assert other.reading().optimizer == "adamw"
    assert other.verdict(replicates=20).null == monitor.verdict(replicates=20).null


def test_a_rate_that_is_unknown_and_a_norm_that_is_a_gap():
    monitor = WeightChangeDFA(64).update(Source().record([1.0, np.nan, 2.0], lr=np.nan))
    assert monitor.reading().lr is None
    np.testing.assert_array_equal(monitor.get_signal(), [1, np.nan, 2])


@pytest.mark.parametrize("part", [{"lr": np.ones(2)}, {"steps": np.arange(4)}, {"groups": {"head": np.ones(2)}}])
def test_a_reading_that_does_not_fit_itself_records_nothing(part):
    reading = Reading(np.ones(3), 5, 0)._replace(**part)
    monitor = WeightChangeDFA(window=50, groups=1 if "groups" in part else None)
    with pytest.raises(ValueError, match=r"of a reading must be of shape \(3,\)"):
        monitor.update(reading)
    assert monitor.n_samples == 0
    assert monitor.update(Reading(np.ones(3), 3, 0, groups={"head": np.ones(3)} if "groups" in part else {})).n_samples == 3


def test_another_recorder_that_is_further_on_does_not_join_the_first():
    """What was recorded last is looked for in the next reading: where it is not, all of that is taken, anew."""
    monitor, first, second = WeightChangeDFA(64, 16), Source(), Source()
    monitor.update(first.record(NORMS[:40]))
    reading = second.record(NORMS[100:160])
    assert not monitor.continues(reading)
    np.testing.assert_array_equal(monitor.update(reading).get_signal(), NORMS[100:160])
    assert monitor.reading().count == 60
    monitor.update(second.record([np.nan]))
    reading = second.record(NORMS[160:163])
    assert monitor.continues(reading)  # after a gap too
    assert monitor.update(reading).reading().count == 64
