"""Checks and converts numbers of any library that a user or a framework gives."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

LARGEST = 1 << 1023  # larger integers do not fit into a float


def whole(name: str, given: object, what: str = "a whole number", least: int = 1, way_out: str = "") -> int:
    """Return `given` as an int; raises unless it is a whole number that is not below `least`. `way_out` ends the error if it is below.

    >>> whole("window", 500)
    500

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is a float, or below `least`.
    """
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        msg = f"{name} must be {what}, at least {least}, got {given!r}"
        raise ValueError(msg) if isinstance(given, float) else TypeError(msg)
    number: int = given.__index__()
    if number < least:
        msg = f"{name} must be at least {least}, got {number}{way_out}"
        raise ValueError(msg)
    return number


def is_number(given: object) -> bool:
    """Whether the object is one real number, plain or in an array of any library. Nothing is copied from a device."""
    if isinstance(given, (int, float, np.number)):
        return not isinstance(given, (bool, np.complexfloating))
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    if shape is None or dtype is None or isinstance(given, type) or not _has_value(given):
        return False
    try:
        return math.prod(shape) == 1 and _is_real(dtype)
    except (TypeError, ValueError):  # a symbolic shape
        return False


def _has_value(given: object) -> bool:
    """Whether it is an array, unlike an object that only describes a shape."""
    return hasattr(given, "item") or hasattr(given, "__array__") or hasattr(given, "__dlpack__")


@lru_cache(maxsize=64)  # asking for the name of a dtype takes a few µs at each step
def _is_real(dtype: object) -> bool:
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2].startswith(("int", "uint", "float", "bfloat"))


def number(given: object) -> float:
    """Return one real number, plain or in an array of any library, as a float; it is copied from its device if necessary."""
    if isinstance(given, (int, float, np.number)):
        return float(given) if not isinstance(given, int) or abs(given) < LARGEST else math.inf
    value = given.item() if hasattr(given, "item") else np.asarray(given).reshape(()).item()
    return float(value)


def on_host(array: object) -> npt.NDArray[np.floating]:
    """An array of any library as a NumPy array."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
