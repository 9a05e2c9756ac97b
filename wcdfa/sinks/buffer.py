"""Collects numbers and writes them together, because writing them one by one is too slow."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from wcdfa.support.numbers import is_number

LIMIT = 100_000  # most items that are kept if they cannot be written
Item = TypeVar("Item")


class Buffer(Generic[Item]):
    """Holds items, and writes them when there are too many, after some seconds, or when the process ends.

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
        Writes the items in the given list, and removes the finished ones from it. If it raises an error, `add` keeps the new items and
        then raises the error; it tries again after the same number of items or seconds.
    most : int
        How many items are written together.
    seconds : float
        Time after which items are written, as soon as new ones come; at least 0.
    """

    def __init__(self, write: Callable[[list[Item]], object], most: int, seconds: float) -> None:
        if not is_number(seconds) or not seconds >= 0:
            msg = f"seconds must be a number of at least 0, got {seconds!r}"
            raise ValueError(msg)
        self.items: list[Item] = []
        self._write, self._most, self._seconds = write, most, seconds
        self._fresh, self._due = 0, 0.0

    def add(self, items: list[Item]) -> None:
        """Write the items that are due, and then hold these."""
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
        """Write all items."""
        self._fresh, self._due = 0, time.monotonic() + self._seconds
        if self.items:
            self._write(self.items)

    def close(self) -> None:
        """Write all items. An error is logged, because nobody could catch it."""
        try:
            self.flush()
        except Exception:  # training must go on
            logging.getLogger("wcdfa").exception("the last numbers could not be written")
        else:
            atexit.unregister(self.close)
            self._due = 0.0
