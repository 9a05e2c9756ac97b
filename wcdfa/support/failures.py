"""Logs errors that must not end a training run."""

from __future__ import annotations

import logging


class Failures:
    """Logs each kind of error once, because a tracker that cannot be reached fails at every step.

    >>> failures = Failures()
    >>> failures.log("the logger", ConnectionError("no route"))
    """

    def __init__(self) -> None:
        self._kinds: set[str] = set()

    def log(self, what: str, error: Exception) -> None:
        """Log that `what` failed, unless an error of this kind was logged before."""
        kind = type(error).__qualname__
        if kind not in self._kinds:
            self._kinds.add(kind)
            message = "%s failed; training goes on, and further errors of the kind %s are not logged"
            logging.getLogger("wcdfa").error(message, what, kind, exc_info=error)
