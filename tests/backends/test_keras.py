"""`wcdfa.backends.keras.parameters` on each of Keras' backends, each in a process of its own, as Keras has only one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.keras_data import BATCH, data, initial
from tests.helpers.numpy_training import norms_of_sgd
from tests.helpers.processes import printed, start

BACKENDS = ("jax", "tensorflow", "torch")


@pytest.fixture(params=BACKENDS)
def backend(request):
    require("keras")
    require(request.param)
    return request.param


@pytest.mark.parametrize("program", ["keras_recorder.py", "keras_callbacks.py"])
def test_checks(backend, program):
    found = printed(start(program, KERAS_BACKEND=backend))
    assert len(found) > 10


def test_backends_agree_with_each_other_and_with_numpy():
    """The same weights and batches: norms to 1e-5 over 50 steps; α of one series, in the arrays of each, to 1e-6."""
    require("keras")
    for backend in BACKENDS:
        require(backend)
    running = [start("keras_recorder.py", "plain", "alpha", KERAS_BACKEND=backend) for backend in BACKENDS]
    found = [printed(process) for process in running]
    expected = norms_of_sgd(*data(50), initial(), batch=BATCH, steps=50)
    for each in found:
        np.testing.assert_allclose(each["plain"]["norms"], expected, rtol=1e-5)
        np.testing.assert_allclose(each["alpha"]["alpha"], found[0]["alpha"]["alpha"], atol=1e-6)
        assert each["alpha"]["recorded"] == pytest.approx(found[0]["alpha"]["recorded"], abs=1e-4)
        assert each["alpha"]["by_method"] == pytest.approx(found[0]["alpha"]["by_method"], abs=1e-4)
        assert each["plain"]["steps"] == list(range(1, 51))
