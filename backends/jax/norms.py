"""JAX: ‖ΔW‖ of parameter trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from wcdfa.backends.jax.precision import applied_change, as_stored, root, square_sum, widened
from wcdfa.backends.jax.trees import pairs, parameters_of, path_of

__all__ = [
    "applied_change",
    "as_stored",
    "copied",
    "delta_norm",
    "group_norms",
    "parameters_of",
    "path_of",
    "root",
    "square_sum",
]


def delta_norm(new: object, old: object) -> jax.Array:
    """Euclidean norm ‖new − old‖ over all numbers of two parameter trees of the same structure, also under ``jit``, ``vmap``, ``grad``.

    >>> delta_norm({"w": jnp.array([1.0, 2.0]), "b": 5.0}, {"w": jnp.array([1.0, 0.0]), "b": 5.0}).item()
    2.0

    Leaves are arrays and Python numbers; each is widened to at least float32 before the difference is taken. None, typed PRNG keys and
    leaves that are not numbers, such as the functions of an Equinox module, are left out. If nothing changed, the norm is 0.0 and its
    gradient 0. If the same compiled function computes the parameters, XLA may keep one digit more than it stores.

    Returns
    -------
    array of shape ()
        float32, or float64 if any leaf is.

    Raises
    ------
    ValueError
        If the trees differ in structure or shapes: the message names the place.
    """
    both = list(pairs(new, old))
    norm: jax.Array = _norm([a for a, _ in both], [b for _, b in both])
    return norm


def copied(parameters: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Copy each array on its device; the copies survive a step that donates or deletes the originals.

    >>> copied({"w": jnp.ones(2)})["w"].tolist()
    [1.0, 1.0]
    """
    copies: dict[str, jax.Array] = _copied(parameters)
    return copies


def group_norms(new: dict[str, jax.Array], old: dict[str, jax.Array], members: Mapping[str, Sequence[str]]) -> dict[str, jax.Array]:
    """‖new − old‖ over each named group of paths, in one compiled call whose results stay on the device.

    >>> new, old = {"w": jnp.ones(4), "b": jnp.ones(1)}, {"w": jnp.zeros(4), "b": jnp.ones(1)}
    >>> {name: norm.item() for name, norm in group_norms(new, old, {"all": ("w", "b"), "bias": ("b",)}).items()}
    {'all': 2.0, 'bias': 0.0}
    """
    used = {path for paths in members.values() for path in paths}
    groups = tuple((name, tuple(paths)) for name, paths in members.items())
    norms: dict[str, jax.Array] = _group_norms({path: new[path] for path in used}, {path: old[path] for path in used}, groups)
    return {name: norms[name] for name in members}


@jax.jit
def _norm(new: list[jax.typing.ArrayLike], old: list[jax.typing.ArrayLike]) -> jax.Array:
    return root([square_sum(widened(a) - widened(b)) for a, b in zip(new, old, strict=True)])


def _norms(
    new: dict[str, jax.Array], old: dict[str, jax.Array], groups: tuple[tuple[str, tuple[str, ...]], ...]
) -> dict[str, jax.Array]:
    squares = {path: square_sum(widened(new[path]) - widened(old[path])) for path in new}
    return {name: root([squares[path] for path in paths]) for name, paths in groups}


_group_norms = jax.jit(_norms, static_argnums=2)
_copied = jax.jit(lambda parameters: {path: jnp.copy(array) for path, array in parameters.items()})
