"""What waits to be written together, because writing it one by one costs too much."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from typing import Any

from wcdfa.support.numbers import is_number

LIMIT = 100_000  # items that are kept where they cannot be written


class Buffer:
    """Items that are written when there are too many, or after so many seconds, or when the process ends.

    >>> written = []
    >>> buffer = Buffer(lambda items: (written.append(items.copy()), items.clear()), most=2, seconds=60)
    >>> for item in range(5):
    ...     buffer.add([item])
    >>> written, buffer.items
    ([[0, 1], [2, 3]], [4])
    >>> buffer.close()

    Parameters
    ----------
    write : callable
        Writes the items that it is given, and takes those off the list that are done with. What it raises, `add` raises once the new
        items are kept; it is tried again after as many items or seconds.
    most : int
    seconds : float
        At least 0, looked at whenever there are new items.
    """

    def __init__(self, write: Callable[[list[Any]], Any], most: int, seconds: float) -> None:
        if not is_number(seconds) or not seconds >= 0:
            msg = f"seconds must be a number of at least 0, got {seconds!r}"
            raise ValueError(msg)
        self.items: list[Any] = []
        self._write, self._most, self._seconds = write, most, seconds
        self._fresh, self._due = 0, 0.0

    def add(self, items: list[Any]) -> None:
        """Keep these, and before it write those that are due."""
        if not self._due:
            self._due = time.monotonic() + self._seconds
            atexit.register(self.close)
        try:
            if self._fresh and (self._fresh + len(items) > self._most or time.monotonic() >= self._due):
                self.flush()
        finally:
            self.items += items
            self._fresh += len(items)
            del self.items[:-LIMIT]

    def flush(self) -> None:
        """Write all."""
        self._fresh, self._due = 0, time.monotonic() + self._seconds
        if self.items:
            self._write(self.items)

    def close(self) -> None:
        """Write all; nobody is there to take an error, so it is logged."""
        try:
            self.flush()
        except Exception:  # whatever it is, it must not end the training run
            logging.getLogger("wcdfa").exception("what was last logged could not be written")
        else:
            atexit.unregister(self.close)
            self._due = 0.0
