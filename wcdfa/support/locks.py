"""Locks on open files, which the operating system releases when a process ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import time

if sys.platform == "win32":
    import msvcrt

    PLACE = 2**31 - 2  # of the byte that is locked: on Windows nobody else can read what is locked, so it lies behind most files

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def unlock(descriptor: int) -> None:
        """Release the lock."""
        os.lseek(descriptor, PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(descriptor: int) -> None:
        """Release the lock."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


TAKEN = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}  # another one has it; Windows gives the last two
SHORTEST, LONGEST = 5e-5, 0.01  # seconds between two attempts


def lock(descriptor: int, seconds: float = 0.0) -> bool:
    """Lock an open file against other processes, and against others in this one that opened it themselves.

    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     lock(file.fileno())
    True

    Returns
    -------
    bool
        False if the file system has no locks, as some that are reached over a network.

    Raises
    ------
    TimeoutError
        If another one still has the lock after so many seconds.
    """
    end, pause = 0.0, SHORTEST
    while True:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno not in TAKEN:
                return False
        else:
            return True
        end = end or time.monotonic() + seconds
        if time.monotonic() >= end:
            msg = f"another process has had the file locked for {seconds:g} s"
            raise TimeoutError(errno.ETIMEDOUT, msg)
        time.sleep(pause)
        pause = min(LONGEST, 2 * pause)
