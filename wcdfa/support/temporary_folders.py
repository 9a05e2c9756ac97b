"""Temporary folders for files that are unpacked or fetched in order to be read; those of processes that were killed are removed."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import weakref
from pathlib import Path
from typing import BinaryIO

from wcdfa.support.temporary_files import HELD, held, prefix, sweep


class TemporaryFolder:
    """A new folder among the temporary files of the system. It is removed when nothing refers to this object any more.

    >>> folder = TemporaryFolder()
    >>> path = folder.path
    >>> path.is_dir()
    True
    >>> del folder
    >>> path.exists()
    False

    If the process is killed, the next one that makes such a folder removes it. Pickled, it stands for the same folder and does not own it.

    Parameters
    ----------
    borrowed : Path, optional
        The folder of another process, which is not removed here.
    """

    def __init__(self, borrowed: Path | None = None) -> None:
        if borrowed is not None:
            self.path = borrowed
            return
        top = tempfile.gettempdir()
        sweep(top)
        place, lock = _made(top)
        self.path = Path(place, "files")
        self.path.mkdir()
        weakref.finalize(self, _remove, place, lock, os.getpid())

    def __reduce__(self) -> tuple[type[TemporaryFolder], tuple[Path]]:
        return type(self), (self.path,)


def _made(top: str) -> tuple[str, BinaryIO]:
    """A new folder, and the file in it that is locked as long as it is open."""
    while True:
        place = os.path.join(top, f"{prefix()}{uuid.uuid4().hex}.tmp")
        os.mkdir(place, 0o700)
        if (lock := held(os.path.join(place, HELD))) is not None:
            return place, lock


def _remove(place: str, lock: BinaryIO, process: int) -> None:
    lock.close()
    if os.getpid() == process:  # a child after a fork has the object too, and its parent still needs the folder
        shutil.rmtree(place, ignore_errors=True)
