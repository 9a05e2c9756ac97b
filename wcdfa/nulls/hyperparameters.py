"""Hyperparameters are checked where an optimizer is made, by the types of its fields and the limits that they name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

NUMBERS = {2: "two numbers", 3: "three numbers"}


@dataclass(frozen=True)
class Limits:
    """What a number must be.

    >>> AT_LEAST_0.allows(0.0), AT_LEAST_0.allows(float("inf")), POSITIVE.allows(0.0)
    (True, False, False)
    """

    text: str
    holds: Callable[[float], bool]

    def allows(self, value: float) -> bool:
        """Whether it is finite, and within the limits."""
        return math.isfinite(value) and self.holds(value)


FINITE = Limits("finite", lambda value: True)
AT_LEAST_0 = Limits("0 or more", lambda value: value >= 0)
AT_MOST_0 = Limits("0 or less", lambda value: value <= 0)
POSITIVE = Limits("positive", lambda value: value > 0)
SHARE = Limits("from 0 to below 1", lambda value: 0 <= value < 1)
POWER = Limits("from 0 to 100", lambda value: 0 <= value <= 100)
FEW = Limits("from 1 to 99", lambda value: 1 <= value <= 99)


def check(name: str, value: object, kind: object, limits: Limits, default: object) -> None:
    """Raise a ValueError or TypeError unless the value is of that type, finite and within its limits.

    >>> check("momentum", 0.9, float, SHARE, 0.0)
    >>> check("momentum", "0.9", float, SHARE, 0.0)
    Traceback (most recent call last):
    TypeError: momentum must be a number, got '0.9'; the default is 0.0

    Parameters
    ----------
    name : str
    value : object
    kind : type
        ``float``, ``int``, ``bool``, a tuple of numbers, a Literal, or one of these or None.
    limits : Limits
        Of each number.
    default : object
        What the message gives as the way out.
    """
    kinds = [each for each in get_args(kind) if each is not NoneType] if NoneType in get_args(kind) else [kind]
    if value is None and NoneType in get_args(kind):
        return
    if get_origin(kinds[0]) is Literal:
        _check_choice(name, value, [None, *get_args(kinds[0])] if NoneType in get_args(kind) else [*get_args(kinds[0])])
    elif get_origin(kinds[0]) is tuple:
        _check_numbers(name, value, len(get_args(kinds[0])), limits, default)
    elif kinds[0] is bool:
        if not (isinstance(value, (bool, np.bool_)) or (_is_number(value) and value in (0, 1))):
            raise TypeError(_message(name, "True or False", value, default))
    else:
        _check_number(name, value, limits, default, whole=kinds[0] is int)


@lru_cache
def kinds(owner: Callable[..., object]) -> Mapping[str, object]:
    """The type of each field of a dataclass."""
    return get_type_hints(owner)


def _check_choice(name: str, value: object, choices: list[object]) -> None:
    if value not in choices:
        *most, last = ["None" if each is None else f'"{each}"' for each in choices]
        msg = f"{name} must be {', '.join(most)} or {last}, got {value!r}"
        raise ValueError(msg)


def _check_numbers(name: str, value: object, count: int, limits: Limits, default: object) -> None:
    if not isinstance(value, (tuple, list)) or len(value) != count or not all(map(_is_number, value)):
        raise ValueError(_message(name, NUMBERS[count], value, default))
    for each in value:
        if not limits.allows(float(each)):
            raise ValueError(_message(name, f"{NUMBERS[count]}, each {limits.text}", value, default))


def _check_number(name: str, value: Any, limits: Limits, default: object, *, whole: bool) -> None:
    if not _is_number(value):
        raise TypeError(_message(name, "a number", value, default))
    if whole and math.isfinite(value) and value != int(value):
        raise ValueError(_message(name, "a whole number", value, default))
    if not limits.allows(float(value)):
        raise ValueError(_message(name, limits.text if value != math.inf else f"{limits.text}, and finite", value, default))


def _is_number(value: object) -> bool:
    """Whether it is one real number, of Python or of any library of arrays."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or np.ndim(value) or isinstance(value, complex):  # type: ignore[arg-type]
        return False
    return hasattr(value, "__float__")


def _message(name: str, wanted: str, value: object, default: object) -> str:
    return f"{name} must be {wanted}, got {value!r}; the default is {default!r}"
