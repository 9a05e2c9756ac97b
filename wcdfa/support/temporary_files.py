"""Temporary files of results that are being written: those of processes that were killed are found and removed."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
import zlib
from pathlib import Path
from typing import BinaryIO

from wcdfa.support.locks import lock

MANY, SHARE = 1000, 20  # a folder with so many entries is looked through again after this many times as long as that takes
DAY, MINUTE = 86_400.0, 60.0  # seconds
WINDOWS = os.name == "nt"  # which removes no file that is open
_due: dict[str, float] = {}


def create(folder: str) -> BinaryIO:
    """Open a new temporary file, with the permissions of any new file, that `sweep` leaves alone as long as it is open."""
    while True:
        path = os.path.join(folder, f".wcdfa-{_host()}-{uuid.uuid4().hex}.tmp")
        file = open(path, "xb")  # noqa: SIM115 - the caller closes it
        if WINDOWS or _held(file):
            return file
        file.close()


def sweep(folder: str) -> None:
    """Remove the temporary files that killed processes have left in a folder.

    A process holds a lock on its file as long as it writes, and the system releases that when the process ends. A file of another
    computer is removed after a day only, because not every file system shares locks; so is one where there are no locks.
    """
    begun = time.monotonic()
    if begun < _due.get(folder, 0.0):
        return
    seen = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            seen += 1
            if entry.name.startswith(".wcdfa-") and entry.name.endswith(".tmp"):
                with contextlib.suppress(OSError):  # another process was faster, or the file is another user's
                    _remove_left(entry)
    if seen >= MANY:
        now = time.monotonic()
        _due[folder] = now + SHARE * (now - begun)


def _remove_left(entry: os.DirEntry[str]) -> None:
    if not entry.is_file(follow_symlinks=False):
        return
    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    ours = entry.name.startswith(f".wcdfa-{_host()}-")
    if WINDOWS:
        if age > (MINUTE if ours else DAY):
            os.unlink(entry.path)
        return
    with open(entry.path, "r+b") as file:
        locked = lock(file.fileno())  # raises if it is still written
        if age > DAY or (ours and locked):
            os.unlink(entry.path)


def _held(file: BinaryIO) -> bool:
    """Lock a new file; False if another process has removed it before it was locked."""
    try:
        lock(file.fileno())
    except TimeoutError:
        return False
    return Path(file.name).exists()


def _host() -> str:
    """Stands for this computer, or this container, in the name of a file."""
    import platform  # noqa: PLC0415 - wcdfa is imported faster without it

    return f"{zlib.crc32(platform.node().encode()):08x}"
