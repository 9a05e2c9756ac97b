"""JAX: sums of squares and applied changes, computed with exactly the digits that are stored."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

ROW = 32  # squares summed per row: XLA does not fuse longer rows with the computation of the squares
SMALL = 2**15  # fewer squares than this need no rows
Pair = tuple[jax.Array, jax.Array]


@jax.jit
def square_sum(x: jax.Array) -> jax.Array:
    """Σ|x|² in float32 or wider, accurate to a few units of the last digit, without storing the squares.

    >>> square_sum(jnp.full(100_000, 0.5, dtype=jnp.float16)).item()
    25000.0

    Under ``jit`` the computation of ``x`` is fused with the sum, so no array of its size is needed.

    Returns
    -------
    array of shape ()
    """
    x = widened(x)
    return _summed(x.real * x.real + x.imag * x.imag if jnp.iscomplexobj(x) else x * x)


def stored_square_sum(x: jax.Array) -> jax.Array:
    """`square_sum` of the update of an optimizer, which is stored anyway: in float32 XLA's library takes half the time on the CPU.

    >>> stored_square_sum(jnp.full(2**15, 0.5)).item()
    8192.0

    Returns
    -------
    array of shape ()
    """
    in_rows = x.dtype == jnp.float32 and not x.size % ROW and _in_rows(x)
    total: jax.Array = jnp.sum(jnp.sum(jnp.reshape(x * x, (-1, ROW)), axis=1)) if in_rows else square_sum(x)
    return total


def root(squares: list[jax.Array]) -> jax.Array:
    """The root of a sum of squares, added in pairs. If all are 0 or there are none, the root and its gradient are 0.

    >>> root([jnp.array(9.0), jnp.array(16.0)]).item()
    5.0
    """
    while len(squares) > 1:  # in pairs: a thousand equal terms added in turn would lose digits
        squares = [sum(squares[i + 1 : i + 2], squares[i]) for i in range(0, len(squares), 2)]
    total = squares[0] if squares else jnp.zeros((), dtype=jnp.float32)
    still = total == 0  # the slope of the root is not finite there
    norm: jax.Array = jnp.where(still, 0, jnp.sqrt(jnp.where(still, 1, total)))
    return norm


@jax.jit
def applied_change(parameter: jax.typing.ArrayLike, update: jax.typing.ArrayLike) -> jax.Array:
    """The change that ``optax.apply_updates`` makes to a stored parameter: the sum rounded to its dtype, minus the parameter.

    >>> applied_change(jnp.ones(2, dtype=jnp.bfloat16), jnp.array([0.001, 0.01])).tolist()  # 1.001 is stored as 1
    [0.0, 0.0078125]

    Returns
    -------
    array of the parameter's shape
        float32 or wider.
    """
    parameter = jnp.asarray(parameter)
    update = jnp.asarray(update, dtype=jnp.result_type(parameter, update))
    # The float32 sum of two halves, rounded to a half, is exactly their sum in half precision, because 24 bits are at least 2 · 11 + 2.
    return _rounded(widened(parameter) + widened(update), parameter.dtype) - widened(parameter)


def as_stored(value: jax.Array, zero: jax.typing.ArrayLike) -> jax.Array:
    """The float32 or float64 array, forced to the digits that are stored: a compiler may compute ``w * s - old`` in one step with more.

    `zero` must be 0 without the compiler knowing it, such as ``count < 0`` for a count that is an input. The bits are combined with
    it, so the compiler must round to them first.

    >>> as_stored(jnp.array([0.1]), jnp.array(False)).tolist() == jnp.array([0.1]).tolist()
    True
    """
    if value.dtype not in (jnp.float32, jnp.float64):
        return value
    kind = jnp.int32 if value.dtype == jnp.float32 else jnp.int64
    bits = jax.lax.bitcast_convert_type(value, kind) ^ jnp.asarray(zero).astype(kind)
    return jax.lax.bitcast_convert_type(bits, value.dtype)


def widened(x: jax.typing.ArrayLike) -> jax.Array:
    """The array in float32, unchanged if it is wider."""
    array: jax.Array = jnp.asarray(x)
    wide = jnp.issubdtype(array.dtype, jnp.inexact) and array.dtype.itemsize >= 4
    return array if wide else array.astype(jnp.float32)  # jnp.promote_types refuses floats of 8 bits


def _rounded(x: jax.Array, dtype: np.dtype[np.generic]) -> jax.Array:
    """Round to a dtype but store wider, in a way that XLA cannot optimize away as excess precision."""
    if dtype == jnp.bfloat16:
        return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)
    if dtype == jnp.float16:
        return _half(x.astype(jnp.float32))
    x = x.astype(dtype)
    return x if dtype.itemsize >= 4 else widened(jax.lax.optimization_barrier(x))  # type: ignore[no-untyped-call]


@jax.custom_jvp
def _half(x: jax.Array) -> jax.Array:
    # reduce_precision would flush subnormal halves to zero. The bits of the exponent give the power of two below |x|. A sum with
    # 1.5 · 2^13 times that power has its last digit in the same place as a half (in steps of 2^-24 for subnormal ones).
    power = jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.int32) & 0x7F800000, jnp.float32)
    shift = jnp.maximum(power, 2.0**-14) * (1.5 * 2**13)
    return jnp.where(jnp.abs(x) < 65520, (x + shift) - shift, x * jnp.inf)  # larger than any half: infinite or NaN


@_half.defjvp
def _half_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _half(*primals), tangents[0]  # the same as for any change of dtype


@jax.custom_jvp
def _summed(squares: jax.Array) -> jax.Array:
    if not _in_rows(squares):
        return jnp.sum(squares)
    # XLA on the CPU gives one long sum to a library that needs its terms stored first. It does two short sums at once by itself.
    flat = jnp.ravel(squares)
    rows = flat[: flat.size // ROW * ROW].reshape(-1, ROW)
    zero = np.zeros((), dtype=rows.dtype)
    left, right = jax.lax.reduce((rows[:, : ROW // 2], rows[:, ROW // 2 :]), (zero, zero), _added, (1,))
    return jnp.sum(left + right) + jnp.sum(flat[rows.size :])


def _in_rows(x: jax.Array) -> bool:
    """Whether to sum row by row. An accelerator adds in pairs and fuses; rows could cut across the shards of several devices."""
    return x.size >= SMALL and jax.default_backend() == "cpu" and jax.device_count() == 1


@_summed.defjvp
def _summed_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _summed(*primals), jnp.sum(*tangents)


def _added(a: Pair, b: Pair) -> Pair:
    return a[0] + b[0], a[1] + b[1]
