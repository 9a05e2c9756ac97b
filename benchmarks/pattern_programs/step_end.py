"""What each program calls with its parameters, before its first step and after each: nothing happens unless the benchmark listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar

Listener = Callable[[list[object]], None]

LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
"""Who listens to the programs of this thread."""


def step_end(parameters: Iterable[object]) -> None:
    """Hand the parameters to the listener."""
    listener = LISTENER.get()
    if listener is not None:
        listener(list(parameters))
