"""Trains a network with one of the optimizers and records its changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import numpy as np
import optax

from studies.regimes.optimizers import KNOWN, recorded, with_rate
from studies.regimes.resnet import Tree
from studies.regimes.tasks import Batch, Task, resnet_on_digits, transformer_on_text
from wcdfa.backends.optax import read
from wcdfa.recording.reading import Reading

Update = Callable[..., tuple[Tree, optax.OptState]]


class Trained(NamedTuple):
    """A run."""

    reading: Reading
    loss: float
    """On data held out."""
    accuracy: float
    learned: bool


@cache
def task_of(network: str, width: int, depth: int) -> Task:
    """The network in this size."""
    return resnet_on_digits(width, depth) if network == "resnet" else transformer_on_text(width, depth)


@cache
def gradients_of(task: Task) -> Callable[[Tree, object, object], Tree]:
    """Compiled once for all optimizers."""
    return jax.jit(jax.grad(task.loss))


@cache
def update_of(optimizer: str, steps: int) -> tuple[optax.GradientTransformationExtraArgs, Update]:
    """The recorder around an optimizer, and its compiled step."""
    transformation = recorded(optimizer, 1.0, steps)

    @partial(jax.jit, donate_argnums=(1, 2))
    def update(gradients: Tree, state: optax.OptState, weights: Tree, rate: float) -> tuple[Tree, optax.OptState]:
        changes, state = transformation.update(gradients, with_rate(state, optimizer, rate), weights)
        return optax.apply_updates(weights, changes), state

    return transformation, update


def train(
    network: str,
    optimizer: str,
    *,
    seed: int,
    steps: int,
    batch: int,
    width: int,
    depth: int,
    schedule: str = "constant",
    factor: float = 1.0,
    labels: str = "true",
) -> Trained:
    """Train for some steps; the rate is `factor` times that of the table. With labels "random", new ones are drawn at every step."""
    return train_task(
        task_of(network, width, depth),
        optimizer,
        factor * KNOWN[optimizer].rates[network],
        seed=seed,
        steps=steps,
        batch=batch,
        cosine=schedule == "cosine",
        random=labels == "random",
    )


def train_task(
    task: Task, optimizer: str, rate: float, *, seed: int, steps: int, batch: int, cosine: bool = False, random: bool = False
) -> Trained:
    """Train a task from new weights. Everything follows from the seed."""
    rng = np.random.default_rng(seed)
    gradients, (transformation, update) = gradients_of(task), update_of(optimizer, steps)
    weights = task.begin(jax.random.key(seed))
    state = transformation.init(weights)
    for step in range(steps):
        inputs, right = _batch(task, rng, batch, random)
        now = rate * (0.5 * (1 + math.cos(math.pi * step / steps)) if cosine else 1.0)
        weights, state = update(gradients(weights, inputs, right), state, weights, now)
    loss, accuracy = task.score(weights)
    return Trained(read(state), loss, accuracy, has_learned(task, loss, accuracy))


def has_learned(task: Task, loss: float, accuracy: float) -> bool:
    """As the protocol has it: nine of ten images are right, or the loss on text is a quarter below that of a guess."""
    return accuracy >= 0.9 if task.labels.max() < 10 else loss <= 0.75 * task.guess


def _batch(task: Task, rng: np.random.Generator, size: int, random: bool) -> Batch:
    inputs, right = task.batch(rng, size)
    return inputs, rng.choice(task.labels, size=right.shape) if random else right
