"""`wcdfa.backends.keras.parameters` on each of Keras' backends, each in a process of its own, as Keras has only one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.keras_data import BATCH, data, initial
from tests.helpers.numpy_training import norms_of_sgd
from tests.helpers.processes import printed, start

BACKENDS = ("jax", "tensorflow", "torch")
FOUND = {}  # what the checks of each backend print: they run once


@pytest.fixture(params=BACKENDS)
def backend(request):
    require("keras")
    require(request.param)
    return request.param


def test_checks(backend):
    found = FOUND[backend] = printed(start("keras_checks.py", KERAS_BACKEND=backend), seconds=1200)
    for program in ("keras_recorder.", "keras_callbacks.", "keras_beside.", "keras_direction."):
        assert sum(name.startswith(program) for name in found) > 10


def test_backends_agree_with_each_other_and_with_numpy():
    """The same weights and batches: norms to 1e-5 over 50 steps; α of one series, in the arrays of each, to 1e-6."""
    require("keras")
    for backend in BACKENDS:
        require(backend)
    names = "keras_recorder.plain", "keras_recorder.alpha"
    running = {backend: start("keras_checks.py", *names, KERAS_BACKEND=backend) for backend in BACKENDS if backend not in FOUND}
    try:
        known = FOUND | {backend: printed(process) for backend, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
    found = [{name.partition(".")[2]: known[backend][name] for name in names} for backend in BACKENDS]
    expected = norms_of_sgd(*data(50), initial(), batch=BATCH, steps=50)
    for each in found:
        np.testing.assert_allclose(each["plain"]["norms"], expected, rtol=1e-5)
        np.testing.assert_allclose(each["alpha"]["alpha"], found[0]["alpha"]["alpha"], atol=1e-6)
        assert each["alpha"]["recorded"] == pytest.approx(found[0]["alpha"]["recorded"], abs=1e-4)
        assert each["alpha"]["by_method"] == pytest.approx(found[0]["alpha"]["by_method"], abs=1e-4)
        assert each["plain"]["steps"] == list(range(1, 51))
