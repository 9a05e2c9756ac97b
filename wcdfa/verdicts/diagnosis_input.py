"""Refuses series that no run can have, before a diagnosis reads anything out of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

WORDS = {"b": "booleans", "c": "complex", "U": "text", "S": "text"}
Given = npt.ArrayLike | None


def check_series(*, lr: Given, steps: Given, groups: object, cosines: object, **sizes: Given) -> None:
    """Raise an error if a size or a learning rate is negative, if steps do not increase, or if groups have no names.

    >>> check_series(lr=0.1, steps=[1, 2], groups={}, cosines=None, norms=[1.0, -2.0])
    Traceback (most recent call last):
    ValueError: norms must be 0 or more, got -2 at place 1; give sizes, abs(norms), or NaN where there is none
    """
    for name, given in {"groups": groups, "cosines": cosines}.items():
        if given is not None and not isinstance(given, Mapping):
            msg = f'{name} must be a dict from the name of each group to its numbers, such as {{"head": …}}, got {type(given).__name__}'
            raise TypeError(msg)
    named = groups if isinstance(groups, Mapping) else {}
    for name, values in {**sizes, **{f"groups[{each!r}]": values for each, values in named.items()}}.items():
        _check_sizes(name, values)
    _check_rates(lr)
    _check_steps(steps)


def _check_sizes(name: str, values: Given) -> None:
    x = _numbers(name, values)
    if np.any(x < 0):
        at = int(np.argmax(x < 0))
        msg = f"{name} must be 0 or more, got {x.flat[at]:g} at place {at:,}; give sizes, abs({name}), or NaN where there is none"
        raise ValueError(msg)


def _check_rates(lr: Given) -> None:
    rates = _numbers("lr", lr)
    if lr is not None and not rates.ndim and not 0 < float(rates) < math.inf:
        msg = f"lr must be positive and finite, got {float(rates):g}; leave it out if it is unknown"
        raise ValueError(msg)
    if np.any(bad := (rates < 0) | np.isinf(rates)):
        at = int(np.argmax(bad))
        msg = f"lr must be 0 or more and finite, got {rates.flat[at]:g} at place {at:,}; give NaN where it is unknown"
        raise ValueError(msg)


def _check_steps(steps: Given) -> None:
    numbers = _numbers("steps", steps)
    if numbers.ndim == 1 and np.any(back := np.diff(numbers) <= 0):
        at = int(np.argmax(back))
        msg = f"steps must increase, got {numbers[at + 1]:g} after {numbers[at]:g}; cut the run where it was started again"
        raise ValueError(msg)


def _numbers(name: str, values: Given) -> npt.NDArray[np.float64]:
    found = np.asarray(math.nan if values is None else values)
    if found.dtype.kind in WORDS:
        msg = f"{name} must be real numbers, got {WORDS[found.dtype.kind]}"
        raise TypeError(msg)
    return np.asarray(found, dtype=np.float64)
