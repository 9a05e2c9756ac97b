"""A ResNet for small images: three stages of basic blocks of two convolutions, with batch normalisation (He 2016, arXiv:1512.03385)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import jax
import jax.numpy as jnp

Tree: TypeAlias = "dict[str, Tree | jax.Array]"


def begin(key: jax.Array, *, width: int, blocks: int, channels: int = 1, classes: int = 10) -> Tree:
    """Draw the weights. The stages are `width`, twice and four times as wide; each has so many blocks."""
    keys = iter(jax.random.split(key, 8))
    stages: dict[str, Tree | jax.Array] = {}
    before = width
    for stage in range(3):
        after = width * 2**stage
        stages[f"first_{stage}"] = _block(next(keys), before, after)
        if blocks > 1:
            stages[f"others_{stage}"] = jax.vmap(lambda each, n=after: _block(each, n, n))(jax.random.split(next(keys), blocks - 1))
        before = after
    ends: dict[str, Tree | jax.Array] = {
        "stem": _convolution(next(keys), channels, width),
        "stem_norm": _norm(width),
        "out": jax.random.normal(next(keys), (before, classes)) * before**-0.5,
        "bias": jnp.zeros(classes),
    }
    return stages | ends


def logits(weights: Tree, images: jax.Array) -> jax.Array:
    """One row of logits for each image of shape (height, width, channels). Normalised over the images that are given."""
    x = jax.nn.relu(_normalised(_convolved(images, weights["stem"], 1), weights["stem_norm"]))
    for stage, parts in enumerate(_stages(weights)):
        x = _after_block(x, parts[0], 1 if stage == 0 else 2)
        for others in parts[1:]:
            x, _ = jax.lax.scan(lambda x, block: (_after_block(x, block, 1), None), x, others)  # one block is compiled, not each
    return x.mean(axis=(1, 2)) @ weights["out"] + weights["bias"]


def _stages(weights: Tree) -> Iterator[list[Tree]]:
    for stage in range(3):
        yield [weights[name] for name in (f"first_{stage}", f"others_{stage}") if name in weights]  # type: ignore[misc]


def _block(key: jax.Array, before: int, after: int) -> Tree:
    one, two = jax.random.split(key)
    return {
        "one": _convolution(one, before, after),
        "two": _convolution(two, after, after),
        "norms": jnp.stack([_norm(after), _norm(after)]),
    }


def _convolution(key: jax.Array, before: int, after: int) -> jax.Array:
    return jax.random.normal(key, (3, 3, before, after)) * (2 / (9 * before)) ** 0.5


def _norm(width: int) -> jax.Array:
    """Scale and shift."""
    return jnp.stack([jnp.ones(width), jnp.zeros(width)])


def _after_block(x: jax.Array, block: Tree, stride: int) -> jax.Array:
    inner = jax.nn.relu(_normalised(_convolved(x, block["one"], stride), block["norms"][0]))
    inner = _normalised(_convolved(inner, block["two"], 1), block["norms"][1])
    more = inner.shape[-1] - x.shape[-1]
    return jax.nn.relu(jnp.pad(x[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (more // 2, more - more // 2))) + inner)


def _convolved(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """3 × 3, padded by zeros, as one product of matrices: three times as fast on a CPU as XLA's own for so few channels."""
    size = x.shape[1]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + size : stride, j : j + size : stride] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def _normalised(x: jax.Array, norm: jax.Array) -> jax.Array:
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * norm[0] + norm[1]
