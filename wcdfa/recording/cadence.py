"""When something is due: a number of steps, or a callable that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wcdfa.support.numbers import whole

Cadence = int | Callable[[int], bool]


def cadence(name: str, given: Any) -> Cadence:
    """The cadence itself, once it is one.

    >>> due(cadence("stride", 100), 300), due(lambda step: step < 10, 300)
    (True, False)

    Raises
    ------
    ValueError
        If it is a number below 1, or not a whole one.
    TypeError
        If it is neither a number nor a callable.
    """
    if callable(given):
        checked: Cadence = given
        return checked
    return whole(name, given, "a whole number of steps or a callable from step to bool")


def due(every: Cadence, step: int) -> bool:
    """Whether this step, counted from 1, is one of them."""
    return bool(every(step)) if callable(every) else step % every == 0
