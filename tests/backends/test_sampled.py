"""The sample of the parameters, and the direction of their change, on every backend: against loops, and against NumPy."""

from __future__ import annotations

import importlib
import socket

import numpy as np
import pytest

from tests.backends.test_protocols import IN_PLACE, MADE
from tests.conftest import require
from tests.helpers.direction_oracle import sampled_numbers, slow_direction
from tests.helpers.processes import printed, start
from wcdfa import WeightChangeDFA
from wcdfa.recording.protocols import BACKENDS
from wcdfa.recording.sample import sample_of


@pytest.fixture(params=list(BACKENDS))
def name(request):
    require(request.param)
    return request.param


def parameters(step, dtype=np.float32):
    """Three small arrays that drift, with a common part from step to step. The names are sorted, as JAX sorts them."""
    rng = np.random.default_rng(step)
    drift = np.random.default_rng(99)
    return {
        path: (0.3 * step * drift.standard_normal(shape) + rng.standard_normal(shape)).astype(dtype)
        for path, shape in {"a": (3, 4), "b": (5,), "c": (2, 2, 2)}.items()
    }


def test_the_direction_of_a_monitor(name):
    history = [parameters(step) for step in range(7)]
    given = MADE[name](history[0])
    monitor = WeightChangeDFA(window=50, groups=1, coordinates=9).update(given)
    for new in history[1:]:
        if name in IN_PLACE:
            IN_PLACE[name](given, new)
        else:
            given = MADE[name](new)
        monitor.update(given)
    found = monitor.reading()
    cosines, norms, changes = slow_direction(history)
    np.testing.assert_allclose(found.cosine, cosines["all"], atol=1e-6)
    for group, values in found.cosines.items():
        np.testing.assert_allclose(values, cosines[group.rpartition("/")[2]], atol=1e-6)
    assert len(found.cosines) == 3
    np.testing.assert_allclose(found.weight_norm, norms, rtol=1e-6)
    kept = sample_of({"a": 12, "b": 5, "c": 8}, 9).kept
    np.testing.assert_allclose(found.sketch, changes[:, list(kept)], rtol=1e-5, atol=1e-7)


def test_a_large_array_is_sampled(name):
    arrays = {"a": np.arange(70_000, dtype=np.float32).reshape(700, 100), "b": np.arange(11, dtype=np.float32)}
    backend = importlib.import_module(f"wcdfa.backends.{name}")
    found = backend.parameters_of(MADE[name](arrays))
    sample = sample_of({path: int(np.prod(value.shape)) for path, value in found.items()})
    assert sample.every > 1
    expected = sampled_numbers(arrays, sample.every, next(iter(sample.firsts.values())))
    row = np.asarray(backend.sampled(found, sample))
    np.testing.assert_array_equal(row, [number for part in expected.values() for number in part])


@pytest.mark.parametrize("dtype", ["float16", "complex64", "float64"])
@pytest.mark.parametrize("framework", ["numpy", "jax", "torch", "tensorflow"])
def test_other_kinds_of_numbers(framework, dtype):
    """Half precision is widened before the subtraction, of complex weights both parts count, and float64 keeps its digits."""
    require(framework)
    rng = np.random.default_rng(0)
    scale = {"float16": 0.01, "complex64": 1.0, "float64": 1e-10}[dtype]
    history = [{"w": np.ones((4, 6), dtype)}]
    for _ in range(5):
        step = rng.standard_normal((4, 6)) + (1j * rng.standard_normal((4, 6)) if dtype == "complex64" else 0)
        history.append({"w": (history[-1]["w"] + scale * step).astype(dtype)})
    if framework == "jax" and dtype == "float64":
        with require("jax").enable_x64(True):
            monitor = watched(framework, history)
    else:
        monitor = watched(framework, history)
    cosines, norms, _ = slow_direction(history)
    np.testing.assert_allclose(monitor.reading().cosine, cosines["all"], atol=1e-6)
    np.testing.assert_allclose(monitor.reading().weight_norm, norms, rtol=1e-6)
    assert monitor.reading().sketch.shape == (5, 48 if dtype == "complex64" else 24)


def watched(framework, history):
    monitor = WeightChangeDFA(window=50)
    for each in history:
        monitor.update(MADE[framework](each))
    monitor.reading()
    return monitor


def test_a_torch_module_and_its_numpy_copies():
    torch = require("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(300, 260), torch.nn.Tanh(), torch.nn.Linear(260, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    monitors = [WeightChangeDFA(window=50, groups=1) for _ in range(2)]
    for _ in range(9):
        copies = {name.replace(".", "/"): value.detach().numpy().copy() for name, value in model.named_parameters()}
        monitors[0].update(model)
        monitors[1].update(copies)
        optimizer.zero_grad()
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    one, other = (monitor.reading() for monitor in monitors)
    assert one.sketch.shape == (8, 64)
    np.testing.assert_array_equal(one.sketch, other.sketch)
    np.testing.assert_allclose(one.cosine, other.cosine, atol=1e-6)
    np.testing.assert_allclose(one.weight_norm, other.weight_norm, rtol=1e-6)
    assert list(one.cosines) == list(other.cosines) == ["0", "2"]
    for group, values in one.cosines.items():
        np.testing.assert_allclose(values, other.cosines[group], atol=1e-6)


def test_a_transposed_torch_tensor_is_taken_in_the_order_of_its_indices():
    torch = require("torch")
    backend = importlib.import_module("wcdfa.backends.torch")
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    row = backend.sampled({"w": torch.tensor(array).T}, sample_of({"w": 12}))
    np.testing.assert_array_equal(row, array.T.ravel())


def test_torch_parameters_of_which_each_process_holds_a_part():
    require("torch")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [start("monitor_sharded.py", port, own, 3) for own in range(3)]
    for process in started:
        whole, sharded = printed(process)
        for series, values in whole.items():
            np.testing.assert_allclose(sharded[series], values, rtol=1e-6, atol=1e-6, err_msg=series)
