"""Decides when something is due: every k steps, or when a callable says so."""

from __future__ import annotations

from collections.abc import Callable

from wcdfa.support.numbers import whole

Cadence = int | Callable[[int], bool]


def cadence(name: str, given: Cadence) -> Cadence:
    """Check a cadence that a user gave as the argument `name`, and return it.

    >>> due(cadence("stride", 100), 300), due(lambda step: step < 10, 300)
    (True, False)

    Raises
    ------
    ValueError
        If it is a number below 1, or not a whole number.
    TypeError
        If it is neither a number nor a callable.
    """
    return given if callable(given) else whole(name, given, "a whole number of steps or a callable from step to bool")


def due(every: Cadence, step: int) -> bool:
    """Whether something is due at this step; steps count from 1."""
    return bool(every(step)) if callable(every) else step % every == 0
