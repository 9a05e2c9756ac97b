"""Trains the network and records its weight changes at every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from studies.grokking.events import GROKKED, SETTLED, passed, slingshot
from studies.grokking.losses import loss_named
from studies.grokking.network import Task, first_weights, flat, logits, tasks
from studies.grokking.recorded import EVERY, Recorded

CHUNK = 500  # steps between two looks at whether to stop
COORDINATES = 64
ENOUGH = 3_000  # steps that a run goes on after its slingshot

Steps = tuple[jax.Array, ...]
"""What is recorded of each step."""
State = tuple[jax.Array, optax.OptState, jax.Array]
"""Weights, what the optimizer remembers, and the last weight change."""


class Plan(NamedTuple):
    """What tells one run from another."""

    p: int
    seed: int
    loss: str = "cross-entropy"
    dtype: str = "float32"
    optimizer: str = "adamw"
    decay: float = 1.0
    batch: int = 0
    """Pairs a step; 0 for all."""
    shuffled: bool = False
    steps: int = 30_000


def optimizer_of(plan: Plan) -> optax.GradientTransformation:
    """AdamW as in the author's example, or "momentum RATE", which is SGD with momentum 0.9 and a decay that is decoupled too."""
    if plan.optimizer == "adamw":
        return optax.adamw(1e-3, weight_decay=plan.decay)
    rate = float(plan.optimizer.removeprefix("momentum "))
    return optax.chain(optax.trace(0.9), optax.add_decayed_weights(plan.decay), optax.scale(-rate))


def last_step(recorded: Recorded) -> float:
    """Where a run ends, as far as is known yet: ENOUGH steps after its slingshot and after the time that it has to settle."""
    return max(slingshot(recorded), passed(recorded.test, GROKKED) + SETTLED) + ENOUGH


def train(plan: Plan) -> Recorded:
    """Train until `last_step`, or for `plan.steps` steps. The result follows from the plan alone."""
    with jax.enable_x64(True):
        return _train(plan)


def _train(plan: Plan) -> Recorded:
    run, state = _compiled(plan)
    keys = jax.random.split(jax.random.key(plan.seed), plan.steps)
    recorded = None
    for at in range(0, plan.steps, CHUNK):
        state, (steps, evaluations) = run(state, keys[at : at + CHUNK].reshape(-1, EVERY))
        more = Recorded(
            *(np.asarray(x, float).reshape(-1, *x.shape[2:]) for x in steps), *(np.asarray(x, float) for x in evaluations)
        )
        recorded = more if recorded is None else recorded.followed_by(more)
        if at + CHUNK >= last_step(recorded):
            break
    assert recorded is not None
    return recorded


def _compiled(plan: Plan) -> tuple[Callable[[State, jax.Array], tuple[State, tuple[Steps, Steps]]], State]:
    """The function that trains for some blocks of EVERY steps, and the first state."""
    known, unknown = tasks(plan.p, plan.seed, plan.shuffled)
    vector, back = flat(first_weights(plan.p, plan.seed), plan.dtype)
    optimizer, loss = optimizer_of(plan), loss_named(plan.loss)
    watched = np.random.default_rng([plan.seed, 3]).choice(vector.size, COORDINATES, replace=False)

    def step(state: State, key: jax.Array) -> tuple[State, Steps]:
        weights, memory, before = state
        task = _drawn(known, key, plan.batch) if plan.batch else known
        scores, pull = jax.vjp(lambda w: logits(back(w), task), weights)
        value, by_scores = loss(scores, task.answer)
        (gradient,) = pull(by_scores)
        update, memory = optimizer.update(gradient, memory, weights)
        new = optax.apply_updates(weights, update)
        change = new - weights
        return (new, memory, change), (_norm(change), value, _norm(gradient), _cosine(change, before), change[watched])

    def block(state: State, keys: jax.Array) -> tuple[State, tuple[Steps, Steps]]:
        state, steps = jax.lax.scan(step, state, keys)
        weights = back(state[0])
        return state, (steps, (_accuracy(weights, known), _accuracy(weights, unknown), _norm(state[0])))

    return jax.jit(lambda state, keys: jax.lax.scan(block, state, keys)), (vector, optimizer.init(vector), jnp.zeros_like(vector))


def _drawn(task: Task, key: jax.Array, size: int) -> Task:
    rows = jax.random.choice(key, len(task.answer), (size,), replace=False)
    return Task(task.first[rows], task.second[rows], task.answer[rows])


def _norm(vector: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(vector.astype(jnp.float64))))


def _cosine(change: jax.Array, before: jax.Array) -> jax.Array:
    return jnp.vdot(change, before) / jnp.maximum(_norm(change) * _norm(before), 1e-300)


def _accuracy(weights: dict[str, jax.Array], task: Task) -> jax.Array:
    return jnp.mean((logits(weights, task).argmax(1) == task.answer).astype(jnp.float64))
