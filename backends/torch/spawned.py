"""Brings what was recorded in a process that a trainer has spawned back to the process that started it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import tempfile
import uuid
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import torch

from wcdfa.support.files import replacing

if TYPE_CHECKING:
    from wcdfa.backends.torch.training import RecordingState


class Brought(TypedDict):
    """What a process has recorded."""

    recording: RecordingState
    messages: list[str]


class Return:
    """The way back for a callback, which is copied into spawned processes: a temporary file, removed when it was read.

    >>> way = Return()
    >>> way.spawned, way.taken()
    (False, None)
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._path = Path(tempfile.gettempdir(), f"wcdfa-{uuid.uuid4().hex}.pt")
        weakref.finalize(self, _remove, self._path, self._process)

    @property
    def spawned(self) -> bool:
        """Whether this is a copy, in a process that was started by the one that made it."""
        parent = multiprocessing.parent_process()
        return parent is not None and parent.pid == self._process and os.getpid() != self._process

    def put(self, brought: Brought) -> None:
        """Write what is to be brought back, completely or not at all. A failure is logged."""
        try:
            with replacing(self._path) as file:
                torch.save(brought, file)
        except Exception as error:  # noqa: BLE001 - no error here may end the training run
            logging.getLogger("wcdfa").warning("the norms could not be brought back from a spawned process: %s", error)

    def taken(self) -> Brought | None:
        """What was brought back since the last call; None if nothing was. A file that cannot be read is an error in the log."""
        if os.getpid() != self._process or not self._path.exists():
            return None
        try:
            return cast(Brought, torch.load(self._path, map_location="cpu", weights_only=True))
        except Exception as error:  # noqa: BLE001 - no error here may end what comes after the training
            logging.getLogger("wcdfa").warning("the norms of a spawned process could not be read: %s", error)
            return None
        finally:
            _remove(self._path, self._process)


def _remove(path: Path, process: int) -> None:
    """Remove a file, if this is the process to do so."""
    if os.getpid() == process:
        with contextlib.suppress(OSError):
            path.unlink()
