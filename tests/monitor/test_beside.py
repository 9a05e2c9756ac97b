"""What a monitor keeps and logs beside the norms: gradients, rates, hyperparameters that vary, and the steps that α belongs to."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from wcdfa import WeightChangeDFA, synthetic
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import init, read, record
from wcdfa.sinks.keys import METRICS, WHERE_KNOWN

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))
GRADIENTS = 3.0 * NORMS[::-1]


class OnDevice:
    """A number on a device, that says how often it was copied from there."""

    shape, dtype, copied = (), np.dtype("float32"), 0

    def __init__(self, value):
        self.value = value

    def item(self):
        OnDevice.copied += 1
        return self.value


def reading(first, last, *, window=60, cycled=True, **source):
    """Norms `first` to `last` of a run, as a recorder with a window tells them."""
    start = max(0, last - window)
    steps = np.arange(start, last) + 1
    betas = np.stack([0.9 - 0.0001 * steps, np.full(len(steps), 0.99)], axis=1)
    varying = {"betas": betas} if cycled else {}
    own = {"optimizer": "adam", "hyperparameters": {"betas": tuple(betas[-1])}, **source}
    return Reading(
        NORMS[start:last], last, 0, np.full(last - start, 0.1), steps, gradients=GRADIENTS[start:last], varying=varying, **own
    )


def test_the_gradient_norm_of_each_step():
    monitor = WeightChangeDFA(window=64)
    for i, (norm, gradient) in enumerate(zip(NORMS[:100], GRADIENTS, strict=False)):
        monitor.update(norm, gradient_norm=gradient if i != 90 else None)
    expected = np.where(np.arange(100) == 90, np.nan, GRADIENTS[:100])[-64:]
    np.testing.assert_array_equal(monitor.reading().gradients, expected)
    assert WeightChangeDFA(window=64).update(1.0).reading().gradients is None


def test_it_stays_on_its_device_and_leaves_with_its_norm():
    OnDevice.copied = 0
    monitor = WeightChangeDFA(window=64, record_every=2)
    for norm in (1.0, 2.0, 0.0, 0.0, 3.0, 4.0):
        monitor.update(OnDevice(norm), gradient_norm=OnDevice(10 * norm))
    assert OnDevice.copied == 0
    found = monitor.reading()
    assert (found.norms.tolist(), found.gradients.tolist(), found.skipped) == ([2.0, 4.0], [20.0, 40.0], 1)


def test_the_gradient_norm_beside_parameters():
    monitor = WeightChangeDFA(window=64, groups=1)
    for number in range(4):
        monitor.update({"a": np.full(4, float(number)), "b": np.zeros(2)}, gradient_norm=number)
    found = monitor.reading()
    assert (found.gradients.tolist(), list(found.groups)) == ([1.0, 2.0, 3.0], ["a", "b"])


@pytest.mark.parametrize("given", ["1", [1.0, 2.0], np.ones(3)])
def test_what_is_no_gradient_norm(given):
    monitor = WeightChangeDFA(window=64)
    with pytest.raises(TypeError, match="gradient_norm must be a number or an array of size 1"):
        monitor.update(1.0, gradient_norm=given)
    with pytest.raises(TypeError, match="a Reading has the gradient norms of its steps"):
        monitor.update(reading(0, 5), gradient_norm=1.0)
    assert monitor.n_samples == 0


def test_readings_bring_all_of_it():
    monitor = WeightChangeDFA(window=80)
    for last in (30, 60, 100, 130):
        monitor.update(reading(0, last, taken=max(0, last - 60) + 7))
    found = monitor.reading()
    np.testing.assert_array_equal(found.gradients, GRADIENTS[50:130])
    np.testing.assert_allclose(found.varying["betas"][:, 0], 0.9 - 0.0001 * np.arange(51, 131), rtol=1e-6)
    assert (found.taken, found.optimizer, found.unknown) == (57, "adam", None)


def test_a_value_that_changes_between_two_readings_varies():
    monitor = WeightChangeDFA(window=80)
    for last, momentum in ((30, 0.9), (60, 0.5)):
        part = Reading(NORMS[last - 30 : last], last, 0, steps=np.arange(last - 30, last) + 1)
        monitor.update(part._replace(optimizer="sgd", hyperparameters={"momentum": momentum}))
    assert monitor.reading().varying["momentum"].tolist() == [0.9] * 30 + [0.5] * 30


def test_constant_values_do_not_vary():
    monitor = WeightChangeDFA(window=80).update(reading(0, 50, cycled=False))
    assert monitor.reading().varying == {}
    assert "wcdfa/beta1" not in monitor.metrics()


def test_why_there_is_no_optimizer_is_kept():
    monitor = WeightChangeDFA(window=80).update(Reading(NORMS[:50], 50, 0, unknown="SAM is not known"))
    assert (monitor.reading().unknown, monitor.reading().taken) == ("SAM is not known", None)
    again = WeightChangeDFA(window=80)
    again.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    assert again.reading().unknown == "SAM is not known"


def filled():
    monitor = WeightChangeDFA(window=64, stride=16)
    monitor.update(reading(0, 60, taken=3))
    return monitor.update(reading(0, 100, taken=43))


@pytest.mark.parametrize("how", ["JSON", "npz", "pickle", "copy"])
def test_a_restart(how, tmp_path):
    monitor, again = filled(), WeightChangeDFA(window=64, stride=16)
    if how == "JSON":
        again.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    elif how == "npz":
        monitor.save(tmp_path / "saved.npz")
        again.load(tmp_path / "saved.npz")
    else:
        again = pickle.loads(pickle.dumps(monitor)) if how == "pickle" else copy.deepcopy(monitor)
    for each in (monitor, again):
        each.update(reading(0, 120, taken=63))
    one, other = monitor.reading(), again.reading()
    np.testing.assert_array_equal(one.gradients, other.gradients)
    np.testing.assert_array_equal(one.varying["betas"], other.varying["betas"])
    assert one.taken == other.taken == 59
    np.testing.assert_equal(monitor.metrics(), again.metrics())


def test_states_of_earlier_releases():
    """They know nothing of it, and what is recorded from then on is kept."""
    monitor = WeightChangeDFA(window=64)
    for norm in NORMS[:30]:
        monitor.update(norm)
    state = monitor.state_dict()
    assert not {"before", "side_series", "side_values"} & state.keys()
    state["source"] = json.dumps({"optimizer": "sgd", "hyperparameters": {}})
    again = WeightChangeDFA(window=64)
    again.load_state_dict(state)
    again.update(1.0, gradient_norm=2.0)
    found = again.reading()
    assert np.isnan(found.gradients[:30]).all()
    assert (found.gradients[30], found.optimizer, found.unknown, found.taken) == (2.0, "sgd", None, None)


def test_a_pickle_of_an_earlier_release_has_no_count():
    monitor = WeightChangeDFA(window=64).update(1.0)
    recorder = monitor._run.recorder
    vars(recorder).pop("before", None)
    assert pickle.loads(pickle.dumps(monitor)).reading().taken is None


def test_the_log_says_which_steps_alpha_belongs_to():
    rows = {}
    monitor = WeightChangeDFA(window=100, logger=rows.__setitem__, log_every=1)
    for norm in NORMS[:190]:
        monitor.update(norm)
    assert "wcdfa/window_first_step" not in rows[99]
    for step in range(100, 191):
        last = step // 20 * 20
        assert (rows[step]["wcdfa/window_first_step"], rows[step]["wcdfa/window_last_step"]) == (last - 99, last)
    assert list(rows[190]) == list(METRICS)


def test_the_log_holds_what_the_verdict_is_based_on():
    rows = {}
    monitor = WeightChangeDFA(window=64, logger=rows.__setitem__, log_every=1)
    monitor.update(reading(0, 60))
    for step in range(2, 61):
        row = {key: rows[step][key] for key in WHERE_KNOWN if key in rows[step]}
        expected = {"wcdfa/lr": 0.1, "wcdfa/gradient_norm": GRADIENTS[step - 1]}
        assert row == pytest.approx(expected | {"wcdfa/beta1": 0.9 - 0.0001 * step, "wcdfa/beta2": 0.99})
    assert "wcdfa/momentum" not in rows[60]
    before = reading(0, 60)
    still = Reading(NORMS[60:160], 160, 0, steps=np.arange(61, 161), optimizer="adam", hyperparameters=before.hyperparameters)
    again = WeightChangeDFA(window=64)
    monitor.update(still)  # constant since then, and no longer in the window
    again.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    for each in (monitor, again):
        assert each.reading().varying == {}
        assert each.metrics()["wcdfa/beta1"] == pytest.approx(0.894)
    plain = WeightChangeDFA(window=64).update(1.0, lr=0.5)
    assert {key for key in WHERE_KNOWN if key in plain.metrics()} == {"wcdfa/lr"}


def test_a_watch_takes_a_reading_apart_with_all_of_it():
    monitor, whole = WeightChangeDFA(window=64, stride=8), reading(0, 90, window=90, taken=0)
    Watch().update(monitor, whole)
    found = monitor.reading()
    np.testing.assert_array_equal(found.gradients, GRADIENTS[26:90])
    np.testing.assert_allclose(found.varying["betas"], whole.varying["betas"][26:], rtol=1e-6)
    assert (len(monitor.history), found.taken) == (4, 26)


def test_members_of_an_ensemble():
    ring = init(3)
    rings = []
    for member in (0, 1):
        own = init(3, ["wcdfa_gradients", "wcdfa_momentum"])
        for number in range(4 + member):
            beside = {"wcdfa_gradients": 10.0 * number, "wcdfa_momentum": 0.9 - 0.1 * number * member}
            own = record(own, {"all": 1.0 + number, **beside})
        rings.append(own)
    ring = type(ring)(
        {name: np.stack([own.wcdfa_norms[name] for own in rings]) for name in rings[0].wcdfa_norms},
        *(np.stack(parts) for parts in zip(*(own[1:] for own in rings), strict=True)),
    )
    both = read(ring)._replace(taken=np.array([1, 2]))
    first, second = both.member(0), both.member(1)
    assert (first.gradients.tolist(), second.gradients.tolist()) == ([10.0, 20.0, 30.0], [20.0, 30.0, 40.0])
    assert (first.varying, second.varying["momentum"].tolist()) == ({}, pytest.approx([0.7, 0.6, 0.5]))
    assert (first.taken, second.taken) == (1, 2)


def test_no_group_takes_their_names():
    monitor = WeightChangeDFA(window=64, groups=1)
    with pytest.raises(ValueError, match="a group cannot be called 'wcdfa_momentum'"):
        monitor.update({"wcdfa_momentum": np.zeros(2)})
