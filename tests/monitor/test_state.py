"""A monitor that is stopped goes on as if it had not been: through JSON, npz, copies and kills."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from wcdfa import Reading, RollingWeightChangeDFA, WeightChangeDFA, synthetic
from wcdfa.monitor import state as saved

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))
W = 64


def numbers(monitor, start, stop, bad=()):
    for i in range(start, stop):
        monitor.update(np.nan if i in bad else NORMS[i], lr=None if i % 9 == 0 else 0.1)


def trees(monitor, start, stop):
    for i in range(start, stop + 1):  # the first of them is what the next is measured from
        monitor.update({"body": np.full(3, NORMS[:i].sum()), "head": {"w": np.full(2, -NORMS[:i].sum())}})


def sparse(monitor, start, stop):
    trees(monitor, start, stop)


def readings(monitor, start, stop):
    for i in range(start, stop, 10):
        norms = NORMS[max(0, i + 10 - W) : i + 10]
        monitor.update(Reading(norms, i + 10, i // 20, groups={"head": norms**2}, optimizer="sgd"))


def constant(monitor, start, stop):
    for _ in range(start, stop):
        monitor.update(0.25)


def zeros(monitor, start, stop):
    for i in range(start, stop):
        monitor.update(NORMS[i]).update(0.0)


def gaps(monitor, start, stop):
    numbers(monitor, start, stop, bad={3, 70, 71, 100, 150})


def nothing_but_gaps(monitor, start, stop):
    numbers(monitor, start, stop, bad=range(400))


RUNS = {
    numbers: {},
    gaps: {},
    nothing_but_gaps: {},
    constant: {},
    zeros: {},
    trees: {"groups": 1},
    sparse: {"record_every": 3, "groups": {"heads": "^head"}, "stride": 5},
    readings: {},
}
WAYS = {
    "as it is": lambda state, path: state,
    "JSON": lambda state, path: json.loads(json.dumps(state, allow_nan=False)),
    "npz": lambda state, path: through_npz(state, path),
}


def through_npz(state, path):
    np.savez(path / "state.npz", **state)
    with np.load(path / "state.npz", allow_pickle=False) as file:
        return dict(file)


def assert_same(one, other):
    assert one.state_dict() == other.state_dict()
    np.testing.assert_equal(one.metrics(), other.metrics())
    np.testing.assert_equal(one.histories, other.histories)
    np.testing.assert_equal(one.results, other.results)
    assert repr(one) == repr(other)
    assert (one.reason, one.regime, one.ready, one.skipped) == (other.reason, other.regime, other.ready, other.skipped)
    for group in ("all", *one.reading().groups):
        np.testing.assert_array_equal(one.get_signal(group), other.get_signal(group))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stage", [0, 10, 30, W, 100, 160], ids=lambda stage: f"at {stage}")
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_going_on_is_the_same_as_never_having_stopped(run, stage, way, tmp_path):
    options = {"window": W, "stride": 16, **RUNS[run]}
    calm, stopped, resumed = WeightChangeDFA(**options), WeightChangeDFA(**options), WeightChangeDFA(**options)
    run(calm, 0, stage)
    run(stopped, 0, stage)
    resumed.load_state_dict(WAYS[way](stopped.state_dict(), tmp_path))
    assert_same(resumed, stopped)
    if run is not readings or stage % 10 == 0:
        run(resumed, stage, 260)
        calm_goes_on(run, calm, stage)
        assert_same(resumed, calm)


def calm_goes_on(run, calm, stage):
    """As the one that was stopped, but the parameters that it measures from are still there."""
    if run in (trees, sparse):
        run(calm, stage + 1, 260)
    else:
        run(calm, stage, 260)


def test_a_state_holds_plain_values_only_and_does_not_change_afterwards():
    monitor = WeightChangeDFA(W)
    gaps(monitor, 0, 100)
    state = monitor.state_dict()
    text = json.dumps(state)

    def plain(value):
        return all(plain(part) for part in value) if type(value) is list else type(value) in (int, float, str, bool)

    assert all(plain(value) for value in state.values())
    gaps(monitor, 100, 200)
    assert json.dumps(state) == text


def test_norms_that_wait_on_a_device_are_in_the_state():
    jax = require("jax")
    monitor = WeightChangeDFA(W)
    for norm in (0.5, 0.25):
        monitor.update(jax.numpy.asarray(norm))
    other = WeightChangeDFA(W)
    other.load_state_dict(monitor.state_dict())
    np.testing.assert_array_equal(other.get_signal(), [0.5, 0.25])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 500}, "the state was saved with window=500, and this monitor has window=64: make it with window=500 to go on"),
        (
            {"version": 99},
            "the state is of version 99, and this release reads 2; it is not a state_dict, or is from another release",
        ),
        (None, "the state is of version 0"),
        ({"grouping": "2"}, "the state was saved with groups=2, and this monitor has groups=None; make it with the same"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    monitor = WeightChangeDFA(W)
    numbers(monitor, 0, 100)
    before = monitor.state_dict()
    with pytest.raises(ValueError, match=message):
        monitor.load_state_dict({} if change is None else before | change)
    assert monitor.state_dict() == before


@pytest.mark.parametrize("groups", [None, 1, 2, {"head": "^head"}, ["^head"], lambda path: "head"])
def test_groups_are_those_that_were_saved(groups):
    model = {"head": {"w": np.zeros(2)}, "body": {"w": np.zeros(2)}}
    saved = WeightChangeDFA(W, groups=groups).update(model).update({"head": {"w": np.ones(2)}, "body": {"w": np.ones(2)}})
    for others in (None, 1, {"head": "^hea"}):
        monitor = WeightChangeDFA(W, groups=others)
        if others == groups:
            monitor.load_state_dict(saved.state_dict())
            assert monitor.n_samples == 1
        else:
            with pytest.raises(ValueError, match="the state was saved with groups="):
                monitor.load_state_dict(saved.state_dict())
            assert monitor.n_samples == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"order": 2}, "order=1, and this monitor has order=2: make it with order=1"),
        ({"method": "ols"}, "method='robust', and this monitor has method='ols'"),
        ({"confidence": 0.9}, "confidence=0.95, and this monitor has confidence=0.9"),
        ({"log": False}, "log=True, and this monitor has log=False"),
        ({"epoch_length": 8}, "epoch_length=None, and this monitor has epoch_length=8"),
        ({"spikes": None}, "spikes='hampel', and this monitor has spikes=None"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_settings_of_alpha_are_those_that_were_saved(way, settings, said, tmp_path):
    saved = WeightChangeDFA(W)
    numbers(saved, 0, 100)
    monitor = WeightChangeDFA(W, **settings)
    with pytest.raises(ValueError, match=re.escape(f"the state was saved with {said}")):
        monitor.load_state_dict(WAYS[way](saved.state_dict(), tmp_path))
    assert monitor.n_samples == 0
    monitor.load_state_dict(
        {name: value for name, value in saved.state_dict().items() if name != "settings"}
    )  # of an earlier release
    assert monitor.n_samples == W


@pytest.mark.parametrize("missing", ["count", "norms", "history_0", "history_fluctuations", "fluctuations_0", "step"])
def test_a_state_of_which_a_part_is_missing_changes_nothing(missing):
    monitor = WeightChangeDFA(W)
    numbers(monitor, 0, 100)
    before = monitor.state_dict()
    with pytest.raises(ValueError, match=f"the state lacks '{missing}'"):
        monitor.load_state_dict({name: value for name, value in before.items() if name != missing})
    assert monitor.state_dict() == before


@pytest.mark.parametrize("kind", [WeightChangeDFA, RollingWeightChangeDFA])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda monitor: pickle.loads(pickle.dumps(monitor))], ids=["deepcopy", "pickle"])
def test_copies(kind, copied):
    monitor = kind(W, groups=1)
    trees(monitor, 0, 100)
    other = copied(monitor)
    assert_same(other, monitor)
    trees(other, 101, 120)  # what it measures from was copied too
    assert_same(monitor, copied(monitor))
    trees(monitor, 101, 120)
    assert_same(other, monitor)
    assert other.get_signal()[-1] == pytest.approx(5**0.5 * NORMS[119])


def test_a_file(tmp_path):
    path = tmp_path / "monitor.checkpoint"  # any name, and no other
    monitor, other = WeightChangeDFA(W), WeightChangeDFA(W)
    gaps(monitor, 0, 100)
    monitor.save(path)
    monitor.save(str(path))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    other.load(path)
    assert_same(other, monitor)
    (tmp_path / "usual").touch()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 half of a file"])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    monitor = WeightChangeDFA(window=50).update(0.5)
    with pytest.raises(ValueError, match=r"state\.npz was not written by save"):
        monitor.load(path)
    with pytest.raises(ValueError, match="start over without it") as refused:
        monitor.load(path)
    assert "pickle" not in str(refused.value)
    assert monitor.n_samples == 1
    with pytest.raises(FileNotFoundError):
        monitor.load(tmp_path / "missing.npz")


def test_a_failure_while_saving_leaves_the_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "monitor.npz"
    monitor, other = WeightChangeDFA(W), WeightChangeDFA(W)
    numbers(monitor, 0, 10)
    monitor.save(path)

    def full(file, **state):
        file.write(b"half of")
        raise OSError("no space left on device")

    monkeypatch.setattr(saved.np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        monitor.update(1.0).save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    other.load(path)
    np.testing.assert_array_equal(other.get_signal(), NORMS[:10])


KILLED = """
import os, random, signal, sys, time
from wcdfa import WeightChangeDFA
path = sys.argv[1]
monitor = WeightChangeDFA(64)
monitor.update(1).save(path)
ages = []
for moment in random.Random(0).sample(range(1, 40), 15):
    saved, tell = os.pipe()
    child = os.fork()
    if not child:
        while True:
            monitor.update(monitor.reading().count + 1).save(path)
            os.write(tell, b".")
    os.read(saved, 1)  # it has saved once, however slow the machine
    time.sleep(moment / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(saved), os.close(tell)
    monitor.load(path)
    age, signal_ = monitor.reading().count, monitor.get_signal().tolist()
    assert signal_ == list(range(max(1, age - 63), age + 1)), (age, signal_)
    ages.append(age)
print(*ages)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_that_is_killed_while_saving_leaves_a_whole_file(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "monitor.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    ages = [int(age) for age in done.stdout.split()]
    assert len(ages) == 15
    assert ages == sorted(ages)
    assert ages[-1] > 15  # they did save


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("run", [numbers, constant, nothing_but_gaps, trees], ids=lambda run: run.__name__)
def test_a_state_that_was_saved_before_results_had_a_cause_is_gone_on_with(run, way, tmp_path):
    monitor = WeightChangeDFA(**{"window": W, "stride": 16, **RUNS[run]})
    resumed = WeightChangeDFA(**{"window": W, "stride": 16, **RUNS[run]})
    run(monitor, 0, 100)
    state = monitor.state_dict()
    for i in range(state["results"]):
        assert state[f"result_{i}"].pop() == monitor.results[list(monitor.results)[i]].cause
        state[f"result_{i}_missing"] = [place for place in state[f"result_{i}_missing"] if place < len(state[f"result_{i}"])]
    assert state["results"] > 0
    assert state["version"] == 2
    resumed.load_state_dict(WAYS[way](state, tmp_path))
    assert_same(resumed, monitor)
    assert [each.reason for each in resumed.results.values()] == [each.reason for each in monitor.results.values()]
    assert {each.cause.dtype for each in resumed.results.values()} == {np.dtype(np.int8)}
    run(resumed, 100, 200)
    run(monitor, 101 if run is trees else 100, 200)
    assert_same(resumed, monitor)
