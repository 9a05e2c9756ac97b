"""Trains a small network on scikit-learn's digits, and records every step; one compiled loop for a whole run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from studies.common.data import digits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Values: TypeAlias = npt.NDArray[np.float32]

PIXELS, CLASSES, HIDDEN = 64, 10, 96
BATCH, HELD_OUT = 32, 256  # samples in a training batch, and in the fresh held-out batch of each step
COORDINATES = 64
Weights: TypeAlias = "dict[str, jax.Array]"


class Record(NamedTuple):
    """What is recorded of a run: one row for each step, and for the last two one before each window and one at the end."""

    norm: Values  # ‖ΔW‖
    train: Values  # loss that is descended, on the training batch
    gain: Values  # held-out intended loss before the step minus after it, on the same fresh batch
    alignment: Values  # cosine of the step and the steepest descent of the held-out intended loss
    cosine: Values  # cosine of the step and the one before; NaN at the first
    sketch: Values  # (steps, 64): the step in coordinates drawn once
    intended: Values  # loss of each held-out sample
    right: Values  # share of held-out samples that are classified rightly


class Task(NamedTuple):
    """Training data, and what is done to them."""

    x: jax.Array
    label: jax.Array
    weight: jax.Array  # 1, or a negative number for samples whose loss is climbed
    held_x: jax.Array
    held_label: jax.Array
    noise: jax.Array  # standard deviation of the noise added to the inputs of each batch, in those of a pixel
    radius: jax.Array  # how far an attack may move each pixel, in the same unit


def task(setting: Mapping[str, float | str | int]) -> Task:
    """The digits as an arm of the study sees them."""
    x, label, held_x, held_label = digits()
    rng = np.random.default_rng(int(setting["seed"]))
    chosen = rng.permutation(len(x))[: int(setting["samples"])]
    x, label = x[chosen], label[chosen]
    wrong = rng.random(len(label)) < float(setting["wrong"])
    given = np.where(wrong, (label + rng.integers(1, CLASSES, len(label))) % CLASSES, label)
    climbed = rng.random(len(label)) < float(setting["climbed"])
    hint = float(setting["shortcut"]) * np.eye(CLASSES)[label]
    return Task(
        x=jnp.asarray(np.hstack([x, hint]), jnp.float32),
        label=jnp.asarray(given, jnp.int32),
        weight=jnp.asarray(np.where(climbed, -float(setting["climb"]), 1.0), jnp.float32),
        held_x=jnp.asarray(np.hstack([held_x, np.zeros((len(held_x), CLASSES))]), jnp.float32),
        held_label=jnp.asarray(held_label, jnp.int32),
        noise=jnp.float32(setting["noise"]),
        radius=jnp.float32(setting["radius"]),
    )


def trained(setting: Mapping[str, float | str | int]) -> Record:
    """Train one run; `steps` is a multiple of `window`."""
    steps, window = int(setting["steps"]), int(setting["window"])
    train = _compiled(steps, window, int(setting["attack_steps"]))
    recorded = train(task(setting), jax.random.key(int(setting["seed"])))
    return Record(*(np.asarray(each) for each in recorded))


@lru_cache
def _compiled(steps: int, window: int, attack_steps: int) -> Callable[[Task, jax.Array], tuple[jax.Array, ...]]:
    optimizer = optax.adamw(1e-3, b1=0.9, b2=0.99, weight_decay=1e-2)

    def step(of: Task, chosen: jax.Array, carry: tuple, key: jax.Array) -> tuple:
        weights, state, last = carry
        for_batch, for_noise, for_held = jax.random.split(key, 3)
        rows = jax.random.randint(for_batch, (BATCH,), 0, len(of.x))
        x, label, weight = of.x[rows], of.label[rows], of.weight[rows]
        x = x.at[:, :PIXELS].add(of.noise * jax.random.normal(for_noise, (BATCH, PIXELS)))
        x = _attacked(weights, x, label, of.radius, attack_steps)
        loss, gradient = jax.value_and_grad(_loss)(weights, x, label, weight)
        change, state = optimizer.update(gradient, state, weights)
        moved = optax.apply_updates(weights, change)
        held = jax.random.randint(for_held, (HELD_OUT,), 0, len(of.held_x))
        before, uphill = jax.value_and_grad(_loss)(weights, of.held_x[held], of.held_label[held], 1.0)
        after = _loss(moved, of.held_x[held], of.held_label[held], 1.0)
        flat = ravel_pytree(jax.tree.map(jnp.subtract, moved, weights))[0]
        alignment = -_cosine(flat, ravel_pytree(uphill)[0])
        row = jnp.linalg.norm(flat), loss, before - after, alignment, _cosine(flat, last), flat[chosen]
        return (moved, state, flat), row

    def train(of: Task, key: jax.Array) -> tuple[jax.Array, ...]:
        for_weights, for_steps, for_sketch = jax.random.split(key, 3)
        weights = _initial(for_weights)
        flat = ravel_pytree(weights)[0]
        chosen = jax.random.permutation(for_sketch, flat.size)[:COORDINATES]
        first = weights, optimizer.init(weights), jnp.full_like(flat, jnp.nan)
        keys = jax.random.split(for_steps, steps).reshape(steps // window, window)

        def one_window(carry: tuple, keys: jax.Array) -> tuple:
            edge = _on_held_out(carry[0], of)
            carry, rows = jax.lax.scan(lambda at, key: step(of, chosen, at, key), carry, keys)
            return carry, (rows, edge)

        (weights, *_), (rows, edges) = jax.lax.scan(one_window, first, keys)
        last = _on_held_out(weights, of)
        rows = [each.reshape(steps, *each.shape[2:]) for each in rows]
        return *rows, *(jnp.concatenate([many, one[None]]) for many, one in zip(edges, last, strict=True))

    return jax.jit(train)


def _initial(key: jax.Array) -> Weights:
    """Normal numbers of He's variance for rectified units; biases of 0."""
    first, second = jax.random.split(key)
    inputs = PIXELS + CLASSES
    return {
        "in": jax.random.normal(first, (inputs, HIDDEN)) * (2 / PIXELS) ** 0.5,
        "in_bias": jnp.zeros(HIDDEN),
        "out": jax.random.normal(second, (HIDDEN, CLASSES)) * (1 / HIDDEN) ** 0.5,
        "out_bias": jnp.zeros(CLASSES),
    }


