"""Logs errors that must not end a training run, and says which file could not be written."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from wcdfa.support.text import shown


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


@contextmanager
def writing(what: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in an error of writing it, which would else name a temporary one.

    >>> with writing("picture", "/proc/run.png"):
    ...     raise PermissionError(13, "Permission denied", "/proc/.temporary")
    Traceback (most recent call last):
    PermissionError: [Errno 13] the picture cannot be written to /proc/run.png: Permission denied; choose another folder
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"the {what} cannot be written to {shown(path)}: {error.strerror or error}; choose another folder"
        raise OSError(error.errno, msg) from error
