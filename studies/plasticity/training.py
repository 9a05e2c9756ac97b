"""Trains the network step by step, and keeps what a recorder sees of each step."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from studies.plasticity.network import ENDS, Numbers, activations, initial, loss_of

if TYPE_CHECKING:
    from collections.abc import Callable

Places = npt.NDArray[np.int32]

RECORDED = (12, 10, 12, 10, 10, 10)  # coordinates of ΔW in each layer's weights and biases, so that small ones count as well
CHUNK = 500  # steps between two looks at the network, and the window of every measure
SCALARS = ("loss", "change", "cosine", "gradient", "weights", "accuracy")


class Hyperparameters(NamedTuple):
    """What the optimizer uses; numbers, so that one compiled function serves all."""

    adam: float
    """1 for AdamW, 0 for SGD with momentum."""
    rate: float
    momentum: float
    """β₁ of AdamW."""
    decay: float
    """Weight decay: apart from the gradient in AdamW, added to it in SGD."""


class State(NamedTuple):
    """The parameters in one row, the two moments, the last change, and the number of steps so far."""

    parameters: jax.Array
    first: jax.Array
    second: jax.Array
    change: jax.Array
    step: jax.Array


class Data(NamedTuple):
    """Digits to train with, noise to add to them, and digits to test with (none: no accuracy)."""

    digits: Numbers
    labels: Numbers
    noise: Numbers
    test_digits: Numbers
    test_labels: Places


class Batches(NamedTuple):
    """Which digits each step takes, and which row of the noise is added to each."""

    digits: Places
    noise: Places


def _coordinates() -> npt.NDArray[np.int64]:
    rng, starts = np.random.default_rng(7), (0, *ENDS[:-1])
    drawn = [
        start + rng.choice(end - start, count, replace=False) for start, end, count in zip(starts, ENDS, RECORDED, strict=True)
    ]
    return np.concatenate(drawn)


COORDINATES = _coordinates()


def fresh(rng: np.random.Generator) -> State:
    """Give a network at its start, with weights as of He and an optimizer without memory."""
    return from_parameters(initial(rng))


def from_parameters(parameters: Numbers) -> State:
    """Give these parameters an optimizer without memory."""
    zeros = jnp.zeros_like(parameters)
    return State(jnp.asarray(parameters), zeros, zeros, zeros, jnp.zeros((), jnp.float32))


def updated(state: State, gradient: jax.Array, h: Hyperparameters) -> State:
    """Take one step of AdamW or SGD; the change is that of the parameters as stored."""
    step = state.step + 1
    gradient = gradient + (1 - h.adam) * h.decay * state.parameters
    first = h.momentum * state.first + (1 - h.adam * h.momentum) * gradient
    second = 0.999 * state.second + 0.001 * gradient**2
    scaled = first / (1 - h.momentum**step) / (jnp.sqrt(second / (1 - 0.999**step)) + 1e-8) + h.decay * state.parameters
    parameters = state.parameters - h.rate * jnp.where(h.adam > 0, scaled, first)
    return State(parameters, first, second, parameters - state.parameters, step)


@cache
def trainer(tested: bool) -> Callable[[State, Data, Batches, Hyperparameters], tuple[State, tuple[jax.Array, jax.Array]]]:
    """Compile a chunk of training, with the test accuracy after each step or without; kept, because that takes a second."""

    def train(state: State, data: Data, batches: Batches, h: Hyperparameters) -> tuple[State, tuple[jax.Array, jax.Array]]:
        def step(state: State, batch: Batches) -> tuple[State, tuple[jax.Array, jax.Array]]:
            x = data.digits[batch.digits] + data.noise[batch.noise]
            loss, gradient = jax.value_and_grad(loss_of)(state.parameters, x, data.labels[batch.digits])
            new = updated(state, gradient, h)
            return new, (jnp.stack([loss, *_norms(state, new, gradient), _accuracy(new, data, tested)]), new.change[COORDINATES])

        return jax.lax.scan(step, state, batches)

    return jax.jit(train)


def _norms(old: State, new: State, gradient: jax.Array) -> tuple[jax.Array, ...]:
    size, before = jnp.linalg.norm(new.change), jnp.linalg.norm(old.change)
    cosine = new.change @ old.change / (size * before + 1e-30)
    return size, cosine, jnp.linalg.norm(gradient), jnp.linalg.norm(new.parameters)


def _accuracy(state: State, data: Data, tested: bool) -> jax.Array:
    if not tested:
        return jnp.full((), jnp.nan)
    logits = activations(state.parameters, data.test_digits)[2]
    return jnp.mean((logits.argmax(1) == data.test_labels).astype(jnp.float32))
