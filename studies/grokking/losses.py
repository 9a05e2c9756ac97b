"""The losses of the arms: cross-entropy in several precisions, and StableMax. Each gives the loss and its gradient by logits."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

Loss = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def loss_named(name: str) -> Loss:
    """Return the loss of an arm.

    "cross-entropy" is computed in the precision of the logits, "cross-entropy float64" in float64 whatever theirs is. "rounded 17" is that
    with the softmax rounded to multiples of 2⁻¹⁷ in the gradient. "stablemax" is that of Prieto and others (arXiv:2501.04697).
    """
    if name.startswith("rounded "):
        return rounded(int(name.removeprefix("rounded ")))
    return {"cross-entropy": cross_entropy, "cross-entropy float64": in_float64(cross_entropy), "stablemax": stablemax}[name]


def cross_entropy(scores: jax.Array, answer: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean cross-entropy of the softmax, in the precision of the logits."""
    return jax.value_and_grad(lambda s: _picked(-jax.nn.log_softmax(s), answer).mean())(scores)


def stablemax(scores: jax.Array, answer: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean cross-entropy with s(x) = x + 1 for x ≥ 0 and 1 / (1 - x) below, in place of the exponential."""

    def mean(s: jax.Array) -> jax.Array:
        parts = jnp.where(s >= 0, s + 1, 1 / (1 - jnp.minimum(s, 0)))
        return jnp.mean(jnp.log(parts.sum(1)) - jnp.log(_picked(parts, answer)))

    return jax.value_and_grad(mean)(scores)


def in_float64(loss: Loss) -> Loss:
    """Cast the logits to float64 before the loss, and its gradient back."""

    def cast(scores: jax.Array, answer: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, gradient = loss(scores.astype(jnp.float64), answer)
        return value, gradient.astype(scores.dtype)

    return cast


def rounded(bits: int) -> Loss:
    """Cross-entropy in float64 whose gradient is made from the softmax rounded to multiples of 2^-bits."""

    def coarse(scores: jax.Array, answer: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, gradient = cross_entropy(scores, answer)
        softmax = jnp.round(jax.nn.softmax(scores) * 2.0**bits) / 2.0**bits
        return value, (softmax - jax.nn.one_hot(answer, scores.shape[1], dtype=scores.dtype)) / gradient.shape[0]

    return in_float64(coarse)


def _picked(table: jax.Array, answer: jax.Array) -> jax.Array:
    return jnp.take_along_axis(table, answer[:, None], 1)[:, 0]
