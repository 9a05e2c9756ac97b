"""Collects numbers and writes them together, or later if they cannot be written now."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from wcdfa.support.forks import Forked, tell
from wcdfa.support.numbers import is_number

if TYPE_CHECKING:
    from multiprocessing.util import Finalize

LIMIT = 100_000  # most items that are kept if they cannot be written
Item = TypeVar("Item")


class Buffer(Forked, Generic[Item]):
    """Holds items, and writes them when there are too many, after some seconds, or when the process ends.

    >>> written = []
    >>> buffer = Buffer(lambda items: (written.append(items.copy()), items.clear()), most=2, seconds=60)
    >>> for item in range(5):
    ...     buffer.add([item])
    >>> written, buffer.items
    ([[0, 1], [2, 3]], [4])
    >>> buffer.close()

    A forked child gets an empty buffer: what its parent holds is written by the parent alone.

    Parameters
    ----------
    write : callable
        Writes the items in the given list, and removes the finished ones from it, or counts in `done` those that it keeps at the front.
        If it raises an error, the items wait: `add` and `put` keep the new ones too and then raise the error, with a note that says
        how many wait. They try again after the same number of items or seconds. If more than 100,000 wait, the oldest are dropped.
    most : int
        How many items are written together.
    seconds : float
        Time after which items are written, as soon as new ones come; at least 0.
    what : str
        What the items are called in messages.
    """

    def __init__(self, write: Callable[[list[Item]], object], most: int, seconds: float, what: str = "numbers") -> None:
        if not is_number(seconds) or not seconds >= 0:
            msg = f"seconds must be a number of at least 0, got {seconds!r}"
            raise ValueError(msg)
        self._write, self._most, self._seconds, self._what = write, most, seconds, what
        self._limit = max(LIMIT, 2 * most)
        self.items: list[Item] = []
        self.after_fork()
        tell(self)

    def after_fork(self) -> None:
        """Hold nothing."""
        self.lock = threading.RLock()  # another thread may have held the old one when the process was forked
        self.items.clear()
        self.done, self._fresh, self._due = 0, 0, 0.0
        self._registered = self._failed = False
        self._finalizer: Finalize | None = None
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """How many items are not written yet."""
        return len(self.items) - self.done

    def add(self, items: list[Item]) -> None:
        """Write the items that are due, and then hold these."""
        with self.lock:
            self._register()
            self._due = self._due or time.monotonic() + self._seconds
            try:
                if self._fresh and (self._fresh + len(items) > self._most or time.monotonic() >= self._due):
                    self.flush()
            finally:
                self.items += items
                self._fresh += len(items)
                self._drop()

    def reopen_last(self) -> None:
        """Let the last item be written again, because it was changed."""
        with self.lock:
            self.done = min(self.done, len(self.items) - 1)
            self._register()

    def put(self, item: Item) -> None:
        """Write this item now; after a failure only when those that wait are due."""
        with self.lock:
            self.items.append(item)
            if self._failed and time.monotonic() < self._due:
                self._drop()
            else:
                self._attempt()

    def flush(self) -> None:
        """Write all items."""
        with self.lock:
            self._fresh, self._due = 0, time.monotonic() + self._seconds
            if self.items:
                self._attempt()

    def close(self) -> None:
        """Write all items. An error is logged, because nobody could catch it; the items wait on, until the process ends."""
        if self._written("they are lost unless that works when the process ends"):
            atexit.unregister(self._end)
            if self._finalizer is not None:
                self._finalizer.cancel()
            self._due, self._registered, self._finalizer = 0.0, False, None

    def _end(self) -> None:
        self._written("they are lost")

    def _written(self, otherwise: str) -> bool:
        """Write all items; if that fails, log the error, how many wait, and what becomes of them."""
        try:
            self.flush()
        except Exception:  # training must go on
            count = f"{self.waiting:,}" + (f", and {self._dropped:,} before them were dropped" if self._dropped else "")
            logging.getLogger("wcdfa").exception("the last %s could not be written (%s): %s", self._what, count, otherwise)
            return False
        return True

    def _register(self) -> None:
        if not self._registered:
            self._registered = True
            atexit.register(self._end)
            process = sys.modules.get("multiprocessing.process")
            if process is not None and process.parent_process() is not None:  # which runs no handlers of atexit
                from multiprocessing.util import Finalize  # noqa: PLC0415 - only such a process needs it

                self._finalizer = Finalize(None, self._end, exitpriority=0)

    def _attempt(self) -> None:
        waiting = self.waiting
        try:
            self._write(self.items)
        except Exception as error:
            self._register()
            self._failed, self._due = True, time.monotonic() + self._seconds
            error.add_note(f"{self._what} that wait in memory: {self.waiting:,}")
            self._drop()
            raise
        if self._failed:
            dropped = f"; {self._dropped:,} before them were dropped" if self._dropped else ""
            logging.getLogger("wcdfa").warning("%s that waited are written: %s%s", self._what, f"{waiting:,}", dropped)
            self._failed, self._dropped = False, 0

    def _drop(self) -> None:
        """Drop the oldest if too many wait."""
        excess = self.waiting - self._limit
        if excess > 0:
            del self.items[self.done : self.done + excess]
            if not self._dropped:
                message = "more than %s %s wait for being written; the oldest are dropped"
                logging.getLogger("wcdfa").error(message, f"{self._limit:,}", self._what)
            self._dropped += excess
