"""..."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np


def whole(name: str, given: Any, what: str = "a whole number", least: int = 1) -> int:
    """The number itself, once it is a whole one and not below the least; raises as `cadence`."""
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        msg = f"{name} must be {what}, at least {least}, got {given!r}"
        raise ValueError(msg) if isinstance(given, float) else TypeError(msg)
    number: int = given.__index__()
    if number < least:
        msg = f"{name} must be at least {least}, got {number}"
        raise ValueError(msg)
    return number


LARGEST = 1 << 1023  # integers beyond it are no float


def is_number(given: Any) -> bool:
    """Whether it is one real number, in an array of any library or not; asked without copying from a device."""
    if isinstance(given, (int, float, np.number)):
        return not isinstance(given, (bool, np.complexfloating))
    shape, dtype = getattr(given, "shape", None), getattr(given, "dtype", None)
    has_value = any(hasattr(given, name) for name in ("item", "__array__", "__dlpack__"))  # unlike a description of shapes
    if shape is None or dtype is None or isinstance(given, type) or not has_value:
        return False
    try:
        return math.prod(shape) == 1 and _is_real(dtype)
    except (TypeError, ValueError):  # a symbolic shape
        return False


@lru_cache(maxsize=64)  # asking for the name of a dtype takes a few µs, at each step
def _is_real(dtype: Any) -> bool:
    return str(getattr(dtype, "name", dtype)).rpartition(".")[2].startswith(("int", "uint", "float", "bfloat"))


def number(given: Any) -> float:
    """The number itself, copied from its device if need be."""
    if isinstance(given, (int, float, np.number)):
        return float(given) if not isinstance(given, int) or abs(given) < LARGEST else math.inf
    value = given.item() if hasattr(given, "item") else np.asarray(given).reshape(()).item()
    return float(value)
