"""A tanh network by gradient descent on all data at once, up to the edge of stability (Cohen 2021, arXiv:2103.00065)."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from jax.flatten_util import ravel_pytree

from studies.common.data import digits
from wcdfa.backends.optax import monitor, read
from wcdfa.recording.reading import Reading

SIZES, IMAGES, ITERATIONS = (64, 32, 32, 10), 1000, 100
Layers = list[tuple[jax.Array, jax.Array]]


class Descended(NamedTuple):
    """A run."""

    reading: Reading
    losses: npt.NDArray[np.float64]
    """Of training on all images, at the start and after each block of steps."""
    sharpness: npt.NDArray[np.float64]
    """Largest eigenvalue of the Hessian after each block."""
    loss: float
    accuracy: float


def descend(*, seed: int, rate: float, batch: int | None, steps: int, block: int) -> Descended:
    """Train; `batch` None takes all images in every step."""
    weights, state, losses, sharpness = _compiled(steps, block, batch)(jax.random.key(seed), rate)
    found = digits()
    loss, right = _loss(weights, found.x_validation, found.y_validation), _network(weights, found.x_validation).argmax(axis=-1)
    accuracy = float((np.asarray(right) == found.y_validation).mean())
    return Descended(read(state), np.asarray(losses, float), np.asarray(sharpness, float), float(loss), accuracy)


@cache
def _compiled(steps: int, block: int, batch: int | None) -> jax.stages.Wrapped:
    transformation = monitor(optax.inject_hyperparams(optax.sgd)(1.0), window=steps)
    x, y = digits().x[:IMAGES], digits().y[:IMAGES]

    def step(carried: tuple[Layers, optax.OptState], key: jax.Array) -> tuple[tuple[Layers, optax.OptState], None]:
        weights, state = carried
        picked = slice(None) if batch is None else jax.random.randint(key, (batch,), 0, IMAGES)
        gradients = jax.grad(_loss)(weights, jnp.asarray(x)[picked], jnp.asarray(y)[picked])
        changes, state = transformation.update(gradients, state, weights)
        return (optax.apply_updates(weights, changes), state), None

    def blocks(
        carried: tuple[Layers, optax.OptState], keys: jax.Array
    ) -> tuple[tuple[Layers, optax.OptState], tuple[jax.Array, jax.Array]]:
        carried, _ = jax.lax.scan(step, carried, keys)
        return carried, (_loss(carried[0], x, y), _sharpness(carried[0], x, y))

    def run(key: jax.Array, rate: float) -> tuple[Layers, optax.OptState, jax.Array, jax.Array]:
        weights = _begin(key)
        state = optax.tree.set(transformation.init(weights), learning_rate=jnp.float32(rate))
        keys = jax.random.split(jax.random.fold_in(key, 1), (steps // block, block))
        first = _loss(weights, x, y)
        (weights, state), (losses, sharpness) = jax.lax.scan(blocks, (weights, state), keys)
        return weights, state, jnp.concatenate([first[None], losses]), sharpness

    return jax.jit(run)


def _begin(key: jax.Array) -> Layers:
    keys = jax.random.split(key, len(SIZES) - 1)
    return [
        (jax.random.normal(each, (rows, columns)) * rows**-0.5, jnp.zeros(columns))
        for each, rows, columns in zip(keys, SIZES[:-1], SIZES[1:], strict=True)
    ]


def _network(weights: Layers, x: npt.ArrayLike) -> jax.Array:
    values = jnp.asarray(x)
    for matrix, shift in weights[:-1]:
        values = jnp.tanh(values @ matrix + shift)
    return values @ weights[-1][0] + weights[-1][1]


def _loss(weights: Layers, x: npt.ArrayLike, y: npt.ArrayLike) -> jax.Array:
    """Half the mean squared error against one-hot labels."""
    return 0.5 * ((_network(weights, x) - jax.nn.one_hot(y, SIZES[-1])) ** 2).sum(axis=-1).mean()


def _sharpness(weights: Layers, x: npt.ArrayLike, y: npt.ArrayLike) -> jax.Array:
    """By power iteration on Hessian-vector products."""
    flat, unravel = ravel_pytree(weights)
    slope = jax.grad(lambda each: _loss(unravel(each), x, y))

    def product(direction: jax.Array) -> jax.Array:
        return jax.jvp(slope, (flat,), (direction,))[1]

    def turned(_: int, direction: jax.Array) -> jax.Array:
        after = product(direction)
        return after / jnp.linalg.norm(after)

    direction = jax.lax.fori_loop(0, ITERATIONS, turned, jax.random.normal(jax.random.key(0), flat.shape))
    direction = direction / jnp.linalg.norm(direction)
    return direction @ product(direction)
