"""A small transformer over characters: normalised before each layer, positions learned."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp

Tree: TypeAlias = "dict[str, Tree | jax.Array]"


def begin(key: jax.Array, *, symbols: int, width: int, layers: int, context: int) -> Tree:
    """Draw the weights."""
    one, two, three, four = jax.random.split(key, 4)
    return {
        "symbols": 0.02 * jax.random.normal(one, (symbols, width)),
        "positions": 0.02 * jax.random.normal(two, (context, width)),
        "layers": jax.vmap(lambda each: _layer(each, width))(jax.random.split(three, layers)),
        "norm": jnp.ones(width),
        "out": jax.random.normal(four, (width, symbols)) * width**-0.5,
    }


def logits(weights: Tree, text: jax.Array, *, heads: int = 4) -> jax.Array:
    """Logits of the next character at each place of texts of shape (texts, places)."""
    x = weights["symbols"][text] + weights["positions"][: text.shape[1]]
    x, _ = jax.lax.scan(lambda x, layer: (_after_layer(x, layer, heads), None), x, weights["layers"])
    return _normalised(x, weights["norm"]) @ weights["out"]


def _layer(key: jax.Array, width: int) -> Tree:
    keys = iter(jax.random.split(key, 4))

    def matrix(rows: int, columns: int, scale: float = 1.0) -> jax.Array:
        return scale * rows**-0.5 * jax.random.normal(next(keys), (rows, columns))

    return {
        "attention": matrix(width, 3 * width),
        "joined": matrix(width, width, 0.5),
        "up": matrix(width, 4 * width),
        "down": matrix(4 * width, width, 0.5),
        "norms": jnp.ones((2, width)),
    }


def _after_layer(x: jax.Array, layer: Tree, heads: int) -> jax.Array:
    x = x + _attended(_normalised(x, layer["norms"][0]) @ layer["attention"], heads) @ layer["joined"]
    return x + jax.nn.gelu(_normalised(x, layer["norms"][1]) @ layer["up"]) @ layer["down"]


def _attended(x: jax.Array, heads: int) -> jax.Array:
    """Each place looks at itself and those before it."""
    texts, places, width = x.shape[0], x.shape[1], x.shape[2] // 3
    query, key, value = (each.reshape(texts, places, heads, -1).swapaxes(1, 2) for each in jnp.split(x, 3, axis=-1))
    scores = query @ key.swapaxes(2, 3) * (width // heads) ** -0.5
    past = jnp.tril(jnp.ones((places, places), dtype=bool))
    attended = jax.nn.softmax(jnp.where(past, scores, -1e9)) @ value
    return attended.swapaxes(1, 2).reshape(texts, places, width)


def _normalised(x: jax.Array, scale: jax.Array) -> jax.Array:
    x = x - x.mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5) * scale
