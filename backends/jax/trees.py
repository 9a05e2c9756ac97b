"""JAX: finds the parameters of a pytree by path, and walks two pytrees side by side."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from wcdfa.backends.trees import by_path


def parameters_of(tree: object) -> dict[str, jax.Array] | None:
    """Every floating or complex array of a tree by its path; None if the tree holds no JAX array or is a single number.

    >>> sorted(parameters_of({"layers": [{"weight": jnp.ones((2, 3)), "steps": jnp.array(7)}], "activation": jnp.tanh}))
    ['layers/0/weight']

    Any object is allowed. An array alone has the path "parameters".
    """
    if isinstance(tree, jax.Array) and tree.size == 1:
        return None  # a single number is a norm
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # JAX will soon refuse generators
            leaves = jax.tree_util.tree_leaves_with_path(tree)
    except (TypeError, ValueError):  # keys cannot be sorted, so it is no tree for JAX
        return None
    if not any(isinstance(leaf, jax.Array) for _, leaf in leaves):
        return None
    trained = (leaf for leaf in leaves if is_number(leaf[1]) and jnp.issubdtype(getattr(leaf[1], "dtype", int), jnp.inexact))
    return by_path((path_of(path) or "parameters", leaf) for path, leaf in trained)


def path_of(keys: Sequence[object]) -> str:
    """Path of a leaf from its keys in a pytree, joined by "/"; the value of a Flax variable has the path of the variable.

    >>> path_of(jax.tree_util.tree_leaves_with_path({"layers": [1.0]})[0][0])
    'layers/0'
    """
    if len(keys) > 1 and getattr(keys[-1], "name", None) in ("value", "raw_value"):
        keys = keys[:-1]
    return "/".join(str(_part(key)) for key in keys)


def pairs(new: object, old: object) -> Iterator[tuple[jax.typing.ArrayLike, jax.typing.ArrayLike]]:
    """Walk two trees of the same structure, and give their numbers side by side.

    Raises
    ------
    ValueError
        If the trees differ in structure or shapes: the message names the place.
    """
    first, second = _leaves(new), _leaves(old)
    if odd := [place for place in (*first, *second) if place not in first or place not in second]:
        msg = f"{', '.join(odd[:3])}: in one tree only; both must hold the same parameters"
        raise ValueError(msg)
    for place, a in first.items():
        b = second[place]
        if is_number(a) or is_number(b):
            _require_same_shape(place, a, b)
        if is_number(a) and is_number(b):
            yield a, b


def _leaves(tree: object) -> dict[str, object]:
    leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=lambda part: part is None)
    return {f"parameters{jax.tree_util.keystr(path)}": leaf for path, leaf in leaves}


def _require_same_shape(place: str, new: object, old: object) -> None:
    a, b = (np.shape(part) if is_number(part) else _kind(part) for part in (new, old))
    if a != b:
        kind = "shape " if is_number(new) else ""
        msg = f"{place}: {kind}{a} against {b}; both must hold the same parameters"
        raise ValueError(msg)


def _kind(leaf: object) -> str:
    return "None" if leaf is None else f"a {type(leaf).__name__}"


def is_number(leaf: object) -> TypeGuard[jax.typing.ArrayLike]:
    """Whether the leaf is a number, or an array of numbers or booleans."""
    if isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
        return jnp.issubdtype(leaf.dtype, jnp.number) or jnp.issubdtype(leaf.dtype, jnp.bool_)
    return isinstance(leaf, (bool, int, float, complex))


def _part(key: object) -> object:
    return next((getattr(key, name) for name in ("key", "idx", "name") if hasattr(key, name)), key)
