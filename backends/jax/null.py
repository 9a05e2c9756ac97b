"""Replays optimizers on white gradients, compiled for any device."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import dfa
from wcdfa.nulls.nulls import without_schedule
from wcdfa.nulls.optimizer import Memory, Optimizer, axes_of
from wcdfa.nulls.replay import Dimension, begin, plan
from wcdfa.nulls.update_rules import resolved


def optimizer_alphas(
    n: int,
    *,
    optimizer: str | Optimizer = "adamw",
    lr: npt.ArrayLike | None = None,
    replicates: int = 500,
    order: int = 1,
    method: Method = "robust",
    log: bool = True,
    gradient_norm: npt.ArrayLike | None = None,
    dimension: Dimension | None = None,
    seed: int = 0,
    **hyperparameters: object,
) -> jax.Array:
    """Compute α of an optimizer on white gradients, as `wcdfa.nulls.nulls.optimizer_alphas` does, but with ``jax.lax.scan`` on any device.

    >>> optimizer_alphas(128, optimizer="sgd", momentum=0.9, replicates=4).shape
    (4,)

    The replay begins after the optimizer has settled. A second call with the same optimizer, lengths and shapes does not compile again.

    Parameters
    ----------
    n, optimizer, lr, gradient_norm, dimension, seed, **hyperparameters
        As in `wcdfa.nulls.replay.optimizer_norms`. The random generator is another one, so the draws differ.
    replicates, order, method, log
        As in `wcdfa.nulls.nulls.optimizer_null`.

    Returns
    -------
    array of shape (replicates,)
        For ``wcdfa.nulls.nulls.compare(alpha, alphas)``.

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.nulls.replay.optimizer_norms`.
    """
    if replicates < 1:
        msg = f"replicates must be at least 1, got {replicates}"
        raise ValueError(msg)
    rule = resolved(optimizer, hyperparameters)
    run = plan(n, rule, lr, gradient_norm, None, dimension)
    weights, memory = begin(run, np.random.default_rng(seed), (*run.shape, replicates))
    norms = _compiled(rule, run.exact, run.before, run.taken)(
        weights, memory, jnp.asarray(run.rates, dtype=jnp.float32), jnp.asarray(run.scales, dtype=jnp.float32), seed
    )
    x: jax.Array = without_schedule(jnp.log(norms) if log else norms, lr, log)
    alphas: jax.Array = _alphas(x, order, method)
    return alphas if rule.no_alpha is None else jnp.full_like(alphas, math.nan)


Carry = tuple[jax.Array, Memory]


@lru_cache(maxsize=32)
def _compiled(rule: Optimizer, exact: bool, before: int, taken: float) -> Callable[..., jax.Array]:
    def norms(weights: jax.Array, memory: Memory, rates: jax.Array, scales: jax.Array, seed: int) -> jax.Array:
        key, axes = jax.random.key(seed), axes_of(weights)
        size = math.sqrt(math.prod(weights.shape[:-1]))

        def step(carry: Carry, now: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
            weights, memory = carry
            rate, scale, number = now
            white = jax.random.normal(jax.random.fold_in(key, number), weights.shape, dtype=weights.dtype)
            length = jnp.sqrt(jnp.sum(white * white, axis=axes)) if exact else size
            count = taken if math.isinf(taken) else taken + 1.0 + number
            moved, memory = rule.step(memory, weights, white * (scale / length), rate, count)
            change = jnp.asarray(moved)
            return (weights + change, memory), jnp.sqrt(jnp.sum(change * change, axis=axes))

        _, lengths = jax.lax.scan(step, (weights, memory), (rates, scales, jnp.arange(len(rates))))
        return lengths[before:].T

    return jax.jit(norms)


@partial(jax.jit, static_argnums=(1, 2))
def _alphas(x: jax.Array, order: int, method: Method) -> jax.Array:
    alphas: jax.Array = dfa(x, order=order, method=method).alpha
    return alphas
