"""Handles arrays of any library: finds the namespace, puts the series along the last axis, and caches constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, TypeVar, overload

import array_api_compat
import numpy as np

from wcdfa.kernel.protocols import Array, Namespace
from wcdfa.support import numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.polynomials import Matrix

__all__ = [
    "GAPS",
    "NUMPY",
    "Array",
    "Limits",
    "Namespace",
    "as_series",
    "concrete",
    "constant",
    "is_jax",
    "limits",
    "matmul_of",
    "namespace_of",
    "on_host",
    "reshape_of",
    "scaled",
    "where_not_finite",
]

T = TypeVar("T")

GAPS = 'split the series there, or let NaN be gaps with missing="omit" (of dfa and fluctuations)'
NUMPY: Namespace = np  # from 2.1 on it is an array-API namespace itself; array_api_compat.numpy takes 0.1 s to import

_HALF = ("float16", "bfloat16", "float8")  # computed in float32: their own arithmetic would quantise F(s)
_FULL = (np.dtype(np.float64), np.dtype(np.float32))


def as_series(x: object, axis: int) -> tuple[Array, Namespace]:
    """Return `x` as floating numbers with the series along the last axis, and its namespace.

    Arrays of an array-API library stay in that library and on their device. Anything else with ``__array__`` or ``__dlpack__``, and any
    sequence, becomes a NumPy array.
    """
    series: Array
    if type(x) is np.ndarray and x.dtype in _FULL and x.ndim:  # the common case, without any look-up
        series, xp = x, NUMPY
    else:
        array = _as_array(x)
        xp = namespace_of(array)
        series = _as_floating(array, xp)
    if axis in (-1, series.ndim - 1):
        return series, xp
    if not -series.ndim <= axis < series.ndim:
        msg = f"axis {axis} is out of bounds for an array of dimension {series.ndim}; use {-series.ndim} to {series.ndim - 1}"
        raise IndexError(msg)
    return xp.moveaxis(series, axis, -1), xp


def namespace_of(x: Array) -> Namespace:
    """The namespace of the array library of `x`. NumPy scalars belong to NumPy."""
    if isinstance(x, (np.ndarray, np.generic)):
        return NUMPY
    xp: Namespace = array_api_compat.array_namespace(x)
    return xp


def _as_array(x: object) -> Array:
    if isinstance(x, np.ma.MaskedArray):
        msg = (
            "x is a masked array; dfa and fluctuations take what it masks as gaps, this function does not: "
            "fill it with x.filled(value) or keep x.compressed()"
        )
        raise TypeError(msg)
    array: Array = _as_numpy(x) if isinstance(x, np.generic) or not _is_array(x) else x
    if isinstance(array, np.ndarray) and array.dtype == np.longdouble:
        array = array.astype(np.float64)
    if array.ndim == 0:
        msg = f"x is a single value (0-d {type(array).__name__}); dfa needs a series, an array of shape (..., n)"
        raise ValueError(msg)
    return array


def _is_array(x: object) -> TypeGuard[Array]:
    return array_api_compat.is_array_api_obj(x)


def _as_numpy(x: object) -> Array:
    try:
        return np.asarray(x if hasattr(x, "__array__") or not hasattr(x, "__dlpack__") else np.from_dlpack(x))
    except (ValueError, TypeError) as error:
        msg = f"x cannot be read as an array of numbers ({type(x).__name__}): {error}"
        raise TypeError(msg) from error


def _as_floating(x: Array, xp: Namespace) -> Array:
    name = str(x.dtype).rpartition(".")[2]
    if name.startswith(_HALF):
        return xp.astype(x, xp.float32)
    if isinstance(x, np.ndarray) and x.dtype.kind not in "iufcb":
        msg = f"x has dtype {name}; dfa needs real numbers, so convert it first, e.g. np.asarray(x, dtype=float)"
        raise TypeError(msg)
    if xp.isdtype(x.dtype, "real floating"):
        return x
    if xp.isdtype(x.dtype, "integral"):
        return xp.astype(x, xp.zeros(1).dtype)
    way_out = "take abs(x), or x.real" if xp.isdtype(x.dtype, "complex floating") else "give the numbers themselves"
    msg = f"x has dtype {name}; dfa needs real numbers: {way_out}"
    raise TypeError(msg)


def is_jax(xp: Namespace) -> bool:
    """Whether the namespace is ``jax.numpy``, without importing JAX."""
    return "jax" in sys.modules and array_api_compat.is_jax_namespace(xp)  # type: ignore[arg-type]  # all namespaces are modules


@lru_cache(maxsize=32)
def reshape_of(xp: Namespace) -> Callable[[Array, tuple[int, ...]], Array]:
    """The reshape function. For NumPy it is the method: it skips a dispatch that would cost a tenth of the time of a short series."""
    if xp is NUMPY:
        return np.ndarray.reshape  # type: ignore[return-value]  # it is only called with NumPy arrays
    return xp.reshape


@overload
def constant(make: Callable[..., Matrix], *key: Hashable, xp: Namespace, like: Array) -> Array: ...
@overload
def constant(make: Callable[..., T], *key: Hashable, xp: Namespace, like: Array) -> T: ...
def constant(make: Callable[..., object], *key: Hashable, xp: Namespace, like: Array) -> object:
    """Call the cached NumPy function ``make(*key)``, and return its arrays with the namespace, dtype and device of `like`."""
    if is_jax(xp):  # an array made while tracing must not outlive the trace
        return _placed(make(*key), xp, like.dtype, None)
    return _constant(make, key, xp, like.dtype, like.device)


@lru_cache(maxsize=1024)
def _constant(make: Callable[..., object], key: tuple[Hashable, ...], xp: Namespace, dtype: object, device: object) -> object:
    return _placed(make(*key), xp, dtype, device)


def _placed(value: object, xp: Namespace, dtype: Any, device: object) -> object:
    if isinstance(value, np.ndarray):
        kind = dtype if value.dtype.kind == "f" else None
        if xp is NUMPY:
            return value if kind is None else value.astype(kind, copy=False)
        return xp.asarray(np.array(value), dtype=kind, device=device)
    if isinstance(value, tuple):
        parts = [_placed(part, xp, dtype, device) for part in value]
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return value


@lru_cache(maxsize=32)
def matmul_of(xp: Namespace) -> Callable[[Array, Array], Array]:
    """The matrix product at full precision: by default JAX rounds float32 to bfloat16 or TF32 on an accelerator."""
    if is_jax(xp):
        return partial(xp.matmul, precision="highest")
    return xp.matmul


def concrete(value: Array | np.float64) -> float | None:
    """The number in a 0-d array; None if it is unknown because a compiler is tracing."""
    if type(value) is np.float64:
        return float(value)
    if hasattr(value, "detach"):  # torch warns if a number is taken from a tensor that it differentiates
        value = value.detach()
    try:
        return float(value)
    except (TypeError, RuntimeError):  # JAX tracers raise the first, torch's functional transforms the second
        return None


def on_host(values: object) -> npt.NDArray[Any] | None:
    """The values as a NumPy array; None if they cannot be read, as under tracing."""
    try:
        return numbers.on_host(values)
    except (TypeError, RuntimeError, NotImplementedError):  # JAX tracers raise the first, torch's functional transforms the others
        return None


class Limits(NamedTuple):
    """Limits of a floating dtype: its relative spacing, and the range of mean squares in which no term over- or underflows."""

    epsilon: float
    low: float
    high: float


@lru_cache(maxsize=64)
def limits(dtype: object, xp: Namespace) -> Limits:
    """The limits of float64 or float32; the namespace is in the key because dtypes of different libraries do not compare."""
    return Limits(2.0**-52, 1e-250, 1e250) if str(dtype).endswith("64") else Limits(2.0**-23, 1e-20, 1e15)


def scaled(x: Array, xp: Namespace) -> tuple[Array, Array, Array | None]:
    """Return `x` divided by a unit, its mean square ``(...)``, and the unit: None (for 1) unless squares would over- or underflow.

    Raises for NaN and infinity if values are known; under tracing they make the unit NaN or infinite.
    """
    power = _mean_square(x, xp)
    _, low, high = limits(x.dtype, xp)
    if x.ndim == 1:
        smallest = greatest = concrete(power)
    else:
        smallest, greatest = (0.0, 0.0) if 0 in x.shape else (concrete(xp.min(power)), concrete(xp.max(power)))
    if smallest is not None and greatest is not None and low < smallest and greatest < high:
        return x, power, None
    peak = xp.max(xp.abs(x), axis=-1, keepdims=True)
    if greatest is not None and 0 not in x.shape and not math.isfinite(float(xp.max(peak))):
        raise ValueError(where_not_finite(x, xp))
    unit = xp.where(((peak > low**0.5) & (peak < high**0.5)) | (peak == 0), xp.ones_like(peak), peak)
    x = x / unit
    return x, _mean_square(x, xp), unit


def _mean_square(x: Array, xp: Namespace) -> Array:
    """Mean square ``(...)``. An overflow gives infinity without a warning; `scaled` checks for it."""
    with np.errstate(over="ignore"):
        if isinstance(x, np.ndarray) and x.ndim == 1:
            square: Array = np.dot(x, x) / len(x)  # half the time of vecdot
            return square
        return xp.vecdot(x, x) / x.shape[-1]


def where_not_finite(x: Array, xp: Namespace) -> str:
    """The message for a series that holds NaN or infinity."""
    flat = xp.reshape(xp.astype(~xp.isfinite(x), xp.int8), (-1,))
    index = np.unravel_index(int(xp.argmax(flat)), x.shape)
    place = int(index[0]) if len(index) == 1 else tuple(int(i) for i in index)
    value = float(xp.reshape(x, (-1,))[int(xp.argmax(flat))])
    count = int(xp.sum(flat, dtype=xp.int64))
    return (
        f"x holds {count} value(s) that are not finite, the first is {value} at index {place} (series along the last axis); {GAPS}"
    )
