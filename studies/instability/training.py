"""Trains a network with Adam, the whole run in one compiled loop, and keeps what the statistics need of every step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from studies.instability.networks import Batch, Parameters, task

Floats = npt.NDArray[np.float64]
STEPS = 4_000
BATCHES = {"digits": 32, "characters": 64, "curve": 0}
"""Examples in a batch; 0 is all of them."""
EPSILON = 1e-8
Loop = Callable[[Batch, int, jax.Array, float], tuple[jax.Array, ...]]
State = tuple[Parameters, optax.ScaleByAdamState, Parameters]
"""Weights, moments, and the last update."""


class Trace(NamedTuple):
    """What was kept of every step: arrays of shape (steps,) and, with a column for each layer, (steps, 3)."""

    loss: Floats
    """Before the update of the step."""
    gradient: Floats
    """Norm of the gradient."""
    update: Floats
    """‖ΔW‖."""
    weight: Floats
    """‖W‖ before the update."""
    rms: Floats
    """sqrt(mean(g²/v)) of the weight matrix of the layer: Wortsman's RMS of the update."""
    turn: Floats
    """Inner product of the update with the one before."""


def train(name: str, bits: int, b2: float, rates: npt.ArrayLike, seed: int) -> Trace:
    """Train, with a learning rate for each step, and stop where the loss is no longer finite."""
    every = jnp.asarray(rates, dtype=jnp.float32)
    kept = [np.asarray(each, dtype=float) for each in _loop(name, bits)(task(name).data, seed, every, b2)]
    ends = np.flatnonzero(~np.isfinite(kept[0]) | ~np.isfinite(kept[2]).all(axis=1))
    return Trace(*(each[: int(ends[0]) if len(ends) else None] for each in kept))


@cache
def _loop(name: str, bits: int) -> Loop:
    _, start, loss, _ = task(name)

    def whole(data: Batch, seed: int, rates: jax.Array, b2: float) -> tuple[jax.Array, ...]:
        key = jax.random.key(seed)
        adam = optax.scale_by_adam(b1=0.9, b2=b2, eps=EPSILON)
        slope = jax.value_and_grad(lambda net, batch: loss(net, batch, bits))

        def step(state: State, now: tuple[jax.Array, jax.Array]) -> tuple[State, tuple[jax.Array, ...]]:
            net, adam_state, last = state
            t, rate = now
            value, gradient = slope(net, _batch(data, jax.random.fold_in(key, t + 1), BATCHES[name]))
            direction, adam_state = adam.update(gradient, adam_state)
            update = jax.tree.map(lambda each: -rate * each, direction)
            second = jax.tree.map(lambda each: each / (1 - b2 ** (t + 1.0)), adam_state.nu)
            sizes = [jnp.sqrt(_inner(each, each)) for each in (gradient, update, net)]
            row = (value, *sizes, _rms(gradient, second), _inner(update, last))
            return (optax.apply_updates(net, update), adam_state, update), row

        net = start(key)
        first = (net, adam.init(net), jax.tree.map(jnp.zeros_like, net))
        return jax.lax.scan(step, first, (jnp.arange(len(rates)), rates))[1]

    return jax.jit(whole)


def _batch(data: Batch, key: jax.Array, size: int) -> Batch:
    if not size:
        return data
    rows = jax.random.randint(key, (size,), 0, len(data[1]))
    return data[0][rows], data[1][rows]


def _inner(a: Parameters, b: Parameters) -> jax.Array:
    return jnp.stack([sum(jnp.vdot(x, y) for x, y in zip(a[name], b[name], strict=True)) for name in sorted(a)])


def _rms(gradient: Parameters, second: Parameters) -> jax.Array:
    ratios = [gradient[name][0] ** 2 / jnp.maximum(second[name][0], EPSILON**2) for name in sorted(gradient)]
    return jnp.stack([jnp.sqrt(each.mean()) for each in ratios])
