"""A classifier of digits with two hidden layers; its parameters are one row."""

from __future__ import annotations

import math

import jax
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]

INPUTS, HIDDEN, CLASSES = 64, 32, 10
SHAPES = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
ENDS = tuple(np.cumsum([math.prod(shape) for shape in SHAPES]).tolist())


def initial(rng: np.random.Generator) -> Numbers:
    """Draw parameters: normal weights of variance 2 / inputs (1 / inputs in the last layer), biases of 0."""
    scales = (math.sqrt(2 / INPUTS), 0, math.sqrt(2 / HIDDEN), 0, math.sqrt(1 / HIDDEN), 0)
    parts = [scale * rng.standard_normal(shape).ravel() for scale, shape in zip(scales, SHAPES, strict=True)]
    return np.concatenate(parts).astype(np.float32)


def layers(parameters: jax.Array) -> list[jax.Array]:
    """Cut the row of parameters into weights and biases."""
    starts = (0, *ENDS[:-1])
    return [parameters[start:end].reshape(shape) for start, end, shape in zip(starts, ENDS, SHAPES, strict=True)]


@jax.jit
def activations(parameters: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Compute both hidden layers and the logits."""
    w1, b1, w2, b2, w3, b3 = layers(parameters)
    first = jax.nn.relu(x @ w1 + b1)
    second = jax.nn.relu(first @ w2 + b2)
    return first, second, second @ w3 + b3


def loss_of(parameters: jax.Array, x: jax.Array, one_hot: jax.Array) -> jax.Array:
    """Compute the mean cross-entropy."""
    return -(jax.nn.log_softmax(activations(parameters, x)[2]) * one_hot).sum(1).mean()
