"""TensorFlow: computes ‖ΔW‖ of tensors and variables, eagerly, in a ``tf.function`` and under XLA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.trees import pairs, require_shape

if TYPE_CHECKING:
    from wcdfa.backends.tensorflow.parameters import Values

ROW = 32  # this many squares are added in float32, and the sums of such rows in float64
SMALL = 2**12  # fewer squares than this are all added in float64

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def unconverted(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Mark a function so that AutoGraph does not rewrite it in every ``tf.function`` that calls it."""
    same: Callable[Arguments, Result] = tf.autograph.experimental.do_not_convert(function)
    return same


@unconverted
def delta_norm(new: object, old: object) -> tf.Tensor:
    """Euclidean norm ‖new − old‖ over all tensors and variables of two nests of the same structure, also in a ``tf.function``.

    >>> float(delta_norm({"w": tf.constant([1.0, 2.0]), "b": 5.0}, {"w": tf.constant([1.0, 0.0]), "b": 5.0}))
    2.0

    Leaves are widened to at least float32 before the difference is taken, and summed in float32 and float64. None is left out. If
    the same compiled function computes the parameters, XLA may keep one digit more than it stores.

    Returns
    -------
    tf.Tensor of shape ()
        float32, or float64 if any leaf is. If nothing changed, the norm is 0.0 and its gradient 0.

    Raises
    ------
    ValueError
        If the nests differ in keys, lengths or shapes: the message names the place.
    TypeError
        If a leaf is not a number: the message names the place.
    """
    squares, wide = [], tf.float32
    for place, a, b in pairs(new, old):
        a, b = _number(place, a), _number(place, b)
        _require_shape(place, a, b)
        wide = tf.float64 if {a.dtype, b.dtype} & {tf.float64, tf.complex128} else wide
        squares.append(square_sum(a, b))
    return tf.cast(root(squares), wide)


def square_sum(new: Values, old: Values) -> tf.Tensor:
    """Σ|new − old|² of two tensors or variables of the same shape, accurate to a few units of the last digit of float32.

    >>> float(square_sum(tf.fill((100_000,), tf.constant(0.5, tf.bfloat16)), tf.zeros((100_000,), tf.bfloat16)))
    25000.0

    Returns
    -------
    tf.Tensor of shape ()
        float64.
    """
    a, b = _both(new, old)
    if a.dtype.is_complex:
        return square_sum(tf.math.real(a), tf.math.real(b)) + square_sum(tf.math.imag(a), tf.math.imag(b))
    squares = tf.reshape(tf.math.squared_difference(a, b), (-1,))
    size = squares.shape[0]
    if squares.dtype == tf.float64 or size is None or size < SMALL:
        return tf.reduce_sum(tf.cast(squares, tf.float64))
    # XLA on the CPU adds one after another, so 10⁸ equal squares in float32 are off by 0.2 %. Rows are short, and there are few sums.
    rows, rest = tf.reshape(squares[: size // ROW * ROW], (-1, ROW)), size % ROW
    total = tf.reduce_sum(tf.cast(tf.reduce_sum(rows, axis=1), tf.float64))
    return total + tf.reduce_sum(tf.cast(squares[-rest:], tf.float64)) if rest else total


def own_square(value: Values | tf.IndexedSlices) -> tf.Tensor:
    """Σ|x|² of a tensor, as `square_sum`; rows that ``tf.IndexedSlices`` give more than once are added up first.

    >>> rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([3, 3]), tf.constant([5, 1]))
    >>> float(own_square(rows))
    9.0
    """
    x = _number("gradient", value)
    return square_sum(x, tf.zeros((), x.dtype))


def as_stored(value: tf.Tensor, zero: tf.Tensor) -> tf.Tensor:
    """The float32 or float64 tensor, forced to the digits that are stored.

    XLA may compute ``w * s - old`` in one step, with the exact product. `zero` must be 0 without the compiler knowing it, such as
    ``count < 0`` for a variable. The bits are combined with it, so the compiler must round to them first.

    >>> bool(tf.reduce_all(as_stored(tf.constant([0.1]), tf.constant(False)) == 0.1))
    True
    """
    if tf.executing_eagerly() or value.dtype not in (tf.float32, tf.float64):
        return value
    kind = tf.int32 if value.dtype == tf.float32 else tf.int64
    return tf.bitcast(tf.bitwise.bitwise_xor(tf.bitcast(value, kind), tf.cast(zero, kind)), value.dtype)


def root(squares: Sequence[tf.Tensor]) -> tf.Tensor:
    """The root of a sum of squares. If all are 0 or there are none, the root and its gradient are 0.

    >>> float(root([tf.constant(9.0), tf.constant(16.0)]))
    5.0
    """
    total = tf.add_n([tf.cast(square, tf.float64) for square in squares]) if squares else tf.zeros((), tf.float64)
    still = tf.equal(total, 0)  # the slope of the root is not finite there
    return tf.where(still, tf.zeros_like(total), tf.sqrt(tf.where(still, tf.ones_like(total), total)))


def copied(parameters: Mapping[str, Values]) -> dict[str, tf.Tensor]:
    """Copy the current values on their devices; later assignments do not change the copies."""
    # tensors share memory with the NumPy arrays that they are made from
    return {path: tf.identity(np.array(value) if isinstance(value, np.ndarray) else value) for path, value in parameters.items()}


def group_norms(new: Mapping[str, Values], old: Mapping[str, Values], members: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
    """‖new − old‖ over the parameters of each group, as float32 tensors of shape ()."""
    squares = {path: square_sum(new[path], old[path]) for path in new}
    return {name: tf.cast(root([squares[path] for path in paths]), tf.float32) for name, paths in members.items()}


def _both(new: Values, old: Values) -> tuple[tf.Tensor, tf.Tensor]:
    """The two, widened to one dtype."""
    a, b = widened(tf.convert_to_tensor(new)), widened(tf.convert_to_tensor(old))
    if a.dtype == b.dtype:
        return a, b
    common = tf.as_dtype(np.result_type(a.dtype.as_numpy_dtype, b.dtype.as_numpy_dtype))
    return tf.cast(a, common), tf.cast(b, common)


def widened(x: tf.Tensor) -> tf.Tensor:
    """The tensor in float32 or wider, with the digits that are stored.

    >>> widened(tf.constant([0.5], tf.float16)).numpy()
    array([0.5], dtype=float32)
    """
    if x.dtype.is_integer or x.dtype.is_bool:
        return tf.cast(x, tf.float64)
    return x if x.dtype.size >= 4 else tf.cast(_as_stored(x) if x.dtype.size == 2 else x, tf.float32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _as_stored(x: tf.Tensor) -> tf.Tensor:
    """A half, rounded to its dtype: XLA keeps more digits of a half that it has just computed, unless the bits are used."""
    bits = tf.bitcast(x, tf.int16)
    low, high = (tf.bitwise.bitwise_and(bits, tf.constant(mask, tf.int16)) for mask in (0xFF, ~0xFF))
    return tf.bitcast(tf.bitwise.bitwise_or(low, high), x.dtype), lambda upstream: upstream


def _number(place: str, leaf: object) -> tf.Tensor:
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
