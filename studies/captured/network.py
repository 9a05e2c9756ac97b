"""The network that is trained: one hidden layer of rectified units."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import jax
import jax.numpy as jnp
import optax

from studies.captured.task import CLASSES, PIXELS

if TYPE_CHECKING:
    from studies.captured.task import Task

HIDDEN = 96
Weights: TypeAlias = "dict[str, jax.Array]"


def initial(key: jax.Array) -> Weights:
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


def losses(weights: Weights, x: jax.Array, label: jax.Array) -> jax.Array:
    """Cross-entropy of each sample."""
    found: jax.Array = optax.softmax_cross_entropy_with_integer_labels(_outputs(weights, x), label)
    return found


def loss(weights: Weights, x: jax.Array, label: jax.Array, weight: jax.Array | float) -> jax.Array:
    """Mean cross-entropy, weighted by sample."""
    return jnp.mean(weight * losses(weights, x, label))


def attacked(weights: Weights, x: jax.Array, label: jax.Array, of: Task) -> jax.Array:
    """Projected gradient ascent of the loss by signs of the gradient of pixels (arXiv:1706.06083); one step is FGSM (arXiv:1412.6572)."""
    uphill = jax.grad(lambda at: jnp.sum(losses(weights, at, label)))

    def further(_: jax.Array, moved: jax.Array) -> jax.Array:
        push = of.stride * jnp.sign(uphill(moved)).at[:, PIXELS:].set(0.0)
        return jnp.clip(moved + push, x - of.radius, x + of.radius)

    found: jax.Array = jax.lax.fori_loop(0, of.attack_steps, further, x)
    return found


def trained_everywhere(weights: Weights, of: Task) -> jax.Array:
    """Places, in the flat vector, of the weights that every arm trains: those of inputs that are always 0 only decay."""
    places = jax.tree.unflatten(jax.tree.structure(weights), _places(weights))
    kept = places | {"in": places["in"][of.lit]}
    return jnp.concatenate([each.ravel() for each in jax.tree.leaves(kept)])


def _places(weights: Weights) -> list[jax.Array]:
    leaves = jax.tree.leaves(weights)
    starts = [0, *itertools.accumulate(each.size for each in leaves)]
    return [start + jnp.arange(each.size).reshape(each.shape) for start, each in zip(starts, leaves, strict=False)]


def on_held_out(weights: Weights, of: Task) -> tuple[jax.Array, jax.Array]:
    """Loss of each held-out sample, and the share that is classified rightly."""
    right = jnp.mean(jnp.argmax(_outputs(weights, of.held_x), axis=-1) == of.held_label)
    return losses(weights, of.held_x, of.held_label), right


def cosine(a: jax.Array, b: jax.Array) -> jax.Array:
    """Cosine between two vectors."""
    found: jax.Array = jnp.vdot(a, b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b) + 1e-30)
    return found
