"""The direction in a monitor: of parameters, of numbers, of readings; its gaps; its state."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from tests.helpers.direction_oracle import slow_direction
from wcdfa import WeightChangeDFA
from wcdfa.recording.reading import Reading

SHAPES = {"a": (4, 5), "b": (3,)}
SERIES = ("cosine", "weight_norm", "sketch")


def walk(steps, seed=0):
    """Parameters that move at random, with momentum."""
    rng = np.random.default_rng(seed)
    now, velocity = ({name: rng.standard_normal(shape) for name, shape in SHAPES.items()} for _ in range(2))
    history = [now]
    for _ in range(steps):
        velocity = {name: 0.5 * value + rng.standard_normal(value.shape) for name, value in velocity.items()}
        history.append({name: value + velocity[name] for name, value in history[-1].items()})
    return history


def given(history, **options):
    monitor = WeightChangeDFA(window=50, groups=1, **options)
    for each in history:
        monitor.update(each)
    return monitor


def assert_same(one, other):
    for name in SERIES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.cosines) == list(other.cosines)
    for group, values in one.cosines.items():
        np.testing.assert_array_equal(values, other.cosines[group])


def test_numbers_that_the_user_computes():
    monitor = WeightChangeDFA(window=50)
    for i in range(1, 5):
        monitor.update(float(i), cosine=0.1 * i if i != 3 else None, weight_norm=np.float32(10 * i))
    found = monitor.reading()
    np.testing.assert_allclose(found.cosine, [0.1, 0.2, np.nan, 0.4])
    np.testing.assert_allclose(found.weight_norm, [10, 20, 30, 40])
    assert (found.sketch, found.cosines) == (None, {})


def test_readings_are_drained_with_all_of_it():
    whole = given(walk(70)).reading()
    monitor = WeightChangeDFA(window=50, groups=1)
    for last in (10, 30, 45):
        part = {name: getattr(whole, name)[:last] for name in ("norms", "steps", *SERIES)}
        groups = {name: values[:last] for name, values in whole.groups.items()}
        monitor.update(
            Reading(count=last, skipped=0, groups=groups, cosines={n: v[:last] for n, v in whole.cosines.items()}, **part)
        )
    found = monitor.reading()
    for name in SERIES:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name)[:45], rtol=1e-6)
    np.testing.assert_allclose(found.cosines["a"], whole.cosines["a"][:45])
    without = WeightChangeDFA(window=50, groups=1, direction=False).update(whole)
    assert without.reading().cosine is None


def test_a_reading_whose_series_differ_in_length():
    with pytest.raises(ValueError, match=r"cosine of a reading must be of shape \(3,\)"):
        WeightChangeDFA(window=50).update(Reading(np.ones(3), 3, 0, cosine=np.ones(2)))
    with pytest.raises(ValueError, match=r"sketch of a reading must be of shape \(3,\)"):
        WeightChangeDFA(window=50).update(Reading(np.ones(3), 3, 0, sketch=np.ones((2, 4))))


@pytest.mark.parametrize("name", ["cosine", "weight_norm"])
def test_what_is_refused(name):
    monitor = WeightChangeDFA(window=50)
    with pytest.raises(TypeError, match=f"{name} must be a number or an array of size 1"):
        monitor.update(1.0, **{name: "1"})
    with pytest.raises(TypeError, match=f"{name} belongs to a norm; of parameters"):
        monitor.update({"w": np.ones(2)}, **{name: 1.0})
    with pytest.raises(TypeError, match=f"{name} belongs to a norm; a Reading"):
        monitor.update(Reading(np.ones(3), 3, 0), **{name: 1.0})
    assert monitor.n_samples == 0
    with pytest.raises(TypeError, match="direction must be True or False"):
        WeightChangeDFA(direction="yes")
    with pytest.raises(ValueError, match="coordinates must be at least 1"):
        WeightChangeDFA(coordinates=0)


def test_where_steps_are_left_out_there_is_no_cosine():
    history = walk(12)
    found = given(history, record_every=3).reading()
    assert np.isnan(found.cosine).all()
    assert np.isfinite(found.weight_norm).all()
    assert found.sketch.shape == (4, 23)
    found = given(history, record_every=lambda call: call % 4 != 0).reading()
    np.testing.assert_array_equal(np.isnan(found.cosine), [1, 0, 0, 1, 0, 0, 1, 0, 0])


def test_a_step_that_was_none_and_one_that_was_not_finite():
    history = walk(8)
    history.insert(3, history[2])
    broken = {name: value * np.nan for name, value in history[6].items()}
    monitor = given([*history[:6], broken, *history[6:]])
    found = monitor.reading()
    cosines, _, _ = slow_direction([*history[:3], *history[4:]])
    np.testing.assert_array_equal(np.isnan(found.cosine), [1, 0, 0, 0, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(found.cosine[:4], cosines["all"][:4], atol=1e-6)
    assert monitor.skipped == 1


def test_parameters_that_come_and_go():
    monitor = given(walk(3))
    with pytest.raises(ValueError, match="parameter 'b' is gone"):
        monitor.update({"a": np.ones((4, 5))})
    monitor.reset()
    monitor.update({"a": np.ones((4, 5))}).update({"a": np.zeros((4, 5))}).update({"a": np.ones((4, 5))})
    np.testing.assert_allclose(monitor.reading().cosine, [np.nan, -1.0])


@pytest.mark.parametrize("how", ["JSON", "npz", "pickle", "copy"])
def test_a_restart_gives_the_same_series(how, tmp_path):
    history = walk(60)
    monitor, again = given(history[:31]), WeightChangeDFA(window=50, groups=1)
    if how == "JSON":
        again.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
        again.update(history[30])
    elif how == "npz":
        monitor.save(tmp_path / "state.npz")
        again.load(tmp_path / "state.npz")
        again.update(history[30])
    else:
        again = pickle.loads(pickle.dumps(monitor)) if how == "pickle" else copy.deepcopy(monitor)
    for each in history[31:]:
        monitor.update(each)
        again.update(each)
    assert_same(monitor.reading(), again.reading())
    assert np.isfinite(again.reading().cosine).all()


def test_a_restart_with_other_parameters_begins_with_a_gap():
    history = walk(40)
    monitor, again = given(history[:31]), WeightChangeDFA(window=50, groups=1)
    again.load_state_dict(monitor.state_dict())
    for each in history[31:]:  # the first of them is one step later
        again.update(each)
    np.testing.assert_array_equal(np.isnan(again.reading().cosine[29:]), [0, 1, *[0] * 8])


def test_a_state_that_is_saved_again_before_it_goes_on():
    history = walk(40)
    first, second, third = given(history[:31]), WeightChangeDFA(window=50, groups=1), WeightChangeDFA(window=50, groups=1)
    second.load_state_dict(first.state_dict())
    third.load_state_dict(second.state_dict())
    for each in history[30:]:
        third.update(each)
    for each in history[31:]:
        first.update(each)
    assert_same(first.reading(), third.reading())


def test_states_with_other_settings_and_of_earlier_releases():
    history = walk(20)
    state = given(history).state_dict()
    with pytest.raises(ValueError, match="saved with coordinates=64, and this monitor has coordinates=9"):
        WeightChangeDFA(window=50, groups=1, coordinates=9).load_state_dict(state)
    off = given(history, direction=False)
    assert not {"sketch", "last", "side_series"} & off.state_dict().keys()
    assert off.reading().sketch is None
    old = off.state_dict()
    settings = json.loads(old["settings"])
    del settings["coordinates"]
    again = WeightChangeDFA(window=50, groups=1)
    again.load_state_dict(old | {"settings": json.dumps(settings)})
    for each in walk(5, seed=1):
        again.update(each)
    found = again.reading()
    np.testing.assert_array_equal(np.isnan(found.cosine), [True] * 21 + [False] * 4)
    assert found.sketch.shape == (25, 23)
    assert np.isnan(found.sketch[:20]).all()


def test_a_pickle_of_an_earlier_release_goes_on_without():
    monitor = given(walk(3), direction=False)
    for part in (monitor, monitor._run.recorder, monitor._run.recorder._displacement):
        vars(part).pop("coordinates", None)
        vars(part).pop("_coordinates", None)
    again = pickle.loads(pickle.dumps(monitor))
    again.update(walk(4)[4])
    assert (again.n_samples, again.reading().cosine) == (4, None)
