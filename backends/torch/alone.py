"""Lets one thread at a time into the methods of an object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def alone(method: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], R]:
    """Let a thread wait until no other one is in such a method of the object, which has a `threading.RLock` as `lock`.

    >>> import threading
    >>> class Counter:
    ...     lock, count = threading.RLock(), 0
    ...     @alone
    ...     def add(self):
    ...         self.count += 1
    >>> counter = Counter()
    >>> counter.add()
    >>> counter.count
    1
    """

    @functools.wraps(method)
    def waiting(self: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:  # type: ignore[attr-defined]
            return method(self, *args, **kwargs)

    return waiting
