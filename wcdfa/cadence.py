"""When something is due: a number of steps, or a callable that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        msg = f"{name} must be a whole number of steps or a callable from step to bool, got {given!r}"
        raise TypeError(msg) if not isinstance(given, float) else ValueError(msg)
    if given < 1:
        msg = f"{name} must be at least 1, got {given}"
        raise ValueError(msg)
    return given.__index__()  # type: ignore[no-any-return]


def due(every: Cadence, step: int) -> bool:
    """Whether this step, counted from 1, is one of them."""
    return bool(every(step)) if callable(every) else step % every == 0
