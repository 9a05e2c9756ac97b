"""Continual learning: one task after another, with the same network and optimizer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from studies.common.data import digits
from studies.plasticity import measures
from studies.plasticity.network import CLASSES, INPUTS, initial
from studies.plasticity.training import CHUNK, Batches, Data, Hyperparameters, Places, fresh, trainer

BATCH, MEMORISED, RENEWED = 32, 400, 0.2
NO_NOISE, NO_TEST = np.zeros((1, INPUTS), np.float32), (np.zeros((1, INPUTS), np.float32), np.zeros(1, np.int32))


class Arm(NamedTuple):
    """Which tasks are learned, and how."""

    kind: str
    """labels or pixels: what is drawn anew for each task."""
    adam: bool
    rate: float
    decay: float = 0.0
    renewed: float = 0.0
    """Share of fresh parameters that each task starts with."""
    replace: bool = False
    """Whether batches are drawn with replacement, not from reshuffled epochs."""


ARMS = {
    "labels-adamw-1e-3": Arm("labels", True, 1e-3),
    "labels-adamw-3e-3": Arm("labels", True, 3e-3),
    "labels-sgd-3e-3": Arm("labels", False, 3e-3),
    "renewed-adamw-1e-3": Arm("labels", True, 1e-3, renewed=RENEWED),
    "renewed-adamw-3e-3": Arm("labels", True, 3e-3, renewed=RENEWED),
    "renewed-sgd-3e-3": Arm("labels", False, 3e-3, renewed=RENEWED),
    "labels-adamw-3e-3-decay": Arm("labels", True, 3e-3, decay=0.1),
    "labels-adamw-1e-3-replace": Arm("labels", True, 1e-3, replace=True),
    "pixels-adamw-3e-3": Arm("pixels", True, 3e-3),
    "pixels-sgd-1e-2": Arm("pixels", False, 1e-2),
}
TWINS = {name: name.replace("labels", "renewed") for name in list(ARMS)[:3]}
"""The renewed arm of each ageing arm that has one."""


def run(arm: str, seed: int, tasks: int) -> dict[str, list[float]]:
    """Train through all tasks. Each measure has one number a task."""
    how, rng, rows, sketches = ARMS[arm], np.random.default_rng([seed, list(ARMS).index(arm)]), [], []
    state, train = fresh(rng), trainer(False)
    hyper = Hyperparameters(float(how.adam), how.rate, 0.9, how.decay)
    for task in range(tasks):
        if task and how.renewed:
            state = state._replace(parameters=(1 - how.renewed) * state.parameters + np.float32(how.renewed) * initial(rng))
        data = drawn(how.kind, rng)
        order = batches(rng, len(data.digits), BATCH, replace=how.replace)
        state, (scalars, sketch) = train(state, data, order, hyper)
        rows.append(measures.of_steps(np.asarray(scalars, dtype=float)))
        rows[-1] |= measures.of_network(state.parameters, data.digits[:MEMORISED])
        sketches.append(np.asarray(sketch))
    return {name: [row[name] for row in rows] for name in rows[0]} | measures.vector_slopes(np.stack(sketches))


def drawn(kind: str, rng: np.random.Generator) -> Data:
    """Draw a task: random labels for some digits, or all digits of training with their pixels permuted."""
    known, one_hot = digits(), np.eye(CLASSES, dtype=np.float32)
    if kind == "labels":
        return Data(known.x[:MEMORISED], one_hot[rng.integers(CLASSES, size=MEMORISED)], NO_NOISE, *NO_TEST)
    return Data(known.x[:, rng.permutation(INPUTS)], one_hot[known.y], NO_NOISE, *NO_TEST)


def batches(rng: np.random.Generator, count: int, size: int, *, replace: bool = False, noises: int = 1) -> Batches:
    """Draw the batches of a chunk: whole ones from reshuffled epochs, or each digit on its own."""
    whole = count // size
    if replace:
        chosen = rng.integers(count, size=(CHUNK, size))
    else:
        epochs = [rng.permutation(count)[: whole * size].reshape(whole, size) for _ in range(-(-CHUNK // whole))]
        chosen = np.concatenate(epochs)[:CHUNK]
    noise: Places = rng.integers(noises, size=(CHUNK, size), dtype=np.int32)
    return Batches(chosen.astype(np.int32), noise)
