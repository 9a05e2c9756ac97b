"""The trainings of the fault bench: each fault gets into each training it applies to, and without one a copy goes on as the original."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tests.conftest import require

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from benchmarks.fault_runs import injections, storage
from benchmarks.fault_runs.batches import Batches
from benchmarks.fault_runs.faults import FAULTS, applying
from benchmarks.fault_runs.optimizers import OPTIMIZERS
from benchmarks.fault_runs.recording import Recorder, record, weights_of
from benchmarks.fault_runs.storage import joined
from benchmarks.fault_runs.trainings import TRAININGS
from wcdfa.backends.torch import attach

BEFORE, AFTER = 90, 20  # steps around the fault: the hundredth is one at which some faults show
QUICK = {
    ("mlp", "sgd"),
    ("mlp", "adamw_99"),
    ("mlp with norms", "sgd"),
    ("mlp with dropout", "adamw_99"),
    ("mlp with schedule", "sgd"),
}
CASES = [
    pytest.param(training, optimizer, marks=() if (training, optimizer) in QUICK else pytest.mark.slow)
    for training in TRAININGS
    for optimizer in OPTIMIZERS
]


@pytest.fixture(autouse=True)
def random_numbers():
    """Those of torch are as they were afterwards."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def begun(training, optimizer="sgd", seed=0):
    if training == "conv":
        require("mlxtend")
    loop = TRAININGS[training].begin(optimizer, seed)
    return loop, Recorder(loop)


def of_steps(steps, training, optimizer="sgd"):
    loop, recorder = begun(training, optimizer)
    return record(loop, steps, recorder)


def continued(loop, recorder, steps, fault=None):
    """A copy goes on, with the fault or without."""
    copied, recorder = copy.deepcopy((loop, recorder))
    copied.resume()
    if fault is not None:
        fault.inject(copied)
    return record(copied, steps, recorder)


def same(one, other):
    flat = [{**each, **{(name, key): each[name][key] for name in storage.NESTED for key in each[name]}} for each in (one, other)]
    return all(np.array_equal(flat[0][key], flat[1][key], equal_nan=True) for key in flat[0] if key not in storage.NESTED)


@pytest.mark.parametrize(("training", "optimizer"), CASES)
def test_every_fault_changes_the_training_that_it_applies_to(training, optimizer):
    loop, recorder = begun(training, optimizer)
    record(loop, BEFORE, recorder)
    loop.remember()
    healthy = continued(loop, recorder, AFTER)
    for name, fault in applying(training, optimizer).items():
        found = continued(loop, recorder, AFTER, fault)
        assert found["steps"].tolist() == healthy["steps"].tolist(), name
        assert not np.array_equal(found["sketch"], healthy["sketch"]), name
        assert np.isfinite(found["loss"][:5]).all(), name
    assert same(healthy, continued(loop, recorder, AFTER))  # no fault has changed what all are copies of


@pytest.mark.parametrize(("training", "optimizer"), CASES)
def test_a_copy_goes_on_as_the_original_would(training, optimizer):
    whole = of_steps(40, training, optimizer)
    loop, recorder = begun(training, optimizer)
    first = record(loop, 25, recorder)
    loop.remember()
    torch.rand(3)
    for _ in range(2):
        assert same(whole, joined(first, continued(loop, recorder, 15)))


def test_there_are_thirty_faults_and_names_are_their_own():
    names = {(fault.name, training) for fault in FAULTS for training in fault.trainings}
    assert len(names) == sum(len(fault.trainings) for fault in FAULTS)
    for optimizer in OPTIMIZERS:
        assert len({name for training in TRAININGS for name in applying(training, optimizer)}) >= 30


