"""Lists a folder: files and folders apart from pipes, sockets and devices, which are never opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple


class Listing(NamedTuple):
    """What is in a folder, sorted by name. Links count as what they lead to, and those that lead to nothing are left out."""

    files: list[Path]
    folders: list[Path]
    others: list[Path]
    """Pipes, sockets and devices, which may give no data for ever, or data without an end."""


def listed(folder: Path) -> Listing:
    """List a folder.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    found = Listing([], [], [])
    for name in sorted(os.listdir(folder)):
        path = folder / name
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError):  # a link to nothing or in a loop, or gone by now
            continue
        (found.files if stat.S_ISREG(mode) else found.folders if stat.S_ISDIR(mode) else found.others).append(path)
    return found


def kind_of(path: Path) -> str:
    """What a path is, in words, if it is neither a file nor a folder; else empty.

    >>> kind_of(Path("/dev/null")), kind_of(Path())
    ('a device', '')
    """
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "a device"
