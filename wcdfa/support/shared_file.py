"""A file to which several processes append lines: none is lost, and none is torn."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from wcdfa.support.forks import Forked, tell
from wcdfa.support.locks import lock, unlock

PATIENCE = 5.0  # seconds to wait for another process that has the lock
LOOK = 1.0  # seconds between two looks whether the file was moved
FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
PIECE = 1 << 16  # bytes that are read to find the last line


class SharedFile(Forked):
    r"""Appends lines to a file, each under a lock: so a torn line is removed only while no other process writes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = SharedFile(Path(folder, "run.jsonl"))
    ...     _ = file.path.write_bytes(b'{"step": 1}\n{"st')
    ...     file.append([b'{"step": 2}\n'])
    ...     file.close()
    ...     file.path.read_text().splitlines()
    ['{"step": 1}', '{"step": 2}']

    Parameters
    ----------
    path : Path
        The file. It is opened at the first line, which also makes its folders, and opened again if it was moved or deleted.
    """

    _descriptor = -1

    def __init__(self, path: Path) -> None:
        self.path = path
        self._regular = self._lockable = True
        self._locked = False
        self._end, self._look, self._patience = -1, 0.0, PATIENCE
        tell(self)

    def append(self, lines: list[bytes]) -> None:
        """Append the lines, and remove those that are written from the list.

        Raises
        ------
        OSError
            If one cannot be written; then nothing of it stays in the file.
        """
        try:
            if self._descriptor < 0:
                self._open()
            if self._regular:
                self._lock()
                self._find_end()
            self._write(lines)
        except OSError as error:
            error.filename = str(self.path)
            raise
        finally:
            if self._locked:
                self._locked = False
                unlock(self._descriptor)

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        descriptor, self._descriptor = self._descriptor, -1
        self._locked = False  # closing releases the lock
        if descriptor >= 0:
            os.close(descriptor)

    __del__ = close  # if nobody closed it

    def after_fork(self) -> None:
        """Close it: a child would share its parent's lock, so it opens the file itself."""
        self.close()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, FLAGS, 0o666)
        self._regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)  # a device or a pipe has no end, and needs no lock
        self._end, self._look = -1, time.monotonic() + LOOK

    def _lock(self) -> None:
        """Lock the file if its file system can. After waiting in vain, the next attempt does not wait."""
        if not self._lockable:
            return
        patience, self._patience = self._patience, 0.0
        self._locked = self._lockable = lock(self._descriptor, patience)
        self._patience = PATIENCE
        if not self._locked:
            message = (
                "%s: its file system has no locks, so lines may be lost if several processes share it; give each a file of its own"
            )
            logging.getLogger("wcdfa").warning(message, self.path)

    def _find_end(self) -> None:
        """Look where the file ends: if others wrote to it, its last line may be torn; if it was moved, open the new one."""
        if time.monotonic() >= self._look and self._moved():
            self.close()
            self._open()
            self._lock()
        end = os.lseek(self._descriptor, 0, os.SEEK_END)  # fstat takes ten times as long after a write, because it reads the time
        if end != self._end:
            self._end = end
            self._mend()

    def _moved(self) -> bool:
        """Whether another file, or none, now has the path."""
        self._look = time.monotonic() + LOOK
        here = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _mend(self) -> None:
        """Remove a last line that was cut off; if only its newline is missing, add that."""
        last = self._last_line()
        if not last:
            return
        try:
            json.loads(last)
        except (ValueError, RecursionError):
            os.ftruncate(self._descriptor, self._end - len(last))
            self._end -= len(last)
        else:
            self._put(b"\n")

    def _last_line(self) -> bytes:
        """What stands after the last newline."""
        length, tail = 0, b""
        while length < self._end and b"\n" not in tail:
            length = min(self._end, max(2 * length, PIECE if length else 1))
            os.lseek(self._descriptor, self._end - length, os.SEEK_SET)
            tail = os.read(self._descriptor, length)
        return tail.rpartition(b"\n")[2]

    def _write(self, lines: list[bytes]) -> None:
        done = 0
        try:
            for line in lines:
                self._put(line)
                done += 1
        finally:
            del lines[:done]

    def _put(self, line: bytes) -> None:
        """Write a line whole or not at all: one system call, unless the disk takes a part of it only."""
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])  # raises if the disk is full
        except BaseException:
            if self._locked:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
            else:  # others may have written since; if its end is torn, the next line removes that
                self._end = -1
            raise
        self._end += len(line)
