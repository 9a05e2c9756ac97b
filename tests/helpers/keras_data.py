"""What every Keras run of the tests is made of: the same batches and initial weights on each backend."""

from __future__ import annotations

import numpy as np

FEATURES, HIDDEN, BATCH = 6, 16, 10


def data(batches=30):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batches * BATCH, FEATURES)).astype(np.float32)
    return x, (np.sin(x[:, :1]) + 0.3 * rng.standard_normal((len(x), 1))).astype(np.float32)


def initial():
    rng = np.random.default_rng(1)
    shapes = (FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,)
    return [(0.5 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
