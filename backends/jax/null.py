"""..."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wcdfa.inference.exponent import dfa
from wcdfa.nulls.nulls import without_schedule
from wcdfa.nulls.replay import DIMENSION, begin, plan
from wcdfa.nulls.update_rules import State


def optimizer_alphas(
    n: int,
    *,
    optimizer: str = "adamw",
    lr: Any = None,
    replicates: int = 500,
    order: int = 1,
    method: str = "robust",
    log: bool = True,
    gradient_norm: Any = None,
    dimension: int = DIMENSION,
    seed: int = 0,
    **hyperparameters: Any,
) -> jax.Array:
    """α of an optimizer on white gradients, as `wcdfa.nulls.nulls.optimizer_alphas`: replayed by ``jax.lax.scan``, on any device.

    >>> optimizer_alphas(128, optimizer="sgd", momentum=0.9, replicates=4).shape
    (4,)

    The optimizer has settled. A second call with the same optimizer, lengths and shapes does not compile again.

    Parameters
    ----------
    n, optimizer, lr, gradient_norm, dimension, seed, **hyperparameters
        As in `wcdfa.nulls.replay.optimizer_norms`; another generator, so other draws.
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
    hyperparameters = {name: tuple(value) if isinstance(value, list) else value for name, value in hyperparameters.items()}
    run = plan(n, optimizer, lr, gradient_norm, None, hyperparameters)
    weights, state = begin(run, np.random.default_rng(seed), (dimension, replicates))
    norms = _compiled(optimizer, tuple(sorted(hyperparameters.items())), run.exact, run.before)(
        weights, state, jnp.asarray(run.rates, dtype=jnp.float32), jnp.asarray(run.scales, dtype=jnp.float32), seed
    )
    x = without_schedule(jnp.log(norms) if log else norms, lr, log)
    alphas: jax.Array = _alphas(x, order, method)
    return alphas


@lru_cache(maxsize=32)
def _compiled(optimizer: str, hyperparameters: tuple[tuple[str, Any], ...], exact: bool, before: int) -> Any:
    rule = plan(1, optimizer, None, None, None, dict(hyperparameters)).rule

    def norms(weights: jax.Array, state: State, rates: jax.Array, scales: jax.Array, seed: int) -> jax.Array:
        key = jax.random.key(seed)

        def step(carry: tuple[jax.Array, State], now: tuple[jax.Array, jax.Array, jax.Array]) -> Any:
            weights, state = carry
            rate, scale, number = now
            white = jax.random.normal(jax.random.fold_in(key, number), weights.shape, dtype=weights.dtype)
            length = jnp.sqrt(jnp.sum(white * white, axis=0)) if exact else math.sqrt(weights.shape[0])
            change, state = rule.step(state, weights, white * (scale / length), rate, math.inf)
            return (weights + change, state), jnp.sqrt(jnp.sum(change * change, axis=0))

        _, lengths = jax.lax.scan(step, (weights, state), (rates, scales, jnp.arange(len(rates))))
        series: jax.Array = lengths[before:].T
        return series

    return jax.jit(norms)


_alphas = jax.jit(lambda x, order, method: dfa(x, order=order, method=method).alpha, static_argnums=(1, 2))
