"""Every backend does what `wcdfa.recording.protocols` says, on the same numbers; and the recorders are recorders."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.recording.protocols import BACKENDS, Backend, StepRecorder

OLD = {"first": np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32), "last": np.array([5.0], dtype=np.float32)}
NEW = {"first": np.array([[1.0, 2.0], [3.0, 7.0]], dtype=np.float32), "last": np.array([9.0], dtype=np.float32)}


def of_flax(arrays):
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self):
            for name, array in arrays.items():
                setattr(self, name, nnx.Param(importlib.import_module("jax.numpy").asarray(array)))

    return Model()


def of_keras(arrays):
    import keras

    return [keras.Variable(array, name=name) for name, array in arrays.items()]


MADE = {
    "keras": of_keras,
    "flax": of_flax,
    "jax": lambda arrays: {name: importlib.import_module("jax.numpy").asarray(array) for name, array in arrays.items()},
    "tensorflow": lambda arrays: {name: importlib.import_module("tensorflow").Variable(array) for name, array in arrays.items()},
    "torch": lambda arrays: {name: importlib.import_module("torch").tensor(array) for name, array in arrays.items()},
    "numpy": lambda arrays: {name: array.copy() for name, array in arrays.items()},
}
IN_PLACE = {
    "keras": lambda given, new: [variable.assign(new[variable.name]) for variable in given],
    "tensorflow": lambda given, new: [given[name].assign(array) for name, array in new.items()],
    "torch": lambda given, new: [given[name].copy_(importlib.import_module("torch").tensor(array)) for name, array in new.items()],
    "numpy": lambda given, new: [np.copyto(given[name], array) for name, array in new.items()],
}


@pytest.fixture(params=list(BACKENDS))
def name(request):
    require(request.param)
    return request.param


@pytest.fixture
def backend(name):
    return importlib.import_module(f"wcdfa.backends.{name}")


def test_each_has_an_example():
    assert set(MADE) == set(BACKENDS)


def test_it_has_the_functions_of_the_protocol(backend):
    for function in ("parameters_of", "copied", "group_norms", "sampled", "direction_of"):
        asked = [each for each in inspect.signature(getattr(Backend, function)).parameters if each != "self"]
        inspect.signature(getattr(backend, function)).bind(*asked)


def test_parameters_are_found_copied_and_compared(name, backend):
    given = MADE[name](OLD)
    parameters = backend.parameters_of(given)
    assert [tuple(part.shape) for part in parameters.values()] == [(2, 2), (1,)]
    first, last = parameters
    before = backend.copied(parameters)
    if name in IN_PLACE:
        IN_PLACE[name](given, NEW)  # the copies must not follow
    else:
        given = MADE[name](NEW)
    after = backend.parameters_of(given)
    assert list(after) == [first, last]
    norms = backend.group_norms(after, before, {"all": (first, last), "head": (last,)})
    assert {group: float(norm) for group, norm in norms.items()} == {"all": 5.0, "head": 4.0}
    still = backend.group_norms(after, backend.copied(after), {"all": (first, last)})
    assert float(still["all"]) == 0.0


def test_what_is_of_no_framework_is_none(backend):
    for given in (object(), "text", 3, None, {}, {"a": object()}, print):
        assert backend.parameters_of(given) is None


@pytest.mark.parametrize(
    ("framework", "module", "recorder"),
    [("keras", "keras", "Monitored"), ("tensorflow", "tensorflow", "NormRecorder"), ("torch", "torch", "Handle")],
)
def test_recorders_are_read(framework, module, recorder):
    require(framework)
    kind = getattr(importlib.import_module(f"wcdfa.backends.{module}"), recorder)
    assert inspect.signature(kind.read) == inspect.signature(StepRecorder.read)
