"""Short runs of optax, and their norms as NumPy counts them: step by step, in float64, from the parameters alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tests.conftest import require

SHAPES = {"encoder": {"weight": (40, 20), "bias": (20,)}, "head": {"weight": (20, 3), "bias": (3,)}}


def network(dtype="float32", seed=0):
    """Parameters of a small network, about 1 each."""
    return drawn(np.random.default_rng(seed), dtype)


def drawn(rng, dtype="float32"):
    jnp = require("jax").numpy
    return {
        layer: {name: jnp.asarray(rng.standard_normal(shape), dtype=dtype) for name, shape in part.items()}
        for layer, part in SHAPES.items()
    }


def gradients(steps, dtype="float32", seed=1):
    """White gradients, the scale of which drifts so that no two norms are alike."""
    jax, rng = require("jax"), np.random.default_rng(seed)
    return [jax.tree.map(lambda g, i=i: g * (1 + i % 7), drawn(rng, dtype)) for i in range(steps)]


def run(tx, given, params=None, state=None, *, jit=True, **extra):
    """All parameters from the first on, all updates, and the last state."""
    jax, optax = require("jax"), require("optax")

    def step(gradient, state, params):
        updates, state = tx.update(gradient, state, params, **extra)
        return optax.apply_updates(params, updates), updates, state

    step = jax.jit(step) if jit else step
    params = network() if params is None else params
    state = tx.init(params) if state is None else state
    history, all_updates = [params], []
    for gradient in given:
        params, updates, state = step(gradient, state, params)
        history.append(params)
        all_updates.append(updates)
    return history, all_updates, state


def norm(tree, pick=lambda path: True):
    """The norm of the leaves whose path, as JAX writes it, is picked."""
    leaves = require("jax").tree_util.tree_leaves_with_path(tree)
    picked = [leaf for path, leaf in leaves if pick(require("jax").tree_util.keystr(path))]
    return np.sqrt(sum(np.sum(np.asarray(leaf).astype(np.float64) ** 2) for leaf in picked))


def moves(history, pick=lambda path: True):
    """‖ΔW‖ from each parameters to the next."""
    jax = require("jax")

    def difference(new, old):
        return np.asarray(new).astype(np.float64) - np.asarray(old).astype(np.float64)

    return np.array([norm(jax.tree.map(difference, new, old), pick) for old, new in pairwise(history)])


def kinds(tree):
    """What a compiled loop needs to stay the same: structure, and shape, dtype and weakness of type of every leaf."""
    jax = require("jax")
    return jax.tree.structure(tree), [(leaf.shape, leaf.dtype, jax.typeof(leaf).weak_type) for leaf in jax.tree.leaves(tree)]
