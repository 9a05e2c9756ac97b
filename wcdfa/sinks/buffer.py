"""Numbers that wait to be written together, because writing them one by one costs too much."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from wcdfa.support.numbers import is_number

LIMIT = 100_000  # items that are kept where they cannot be written
Item = TypeVar("Item")


class Buffer(Generic[Item]):
    """Holds items until there are too many, some seconds have passed, or the process ends; then they are written.

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
        Writes the items of the list that it is given, and removes from it those that are done with. What it raises, `add` raises after
        keeping the new items; the next try comes after as many items or seconds.
    most : int
        Items that are written together.
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
        """Write the items that are due, and then keep these."""
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
        """Write all items; an error is logged, since nobody is there to take it."""
        try:
            self.flush()
        except Exception:  # whatever fails, training goes on
            logging.getLogger("wcdfa").exception("what was last logged could not be written")
        else:
            atexit.unregister(self.close)
            self._due = 0.0
