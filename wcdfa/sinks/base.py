"""Sinks that hold something until they are closed."""

from __future__ import annotations

from typing import Self


class Closing:
    """Closed at the end of a with statement."""

    def __enter__(self) -> Self:
        """The sink."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Write what is held; a sink says what else."""
        raise NotImplementedError


import logging
from collections.abc import Callable
from typing import Any


class CurrentRun:
    """The run that was given, or else the one that is active when it is called; where there is none, that is said once.

    >>> CurrentRun("a run", lambda: None, "call init() first")()
    'a run'
    """

    def __init__(self, given: Any, active: Callable[[], Any], otherwise: str) -> None:
        self._given, self._active, self._otherwise, self._said = given, active, otherwise, False

    def __call__(self) -> Any:
        """The run, or None."""
        run = self._active() if self._given is None else self._given
        if run is None and not self._said:
            self._said = True
            logging.getLogger("wcdfa").warning(self._otherwise)
        return run
