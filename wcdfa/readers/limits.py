"""Limits to what reading a file may cost, so that no file can fill the memory or hold up a program."""

from __future__ import annotations

import time

from wcdfa.readers.errors import LogError

TIMES = 8  # memory that reading may take, as a multiple of the file
ALWAYS = 256 << 20  # bytes that reading may always take
SECONDS = 20.0  # that reading may always take
SPEED = 4e6  # bytes a second that a slow reader of a large file still reaches


def most_memory(size: int) -> int:
    """How many bytes of memory reading a file of this size may take.

    >>> most_memory(1000) >> 20, most_memory(10**9)
    (256, 8000000000)
    """
    return max(TIMES * size, ALWAYS)


def require_room(needed: int, size: int, what: str) -> None:
    """Raise a LogError if `what`, in a file of this size, needs too much memory.

    >>> require_room(6 * 10**9, 4 * 10**6, "data.pkl")
    Traceback (most recent call last):
    wcdfa.readers.errors.LogError: data.pkl would take 6,000 MB of memory; from a file of 4.0 MB at most 268 MB are read
    """
    most = most_memory(size)
    if needed > most:
        msg = f"{what} would take {needed / 1e6:,.0f} MB of memory; from a file of {size / 1e6:,.1f} MB at most {most / 1e6:,.0f} MB are read"
        raise LogError(msg)


class Deadline:
    """The time until which a file of this size must have been read. Time between `pause` and `go_on` does not count.

    >>> Deadline(1000).check()
    """

    def __init__(self, size: int) -> None:
        self.seconds = max(SECONDS, size / SPEED)
        self._end, self._left = time.monotonic() + self.seconds, self.seconds

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end

    def pause(self) -> None:
        """Reading stops for a while."""
        self._left = self._end - time.monotonic()

    def go_on(self) -> None:
        """Reading goes on after `pause`."""
        self._end = time.monotonic() + self._left

    def check(self) -> None:
        """Raise a LogError if the time is over."""
        if self.passed:
            msg = f"reading it takes longer than {self.seconds:.0f} seconds, far too long for its size; it is not read"
            raise LogError(msg)


class Room:
    """The memory that reading one file may still take, when it is needed little by little.

    >>> room = Room(4 * 10**6)
    >>> room.take(10**8, "its header")
    >>> room.take(10**9, "its header")
    Traceback (most recent call last):
    wcdfa.readers.errors.LogError: its header would take 1,100 MB of memory; from a file of 4.0 MB at most 268 MB are read
    """

    def __init__(self, size: int) -> None:
        self.size, self.taken, self.most = size, 0, most_memory(size)

    def take(self, needed: int, what: str) -> None:
        """Count memory as taken; raise a LogError if it is too much."""
        self.taken += needed
        require_room(self.taken, self.size, what)