def test_what_is_recorded_is_what_the_weights_say():
    loop, recorder = begun("mlp", "adamw_99")
    loops, weights = [copy.deepcopy(loop)], [weights_of(loop)]
    found = record(loop, 30, recorder)
    for _ in range(30):
        loops[0].step()
        weights.append(weights_of(loops[0]))
    changes = np.diff(weights, axis=0)
    np.testing.assert_allclose(found["norms"], np.linalg.norm(changes, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found["weight_norm"], np.linalg.norm(weights[1:], axis=1), rtol=1e-12)
    expected = [a @ b / np.sqrt(a @ a * (b @ b)) for a, b in zip(changes[1:], changes, strict=False)]
    np.testing.assert_allclose(found["cosine"][1:], expected, rtol=1e-12)
    assert np.isnan(found["cosine"][0])
    np.testing.assert_allclose(found["groups"]["0.weight"], np.linalg.norm(changes[:, : 64 * 32], axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found["sketch"], changes[:, recorder.coordinates].astype(np.float32))
    np.testing.assert_allclose(sum(each.astype(float) ** 2 for each in found["groups"].values()), found["norms"] ** 2, rtol=1e-6)
    assert np.flatnonzero(np.isfinite(found["validation"])).tolist() == [9, 19, 29]


def test_coordinates_are_spread_over_tensors_in_proportion():
    _, recorder = begun("mlp")
    of_tensor = np.searchsorted(recorder.offsets, recorder.coordinates, side="right") - 1
    sizes = np.diff([*recorder.offsets, len(recorder.weights)])
    assert np.all(np.abs(np.bincount(of_tensor, minlength=len(sizes)) - 64 * sizes / sizes.sum()) <= 2)


def test_batches_cover_each_epoch_once_and_repeat_if_they_are_told_to():
    batches = Batches(20, 4, seed=0)
    epochs = np.array([next(batches) for _ in range(10)]).reshape(2, 20)
    assert [sorted(epoch) for epoch in epochs.tolist()] == [list(range(20))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()
    batches.repeats = 3
    drawn = [next(batches).tolist() for _ in range(6)]
    assert drawn[0] == drawn[1] == drawn[2] != drawn[3]
    batches.repeats, batches.shuffled = 1, False
    batches.restart()
    epochs = np.array([next(batches) for _ in range(10)]).reshape(2, 20)
    assert epochs[0].tolist() == epochs[1].tolist()
    batches.sort_by, batches.shuffled = np.arange(20) % 5, True
    batches.restart()
    assert [sorted(next(batches) % 5) for _ in range(5)] == [[label] * 4 for label in range(5)]


@pytest.mark.parametrize("steps", [1, 3])
def test_stale_gradients_are_those_of_earlier_weights(steps):
    loop, _ = begun("mlp")
    injections.momentum(0.0)(loop)
    injections.hyperparameter("weight_decay", 0.0)(loop)
    twin = copy.deepcopy(loop)
    injections.stale(steps)(loop)
    weights = [weights_of(loop)]
    for _ in range(8):
        loop.step()
        weights.append(weights_of(loop))
    for step in range(8):
        start = 0
        old = torch.from_numpy(weights[max(0, step - steps)]).float()
        for parameter in twin.parameters.values():
            parameter.data.copy_(old[start : start + parameter.numel()].view_as(parameter))
            start += parameter.numel()
        before = weights_of(twin)
        twin.step()
        np.testing.assert_allclose(weights[step + 1] - weights[step], weights_of(twin) - before, rtol=1e-3, atol=1e-6)


def test_a_run_is_read_as_it_was_written(tmp_path):
    found = of_steps(12, "mlp")
    file = storage.path(tmp_path, "mlp", "sgd", storage.LATER, "lr ramp", 3)
    storage.write(file, found)
    read = storage.read(file)
    assert same(found, read)
    assert set(read) == set(found)
    assert storage.seeds(tmp_path, "mlp", "sgd", "lr ramp") == [3]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw_99", "muon"])
def test_the_package_records_the_same(optimizer):
    """The bench counts for itself, in float64 on copies of all weights, so that its runs do not hang on what they are to judge."""
    loop, recorder = begun("mlp", optimizer)
    handle = attach(*loop.optimizers, model=loop.model, window=40, groups=lambda path: path.replace("/", "."))
    found = record(loop, 40, recorder)
    reading = handle.read()
    handle.detach()
    np.testing.assert_allclose(reading.norms, found["norms"], rtol=1e-5)
    np.testing.assert_allclose(reading.weight_norm, found["weight_norm"], rtol=1e-5)
    np.testing.assert_allclose(reading.cosine[1:], found["cosine"][1:], atol=1e-5)
    np.testing.assert_allclose(reading.lr, found["lr"])
    assert reading.sketch.shape == found["sketch"].shape
    for name in loop.parameters:
        np.testing.assert_allclose(reading.groups[name], found["groups"][name], rtol=1e-4)
        np.testing.assert_allclose(reading.cosines[name][1:], found["cosines"][name][1:], atol=1e-4)
