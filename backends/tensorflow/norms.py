"""TensorFlow: ‖ΔW‖ of tensors and variables, and which of them are the parameters of what `update` or a recorder is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.trees import by_path, is_tree, leaves, pairs, require_shape

ROW = 32  # squares that are added up in float32; sums of such rows in float64
SMALL = 2**12  # fewer squares than this are all added up in float64


Function = TypeVar("Function", bound=Callable[..., Any])


def unconverted(function: Function) -> Function:
    """The function as it is written, which AutoGraph would otherwise write anew in every ``tf.function`` that calls it."""
    same: Function = tf.autograph.experimental.do_not_convert(function)
    return same


@unconverted
def delta_norm(new: Any, old: Any) -> tf.Tensor:
    """Euclidean norm ‖new − old‖ over all tensors and variables of two nests of the same structure, also in a ``tf.function``.

    >>> float(delta_norm({"w": tf.constant([1.0, 2.0]), "b": 5.0}, {"w": tf.constant([1.0, 0.0]), "b": 5.0}))
    2.0

    Leaves are widened to at least float32 before anything is subtracted, and added up in float32 and float64. None is left out. Of
    parameters that the same compiled function computes, XLA may keep a digit more than it stores.

    Returns
    -------
    tf.Tensor of shape ()
        float32, or float64 where a leaf is. Of no change 0.0, with the gradient 0.

    Raises
    ------
    ValueError
        If the nests differ in keys, lengths or shapes: the message names the place.
    TypeError
        If a leaf is no number: the message names the place.
    """
    squares, wide = [], tf.float32
    for place, a, b in pairs(new, old):
        a, b = _number(place, a), _number(place, b)
        _require_shape(place, a, b)
        wide = tf.float64 if {a.dtype, b.dtype} & {tf.float64, tf.complex128} else wide
        squares.append(square_sum(a, b))
    return tf.cast(root(squares), wide)


def square_sum(new: Any, old: Any) -> tf.Tensor:
    """Σ|new − old|² of two tensors or variables of the same shape, accurate to a few units of the last digit of float32.

    >>> float(square_sum(tf.fill((100_000,), tf.constant(0.5, tf.bfloat16)), tf.zeros((100_000,), tf.bfloat16)))
    25000.0

    Returns
    -------
    tf.Tensor of shape ()
        float64.
    """
    a, b = _widened(tf.convert_to_tensor(new)), _widened(tf.convert_to_tensor(old))
    if a.dtype != b.dtype:
        common = tf.as_dtype(np.result_type(a.dtype.as_numpy_dtype, b.dtype.as_numpy_dtype))
        a, b = tf.cast(a, common), tf.cast(b, common)
    if a.dtype.is_complex:
        return square_sum(tf.math.real(a), tf.math.real(b)) + square_sum(tf.math.imag(a), tf.math.imag(b))
    squares = tf.reshape(tf.math.squared_difference(a, b), (-1,))
    size = squares.shape[0]
    if squares.dtype == tf.float64 or size is None or size < SMALL:
        return tf.reduce_sum(tf.cast(squares, tf.float64))
    # XLA on the CPU adds up in turn: 10⁸ equal squares in float32 are off by 0.2 %. Rows are short, and sums of rows few.
    rows, rest = tf.reshape(squares[: size // ROW * ROW], (-1, ROW)), size % ROW
    total = tf.reduce_sum(tf.cast(tf.reduce_sum(rows, axis=1), tf.float64))
    return total + tf.reduce_sum(tf.cast(squares[-rest:], tf.float64)) if rest else total


def as_stored(value: tf.Tensor, zero: tf.Tensor) -> tf.Tensor:
    """A float32 or float64 tensor with the digits that are stored.

    Under XLA ``w * s - old`` is otherwise one operation, of the exact product. `zero` is the number 0 as no compiler can know it, such as
    ``count < 0`` of a variable: the bits are changed by it, and so must be there.

    >>> bool(tf.reduce_all(as_stored(tf.constant([0.1]), tf.constant(False)) == 0.1))
    True
    """
    if tf.executing_eagerly() or value.dtype not in (tf.float32, tf.float64):
        return value
    kind = tf.int32 if value.dtype == tf.float32 else tf.int64
    return tf.bitcast(tf.bitwise.bitwise_xor(tf.bitcast(value, kind), tf.cast(zero, kind)), value.dtype)


def root(squares: Sequence[tf.Tensor]) -> tf.Tensor:
    """The root of a sum of squares; 0, with the gradient 0, where they are 0 or there are none.

    >>> float(root([tf.constant(9.0), tf.constant(16.0)]))
    5.0
    """
    total = tf.add_n([tf.cast(square, tf.float64) for square in squares]) if squares else tf.zeros((), tf.float64)
    still = tf.equal(total, 0)  # where the root has no finite slope
    return tf.where(still, tf.zeros_like(total), tf.sqrt(tf.where(still, tf.ones_like(total), total)))


def parameters_of(given: Any) -> dict[str, Any] | None:
    """Variables that are trained, of a module or a nest, and floating or complex tensors, by path; None if it has no such thing.

    >>> list(parameters_of({"layers": [tf.Variable([1.0, 2.0])], "step": tf.Variable(3)}))
    ['layers/0']

    A variable that is there twice is given once.
    """
    found = list(_named(given))
    if not any(tf.is_tensor(_underlying(leaf)) for _, leaf in found):
        return None
    kept: dict[int, tuple[str, Any]] = {}
    for path, leaf in found:
        if _is_trained(leaf):
            leaf = _underlying(leaf)
            kept.setdefault(id(leaf), (path, leaf))
    return by_path(kept.values()) or None


def copied(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Their values now, on their devices: what is assigned later does not change them."""
    # tensors share the memory of NumPy arrays that they are made of
    return {path: tf.identity(np.array(value) if isinstance(value, np.ndarray) else value) for path, value in parameters.items()}


