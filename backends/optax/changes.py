"""Computes the change that an update makes to the parameters as they are stored, sharded or not."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import optax

from wcdfa.backends.jax.norms import applied_change, path_of
from wcdfa.backends.trees import by_path


def trained(tree: optax.Params | optax.Updates) -> dict[str, jax.Array]:
    """The leaves that an optimizer changes, by path. None, masked leaves and integers, whose gradients have no dtype, are left out.

    Of ``optax.LookaheadParams`` these are the fast ones, for which the gradients are; the slow ones move once in a period.

    >>> list(trained(optax.LookaheadParams.init_synced({"w": jnp.ones(2)})))
    ['w']
    """
    tree = tree.fast if isinstance(tree, optax.LookaheadParams) else tree
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return by_path((path_of(keys) or "parameters", leaf) for keys, leaf in leaves if _is_trained(leaf))


def _is_trained(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


def as_stored(update: jax.Array) -> jax.Array:
    """The update rounded to its dtype: if XLA fuses, the norm of a half would include more digits than are applied."""
    if not _is_trained(update) or jnp.result_type(update).itemsize >= 4:
        return update
    rounded: jax.Array = applied_change(jnp.zeros_like(update), update)  # applied to zero, the change is the rounded update
    return rounded.astype(update.dtype)


def changes(updates: dict[str, jax.Array], params: optax.Params | None) -> Iterator[tuple[str, jax.Array]]:
    """Path and change of each parameter: the change applied to `params`, or the update itself if there are no `params`.

    Raises
    ------
    ValueError
        If there is an update for a parameter that does not exist.
    """
    if params is None:
        yield from updates.items()
        return
    parameters = trained(params)
    for path, update in updates.items():
        if path not in parameters:
            msg = (
                f"there is an update for {path!r} but no such parameter; give update() the parameters that the gradients belong to"
            )
            raise ValueError(msg)
        yield path, applied_change(parameters[path], update)


def over_shards(square: jax.Array, axes: tuple[str, ...]) -> jax.Array:
    """The sum over the shards of a parameter; unchanged if every device holds the whole parameter."""
    sharded = sharded_over(square, axes)
    if not sharded:
        return square
    total: jax.Array = jax.lax.psum(square, sharded)  # type: ignore[no-untyped-call]
    return total


def sharded_over(x: jax.Array, axes: tuple[str, ...]) -> tuple[str, ...]:
    """The mesh axes that a value is sharded over: all of them, unless JAX tracks that it does not vary over one."""
    tracked = [axis for axis in axes if axis in _varies_over(jax.lax.axis_index(axis))]
    return tuple(axis for axis in axes if axis not in tracked or axis in _varies_over(x))


def _varies_over(x: jax.Array) -> frozenset[str]:
    """The mesh axes that a value varies over, if JAX tracks them (older releases do not); else none."""
    kind = jax.typeof(x) if hasattr(jax, "typeof") else None
    known = getattr(getattr(kind, "manual_axis_type", None), "varying", getattr(kind, "vma", ()))
    return frozenset(known)
