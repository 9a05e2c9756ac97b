"""What an update changes in the parameters, as they are stored and however they are sharded."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import optax

from wcdfa.backends.jax.norms import applied_change, path_of
from wcdfa.backends.trees import by_path


def trained(tree: optax.Params | optax.Updates) -> dict[str, jax.Array]:
    """The leaves that an optimizer changes, by path: not None, not masked, and not integers, whose gradients have no dtype."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return by_path((path_of(keys) or "parameters", leaf) for keys, leaf in leaves if _is_trained(leaf))


def _is_trained(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


def as_stored(update: jax.Array) -> jax.Array:
    """The update with the digits of its dtype: where XLA fuses, the norm of a half would be of more digits than are applied."""
    if not _is_trained(update) or jnp.result_type(update).itemsize >= 4:
        return update
    rounded: jax.Array = applied_change(jnp.zeros_like(update), update)  # the change of zero is the update, rounded
    return rounded.astype(update.dtype)


def changes(updates: dict[str, jax.Array], params: optax.Params | None) -> Iterator[tuple[str, jax.Array]]:
    """Path and change of each parameter: what is applied to `params`, or the update itself without them.

    Raises
    ------
    ValueError
        If there is an update of something that is not among the parameters.
    """
    if params is None:
        yield from updates.items()
        return
    parameters = trained(params)
    for path, update in updates.items():
        if path not in parameters:
            msg = f"there is an update of {path!r} and no such parameter; give update() the parameters that the gradients are of"
            raise ValueError(msg)
        yield path, applied_change(parameters[path], update)


def over_shards(square: jax.Array, axes: tuple[str, ...]) -> jax.Array:
    """The sum over the shards of a parameter; itself where every device holds the whole parameter."""
    tracked = [axis for axis in axes if axis in _varies_over(jax.lax.axis_index(axis))]
    sharded = tuple(axis for axis in axes if axis not in tracked or axis in _varies_over(square))
    if not sharded:
        return square
    total: jax.Array = jax.lax.psum(square, sharded)  # type: ignore[no-untyped-call]
    return total


def _varies_over(x: jax.Array) -> frozenset[str]:
    """The mesh axes that a value varies over, as far as JAX tracks it; none where it does not, as in its older releases."""
    kind = jax.typeof(x) if hasattr(jax, "typeof") else None
    known = getattr(getattr(kind, "manual_axis_type", None), "varying", getattr(kind, "vma", ()))
    return frozenset(known)
