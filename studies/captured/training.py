"""Trains a small network on scikit-learn's digits, and records every step; one compiled loop for a whole run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from studies.captured.network import attacked, cosine, initial, loss, on_held_out, trained_everywhere
from studies.captured.task import PIXELS, Task, task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Values: TypeAlias = npt.NDArray[np.float32]

BATCH, HELD_OUT = 32, 256  # samples in a training batch, and in the fresh held-out batch of each step
COORDINATES = 64


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


def trained(setting: Mapping[str, float | str | int]) -> Record:
    """Train one run; `steps` is a multiple of `window`."""
    steps, window = int(setting["steps"]), int(setting["window"])
    train = _compiled(steps, window)
    recorded = train(task(setting), jax.random.key(int(setting["seed"])))
    return Record(*(np.asarray(each) for each in recorded))


@lru_cache
def _compiled(steps: int, window: int) -> Callable[[Task, jax.Array], tuple[jax.Array, ...]]:
    optimizer = optax.adamw(1e-3, b1=0.9, b2=0.99, weight_decay=1e-2)

    def step(of: Task, chosen: jax.Array, carry: Any, key: jax.Array) -> Any:
        weights, state, last = carry
        for_batch, for_noise, for_held = jax.random.split(key, 3)
        rows = jax.random.randint(for_batch, (BATCH,), 0, len(of.x))
        x, label, weight = of.x[rows], of.label[rows], of.weight[rows]
        x = x.at[:, :PIXELS].add(of.noise * jax.random.normal(for_noise, (BATCH, PIXELS)))
        x = attacked(weights, x, label, of)
        descended, gradient = jax.value_and_grad(loss)(weights, x, label, weight)
        change, state = optimizer.update(gradient, state, weights)
        moved = optax.apply_updates(weights, change)
        held = jax.random.randint(for_held, (HELD_OUT,), 0, len(of.held_x))
        before, uphill = jax.value_and_grad(loss)(weights, of.held_x[held], of.held_label[held], 1.0)
        after = loss(moved, of.held_x[held], of.held_label[held], 1.0)
        flat = ravel_pytree(jax.tree.map(jnp.subtract, moved, weights))[0]
        alignment = -cosine(flat, ravel_pytree(uphill)[0])
        row = jnp.linalg.norm(flat), descended, before - after, alignment, cosine(flat, last), flat[chosen]
        return (moved, state, flat), row

    def train(of: Task, key: jax.Array) -> tuple[jax.Array, ...]:
        for_weights, for_steps, for_sketch = jax.random.split(key, 3)
        weights = initial(for_weights)
        flat = ravel_pytree(weights)[0]
        chosen = jax.random.permutation(for_sketch, trained_everywhere(weights, of))[:COORDINATES]
        first: Any = weights, optimizer.init(weights), jnp.full_like(flat, jnp.nan)
        keys = jax.random.split(for_steps, steps).reshape(steps // window, window)

        def one_window(carry: Any, keys: jax.Array) -> Any:
            edge = on_held_out(carry[0], of)
            carry, rows = jax.lax.scan(lambda at, key: step(of, chosen, at, key), carry, keys)
            return carry, (rows, edge)

        (weights, *_), (rows, edges) = jax.lax.scan(one_window, first, keys)
        last = on_held_out(weights, of)
        rows = [each.reshape(steps, *each.shape[2:]) for each in rows]
        return *rows, *(jnp.concatenate([many, one[None]]) for many, one in zip(edges, last, strict=True))

    return jax.jit(train)
