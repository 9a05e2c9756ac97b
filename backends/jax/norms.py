"""JAX: ‖ΔW‖ of parameter trees, and the optimizer null in one compiled call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wcdfa.backends.trees import by_path

ROW = 32  # squares summed per row: XLA fuses no longer rows with what makes the squares
SMALL = 2**15  # fewer squares than this need no rows


def delta_norm(new: Any, old: Any) -> jax.Array:
    """Euclidean norm ‖new − old‖ over all numbers of two parameter trees of the same structure, also under ``jit``, ``vmap``, ``grad``.

    >>> delta_norm({"w": jnp.array([1.0, 2.0]), "b": 5.0}, {"w": jnp.array([1.0, 0.0]), "b": 5.0}).item()
    2.0

    Leaves are arrays and Python numbers, each widened to at least float32 before anything is subtracted. None, typed PRNG keys and leaves
    that are not numbers, such as the functions of an Equinox module, are left out. No change has the norm 0.0 and the gradient 0.
    Of parameters that the same compiled function computes, XLA may keep a digit more than it stores.

    Returns
    -------
    array of shape ()
        float32, or float64 where a leaf is.

    Raises
    ------
    ValueError
        If the trees differ in structure or shapes: the message names the place.
    """
    pairs = list(_pairs(new, old))
    norm: jax.Array = _norm([a for a, _ in pairs], [b for _, b in pairs])
    return norm


@jax.jit
def square_sum(x: jax.Array) -> jax.Array:
    """Σ|x|² in float32 or wider, accurate to a few units of the last digit, without storing the squares.

    >>> square_sum(jnp.full(100_000, 0.5, dtype=jnp.float16)).item()
    25000.0

    Whatever makes ``x`` under ``jit`` is fused with the sum: no array of its size is needed.

    Returns
    -------
    array of shape ()
    """
    x = _widened(x)
    return _summed(x.real * x.real + x.imag * x.imag if jnp.iscomplexobj(x) else x * x)


def root(squares: list[jax.Array]) -> jax.Array:
    """The root of a sum of squares, added in pairs; 0, with the gradient 0, where they are 0 or there are none.

    >>> root([jnp.array(9.0), jnp.array(16.0)]).item()
    5.0
    """
    while len(squares) > 1:  # in pairs: a thousand equal terms added in turn would lose digits
        squares = [sum(squares[i + 1 : i + 2], squares[i]) for i in range(0, len(squares), 2)]
    total = squares[0] if squares else jnp.zeros((), dtype=jnp.float32)
    still = total == 0  # where the root has no finite slope
    norm: jax.Array = jnp.where(still, 0, jnp.sqrt(jnp.where(still, 1, total)))
    return norm


@jax.jit
def applied_change(parameter: Any, update: Any) -> jax.Array:
    """What ``optax.apply_updates`` changes in the stored parameter: the sum rounded to its dtype, minus the parameter.

    >>> applied_change(jnp.ones(2, dtype=jnp.bfloat16), jnp.array([0.001, 0.01])).tolist()  # 1.001 is stored as 1
    [0.0, 0.0078125]

    Returns
    -------
    array of the parameter's shape
        float32 or wider.
    """
    parameter = jnp.asarray(parameter)
    update = jnp.asarray(update, dtype=jnp.result_type(parameter, update))
    # A float32 sum of two halves, rounded once more, is the sum of halves: 24 digits are at least 2 · 11 + 2.
    return _rounded(_widened(parameter) + _widened(update), parameter.dtype) - _widened(parameter)


def as_stored(value: jax.Array, zero: Any) -> jax.Array:
    """A float32 or float64 array with the digits that are stored: ``w * s - old`` is otherwise one operation, of the exact product.

    `zero` is the number 0 as the compiler cannot know it, such as ``count < 0`` of a count that is an input: the bits are changed by
    it, and so must be there.

    >>> as_stored(jnp.array([0.1]), jnp.array(False)).tolist() == jnp.array([0.1]).tolist()
    True
    """
    if value.dtype not in (jnp.float32, jnp.float64):
        return value
    kind = jnp.int32 if value.dtype == jnp.float32 else jnp.int64
    bits = jax.lax.bitcast_convert_type(value, kind) ^ jnp.asarray(zero).astype(kind)
    return jax.lax.bitcast_convert_type(bits, value.dtype)


def parameters_of(tree: Any) -> dict[str, jax.Array] | None:
    """Every floating or complex array of a tree by its path, or None where the tree holds no JAX array or is a mere number.

    >>> sorted(parameters_of({"layers": [{"weight": jnp.ones((2, 3)), "steps": jnp.array(7)}], "activation": jnp.tanh}))
    ['layers/0/weight']

    Any object is allowed. An array alone has the path "parameters".
    """
    if isinstance(tree, jax.Array) and tree.size == 1:
        return None  # a norm
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # JAX is about to refuse generators
            leaves = jax.tree_util.tree_leaves_with_path(tree)
    except (TypeError, ValueError):  # keys that cannot be sorted: no tree to JAX
        return None
    if not any(isinstance(leaf, jax.Array) for _, leaf in leaves):
        return None
    trained = (leaf for leaf in leaves if _is_number(leaf[1]) and jnp.issubdtype(getattr(leaf[1], "dtype", int), jnp.inexact))
    return by_path((path_of(path) or "parameters", leaf) for path, leaf in trained)


def path_of(keys: Sequence[Any]) -> str:
    """Path of a leaf from its keys in a pytree, joined by "/"; the value that a Flax variable holds goes by the variable's path.

    >>> path_of(jax.tree_util.tree_leaves_with_path({"layers": [1.0]})[0][0])
    'layers/0'
    """
    if len(keys) > 1 and getattr(keys[-1], "name", None) in ("value", "raw_value"):
        keys = keys[:-1]
    return "/".join(str(_part(key)) for key in keys)


def copied(parameters: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Copies on the same devices, which outlive a step that donates or deletes the originals.

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
def _norm(new: list[Any], old: list[Any]) -> jax.Array:
    return root([square_sum(_widened(a) - _widened(b)) for a, b in zip(new, old, strict=True)])


def _norms(new: dict[str, Any], old: dict[str, Any], groups: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, jax.Array]:
    squares = {path: square_sum(_widened(new[path]) - _widened(old[path])) for path in new}
    return {name: root([squares[path] for path in paths]) for name, paths in groups}


_group_norms = jax.jit(_norms, static_argnums=2)
_copied = jax.jit(lambda parameters: {path: jnp.copy(array) for path, array in parameters.items()})


def _part(key: Any) -> Any:
    return next((getattr(key, name) for name in ("key", "idx", "name") if hasattr(key, name)), key)


def _widened(x: Any) -> jax.Array:
    array: jax.Array = jnp.asarray(x)
    wide = jnp.issubdtype(array.dtype, jnp.inexact) and array.dtype.itemsize >= 4
    return array if wide else array.astype(jnp.float32)  # jnp.promote_types refuses floats of 8 bits


_as_stored: Any = jax.lax.optimization_barrier  # bare, it has no types


def _rounded(x: jax.Array, dtype: Any) -> jax.Array:
    """Round to a dtype but store wider, by means that XLA cannot take for excess precision and leave out."""
    if dtype == jnp.bfloat16:
        return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)
    if dtype == jnp.float16:
        return _half(x.astype(jnp.float32))
    x = x.astype(dtype)
    return x if dtype.itemsize >= 4 else _widened(_as_stored(x))


@jax.custom_jvp
def _half(x: jax.Array) -> jax.Array:
    # Not by reduce_precision, which flushes subnormal halves to zero. The power of two below |x| is its bits of the exponent; a sum
    # with 1.5 · 2^13 times that power has its last digit where a half has it, in steps of 2^-24 among the subnormal ones.
    power = jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.int32) & 0x7F800000, jnp.float32)
    shift = jnp.maximum(power, 2.0**-14) * (1.5 * 2**13)
    return jnp.where(jnp.abs(x) < 65520, (x + shift) - shift, x * jnp.inf)  # no half is as large: infinite, or not a number


@_half.defjvp
def _half_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _half(*primals), tangents[0]  # as of any change of dtype


@jax.custom_jvp
def _summed(squares: jax.Array) -> jax.Array:
    if squares.size < SMALL or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return jnp.sum(squares)  # in pairs and fused on an accelerator; rows could cut across the shards of several devices
    # XLA on the CPU hands one long sum to a library that needs its terms stored first. Two short sums at once are left to XLA.
    flat = jnp.ravel(squares)
    rows = flat[: flat.size // ROW * ROW].reshape(-1, ROW)
    zero = np.zeros((), dtype=rows.dtype)
    left, right = jax.lax.reduce((rows[:, : ROW // 2], rows[:, ROW // 2 :]), (zero, zero), _added, (1,))
    return jnp.sum(left + right) + jnp.sum(flat[rows.size :])


@_summed.defjvp
def _summed_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _summed(*primals), jnp.sum(*tangents)


def _added(a: Any, b: Any) -> Any:
    return a[0] + b[0], a[1] + b[1]


def _pairs(new: Any, old: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the numbers of two trees side by side."""
    first, second = _leaves(new), _leaves(old)
    if odd := [place for place in (*first, *second) if place not in first or place not in second]:
        msg = f"{', '.join(odd[:3])}: in one tree only; both must hold the same parameters"
        raise ValueError(msg)
    for place, a in first.items():
        b = second[place]
        if _is_number(a) or _is_number(b):
            _check_shapes(place, a, b)
            yield a, b


def _leaves(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(tree, is_leaf=lambda part: part is None)
    return {f"parameters{jax.tree_util.keystr(path)}": leaf for path, leaf in leaves}


def _check_shapes(place: str, new: Any, old: Any) -> None:
    a, b = (np.shape(part) if _is_number(part) else _kind(part) for part in (new, old))
    if a != b:
        kind = "shape " if _is_number(new) else ""
        msg = f"{place}: {kind}{a} against {b}; both must hold the same parameters"
        raise ValueError(msg)


def _kind(leaf: Any) -> str:
    return "None" if leaf is None else f"a {type(leaf).__name__}"


def _is_number(leaf: Any) -> bool:
    if isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
        return jnp.issubdtype(leaf.dtype, jnp.number) or jnp.issubdtype(leaf.dtype, jnp.bool_)
    return isinstance(leaf, (bool, int, float, complex))
