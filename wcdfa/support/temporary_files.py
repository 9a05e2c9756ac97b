"""Temporary files and folders: those of processes that were killed are found and removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
import zlib
from pathlib import Path
from typing import BinaryIO

from wcdfa.support.locks import lock

MANY, SHARE = 1000, 20  # a folder with so many entries is looked through again after this many times as long as that takes
DAY, MINUTE = 86_400.0, 60.0  # seconds
WINDOWS = os.name == "nt"  # which removes no file that is open
HELD = "held"  # the file in a temporary folder that is locked as long as the folder is used
_due: dict[str, float] = {}


def create(folder: str) -> BinaryIO:
    """Open a new temporary file, with the permissions of any new file, that `sweep` leaves alone as long as it is open."""
    while True:
        if (file := held(os.path.join(folder, f"{prefix()}{uuid.uuid4().hex}.tmp"))) is not None:
            return file


def held(path: str) -> BinaryIO | None:
    """Make a new file that is locked as long as it is open; None if another process has removed it before it was locked."""
    file = open(path, "xb")  # noqa: SIM115 - the caller closes it
    if WINDOWS or _locked(file):
        return file
    file.close()
    return None


def prefix() -> str:
    """The beginning of the names of temporary files and folders of this computer."""
    return f".wcdfa-{_host()}-"


def sweep(folder: str) -> None:
    """Remove the temporary files and folders that killed processes have left in a folder.

    A process holds a lock on its file as long as it writes, and on a file in its folder as long as it reads there. The system releases
    it when the process ends. What is of another computer is removed after a day only, because not every file system shares locks; so is
    what lies where there are no locks.
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
    status = entry.stat(follow_symlinks=False)
    age, folder = time.time() - status.st_mtime, entry.is_dir(follow_symlinks=False)
    if not (folder or entry.is_file(follow_symlinks=False)):
        return
    if WINDOWS:
        if age > (MINUTE if entry.name.startswith(prefix()) else DAY):
            _remove(entry.path, folder)  # fails if a file in it is open
    elif status.st_uid == os.geteuid():
        _remove_unlocked(entry, folder, age)


def _remove_unlocked(entry: os.DirEntry[str], folder: bool, age: float) -> None:
    try:
        file = open(os.path.join(entry.path, HELD) if folder else entry.path, "r+b")  # noqa: SIM115 - closed below
    except FileNotFoundError:  # a folder that is being made, or one that could not be
        if age > DAY:
            _remove(entry.path, folder)
        return
    with file:
        lockable = lock(file.fileno())  # raises if it is still used
        if age > DAY or (entry.name.startswith(prefix()) and lockable):
            _remove(entry.path, folder)


def _remove(path: str, folder: bool) -> None:
    if folder:
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def _locked(file: BinaryIO) -> bool:
    try:
        lock(file.fileno())
    except TimeoutError:
        return False
    return Path(file.name).exists()


def _host() -> str:
    """Stands for this computer, or this container, in the name of a file."""
    import platform  # noqa: PLC0415 - wcdfa is imported faster without it

    return f"{zlib.crc32(platform.node().encode()):08x}"
