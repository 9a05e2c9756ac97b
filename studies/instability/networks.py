"""Small networks as pure functions: digits to classes, eight characters to the next one, a curve through 64 points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from scipy import stats

from studies.common.data import digits, text

Parameters = dict[str, tuple[jax.Array, jax.Array]]
Batch = tuple[jax.Array, jax.Array]
CONTEXT, CHARACTERS, WIDTH, EMBEDDING, CORPUS = 8, 128, 64, 16, 200_000
POINTS = 64
FINEST = 1e-12  # a tensor of zeros is rounded to zeros


class Task(NamedTuple):
    """Data with a network: how to start it, and its loss."""

    data: Batch
    start: Callable[[jax.Array], Parameters]
    loss: Callable[[Parameters, Batch, int], jax.Array]
    guess: float
    """The loss of the best constant guess."""


@cache
def task(name: str) -> Task:
    """The task called "digits", "characters" or "curve"."""
    if name == "digits":
        x, y = digits()[:2]
        return Task((jnp.asarray(x), jnp.asarray(y)), partial(_start, sizes=(64, WIDTH, WIDTH, 10)), _loss_digits, _entropy(y))
    if name == "characters":
        codes = text(CORPUS + CONTEXT).astype(np.int32)
        windows = np.lib.stride_tricks.sliding_window_view(codes, CONTEXT)[:-1]
        data = jnp.asarray(windows), jnp.asarray(codes[CONTEXT:])
        return Task(data, _start_characters, _loss_characters, _entropy(codes))
    x = np.linspace(-np.pi, np.pi, POINTS, dtype=np.float32)[:, None]
    curve = np.sin(x) + np.sin(4 * x)
    return Task((jnp.asarray(x), jnp.asarray(curve)), partial(_start, sizes=(1, WIDTH, WIDTH, 1)), _loss_curve, float(curve.var()))


def _entropy(labels: npt.NDArray[np.int32]) -> float:
    return float(stats.entropy(np.bincount(labels)))


def rounded(x: jax.Array, bits: int) -> jax.Array:
    """Round to 2^bits − 1 evenly spaced values up to the largest magnitude of the tensor; the gradient passes unchanged."""
    if not bits:
        return x
    step = jnp.maximum(jnp.abs(x).max(), FINEST) / (2 ** (bits - 1) - 1)
    return x + jax.lax.stop_gradient(jnp.round(x / step) * step - x)


def _dense(key: jax.Array, inputs: int, outputs: int) -> tuple[jax.Array, jax.Array]:
    return jax.random.normal(key, (inputs, outputs)) * (2 / inputs) ** 0.5, jnp.zeros(outputs)


def _start(key: jax.Array, sizes: tuple[int, ...]) -> Parameters:
    keys = jax.random.split(key, 3)
    return {f"layer {i + 1}": _dense(keys[i], sizes[i], sizes[i + 1]) for i in range(3)}


def _start_characters(key: jax.Array) -> Parameters:
    keys = jax.random.split(key, 3)
    return {
        "layer 1": (jax.random.normal(keys[0], (CHARACTERS, EMBEDDING)), jnp.zeros(EMBEDDING)),
        "layer 2": _dense(keys[1], CONTEXT * EMBEDDING, WIDTH),
        "layer 3": _dense(keys[2], WIDTH, CHARACTERS),
    }


def _layer(weights: tuple[jax.Array, jax.Array], x: jax.Array, bits: int) -> jax.Array:
    return rounded(x, bits) @ rounded(weights[0], bits) + weights[1]


def _loss_digits(net: Parameters, batch: Batch, bits: int) -> jax.Array:
    hidden = jax.nn.relu(_layer(net["layer 1"], batch[0], bits))
    return _cross_entropy(_last_layers(net, hidden, bits), batch[1])


def _loss_characters(net: Parameters, batch: Batch, bits: int) -> jax.Array:
    table, shift = net["layer 1"]
    hidden = rounded(table, bits)[batch[0]] + shift
    return _cross_entropy(_last_layers(net, hidden.reshape(len(hidden), -1), bits), batch[1])


def _loss_curve(net: Parameters, batch: Batch, bits: int) -> jax.Array:
    hidden = jnp.tanh(_layer(net["layer 1"], batch[0], bits))
    return ((_last_layers(net, hidden, bits) - batch[1]) ** 2).mean()


def _last_layers(net: Parameters, hidden: jax.Array, bits: int) -> jax.Array:
    return _layer(net["layer 3"], jax.nn.relu(_layer(net["layer 2"], hidden, bits)), bits)


def _cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