def _outputs(weights: Weights, x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ weights["in"] + weights["in_bias"]) @ weights["out"] + weights["out_bias"]


def _losses(weights: Weights, x: jax.Array, label: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(_outputs(weights, x), label)


def _loss(weights: Weights, x: jax.Array, label: jax.Array, weight: jax.Array | float) -> jax.Array:
    return jnp.mean(weight * _losses(weights, x, label))


def _attacked(weights: Weights, x: jax.Array, label: jax.Array, radius: jax.Array, steps: int) -> jax.Array:
    """Projected gradient ascent of the loss in the sign of the input's gradient; one step is FGSM (arXiv:1412.6572, 1706.06083)."""
    size = radius if steps == 1 else 2.5 * radius / max(steps, 1)
    moved = x
    for _ in range(steps):
        uphill = jax.grad(lambda at: jnp.sum(_losses(weights, at, label)))(moved)
        moved = jnp.clip(moved + size * jnp.sign(uphill), x - radius, x + radius)
    return moved


def _on_held_out(weights: Weights, of: Task) -> tuple[jax.Array, jax.Array]:
    outputs = _outputs(weights, of.held_x)
    right = jnp.mean(jnp.argmax(outputs, axis=-1) == of.held_label)
    return optax.softmax_cross_entropy_with_integer_labels(outputs, of.held_label), right


def _cosine(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.vdot(a, b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b) + 1e-30)