def group_norms(new: Mapping[str, Any], old: Mapping[str, Any], members: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """‖new − old‖ over the parameters of each group, as float32 tensors of shape ()."""
    squares = {path: square_sum(new[path], old[path]) for path in new}
    return {name: tf.cast(root([squares[path] for path in paths]), tf.float32) for name, paths in members.items()}


def _widened(x: tf.Tensor) -> tf.Tensor:
    if x.dtype.is_integer or x.dtype.is_bool:
        return tf.cast(x, tf.float64)
    return x if x.dtype.size >= 4 else tf.cast(_as_stored(x) if x.dtype.size == 2 else x, tf.float32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _as_stored(x: tf.Tensor) -> tf.Tensor:
    """A half with the digits of its dtype: XLA keeps more of one that it has just computed, unless asked for the bits."""
    bits = tf.bitcast(x, tf.int16)
    low, high = (tf.bitwise.bitwise_and(bits, tf.constant(mask, tf.int16)) for mask in (0xFF, ~0xFF))
    return tf.bitcast(tf.bitwise.bitwise_or(low, high), x.dtype), lambda upstream: upstream


def _number(place: str, leaf: Any) -> tf.Tensor:
    try:
        x = tf.convert_to_tensor(leaf)
    except (TypeError, ValueError) as error:
        msg = f"{place}: a {type(leaf).__name__} is no number; leave it out, or put None in its place"
        raise TypeError(msg) from error
    if not (x.dtype.is_floating or x.dtype.is_complex or x.dtype.is_integer or x.dtype.is_bool):
        msg = f"{place}: {x.dtype.name} is no number; leave it out, or put None in its place"
        raise TypeError(msg)
    return x


def _require_shape(place: str, a: tf.Tensor, b: tf.Tensor) -> None:
    if a.shape.is_fully_defined() and b.shape.is_fully_defined():
        require_shape(place, a.shape, b.shape)
        return
    if not a.shape.is_compatible_with(b.shape):
        msg = f"{place}: shape {a.shape} against {b.shape}; both trees must hold the same parameters"
        raise ValueError(msg)
    tf.debugging.assert_equal(tf.shape(a), tf.shape(b), f"{place}: both trees must hold the same parameters")


def _named(given: Any) -> Iterator[tuple[str, Any]]:
    """Path and value of each leaf, and of each variable that a module trains."""
    if not is_tree(given):
        yield from _expanded("", given)
        return
    flat = not isinstance(given, Mapping)
    for path, leaf in leaves(given):
        own = flat and "/" not in path and is_variable(_underlying(leaf))
        yield from _expanded(_name(leaf) if own else path, leaf)


def _expanded(path: str, leaf: Any) -> Iterator[tuple[str, Any]]:
    trained = getattr(leaf, "trainable_variables", None)
    if not isinstance(trained, Sequence):
        yield path or "parameters", leaf
        return
    names = dict(_attributes(leaf, "", set())) if isinstance(leaf, tf.Module) else {}
    for variable in trained:
        name = names.get(id(variable), _name(variable))
        yield f"{path}/{name}" if path else name, variable


def _attributes(node: Any, path: str, seen: set[int]) -> Iterator[tuple[int, str]]:
    """The variables in a module by what leads to them, each once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if is_variable(node):
        yield id(node), path
    elif isinstance(node, tf.Module) or is_tree(node):
        parts: Iterable[tuple[Any, Any]]
        if isinstance(node, tf.Module):  # without the attributes that TensorFlow keeps its own books in
            parts = ((key, part) for key, part in sorted(vars(node).items()) if not key.startswith(("_self_", "_TF_")))
        else:
            parts = node.items() if isinstance(node, Mapping) else enumerate(node)
        for key, part in parts:
            yield from _attributes(part, f"{path}/{key}" if path else str(key), seen)


def _name(variable: Any) -> str:
    """Keras has a path, and all of TensorFlow's end in the number of an output."""
    return str(getattr(variable, "path", None) or getattr(variable, "name", "")).partition(":")[0] or "parameters"


def _underlying(leaf: Any) -> Any:
    """The variable of TensorFlow that one of Keras is around, or what it is itself."""
    value = None if is_variable(leaf) else getattr(leaf, "value", None)
    return value if is_variable(value) else leaf


def is_variable(leaf: Any) -> bool:
    """Whether it is a variable of TensorFlow, mirrored or not."""
    return isinstance(leaf, tf.Variable)


def _is_trained(leaf: Any) -> bool:
    if not getattr(leaf, "trainable", True):
        return False
    try:
        dtype = tf.as_dtype(leaf.dtype)
    except (AttributeError, TypeError):
        return False
    return bool(dtype.is_floating or dtype.is_complex)
