"""Errors that must not end a training run."""

from __future__ import annotations

import logging


class Failures:
    """Logs what fails, once for each kind of error: a tracker that is gone fails at every step.

    >>> failures = Failures()
    >>> failures.log("the logger", ConnectionError("no route"))
    """

    def __init__(self) -> None:
        self._kinds: set[str] = set()

    def log(self, what: str, error: Exception) -> None:
        """Log that it failed, if that is new."""
        kind = type(error).__qualname__
        if kind not in self._kinds:
            self._kinds.add(kind)
            message = "%s failed; training goes on, and no other %s of it is told of"
            logging.getLogger("wcdfa").error(message, what, kind, exc_info=error)
