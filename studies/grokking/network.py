"""The network of wcdfa 0.1.0's grokking example, a + b mod p, and its first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.flatten_util import ravel_pytree

from studies.common.measures import Floats

Integers = npt.NDArray[np.int_]

EMBED = 128
HIDDEN = 256
SHARE = 0.3  # of all pairs, for training
SHARE_43 = 0.4  # with 0.3, p = 43 does not grok within 30,000 steps


class Task(NamedTuple):
    """Pairs (a, b) of one split, as rows of zeros and ones, with their sum modulo p."""

    first: jax.Array
    second: jax.Array
    answer: jax.Array


def tasks(p: int, seed: int, shuffled: bool = False) -> tuple[Task, Task]:
    """Return the pairs for training and those for testing, drawn at random; the answers may be shuffled, so that no rule gives them."""
    rng = np.random.default_rng([seed, 1])
    pairs = rng.permutation(p * p)
    answers = np.add.outer(np.arange(p), np.arange(p)).ravel() % p
    answers = rng.permutation(answers) if shuffled else answers
    count = int((SHARE_43 if p == 43 else SHARE) * p * p)
    return _task(pairs[:count], answers, p), _task(pairs[count:], answers, p)


def _task(pairs: Integers, answers: Integers, p: int) -> Task:
    first, second = (jax.nn.one_hot(each, p, dtype=jnp.float32) for each in (pairs // p, pairs % p))
    return Task(first, second, jnp.asarray(answers[pairs]))


def first_weights(p: int, seed: int) -> dict[str, Floats]:
    """Draw weights as torch's Embedding and Linear do; they depend on the seed alone, so that arms are paired by it."""
    rng = np.random.default_rng([seed, 2])

    def uniform(fan_in: int, *shape: int) -> Floats:
        bound = fan_in**-0.5
        return rng.uniform(-bound, bound, shape)

    return {
        "embed_a": rng.standard_normal((p, EMBED)),
        "embed_b": rng.standard_normal((p, EMBED)),
        "in_a": uniform(2 * EMBED, EMBED, HIDDEN),
        "in_b": uniform(2 * EMBED, EMBED, HIDDEN),
        "in_bias": uniform(2 * EMBED, HIDDEN),
        "middle": uniform(HIDDEN, HIDDEN, HIDDEN),
        "middle_bias": uniform(HIDDEN, HIDDEN),
        "out": uniform(HIDDEN, HIDDEN, p),
        "out_bias": uniform(HIDDEN, p),
    }


def flat(weights: dict[str, Floats], dtype: str) -> tuple[jax.Array, Callable[[jax.Array], dict[str, jax.Array]]]:
    """Return the weights as one vector, and the function that turns such a vector back into matrices."""
    vector, back = ravel_pytree({name: jnp.asarray(value, dtype) for name, value in weights.items()})
    return vector, back


def logits(weights: dict[str, jax.Array], task: Task) -> jax.Array:
    """Return logits of shape (pairs, p). The first layer is multiplied by the p embeddings, not by each pair: the same numbers, faster."""
    w, dtype = weights, weights["out"].dtype
    a = task.first.astype(dtype) @ (w["embed_a"] @ w["in_a"])
    b = task.second.astype(dtype) @ (w["embed_b"] @ w["in_b"])
    inner = jax.nn.relu(jax.nn.relu(a + b + w["in_bias"]) @ w["middle"] + w["middle_bias"])
    return inner @ w["out"] + w["out_bias"]
