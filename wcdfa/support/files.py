"""Replaces files completely or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` when it is closed. If writing fails or the process is killed, the old file stays unchanged."""
    path = os.fspath(path)
    temporary = os.path.join(
        os.path.dirname(os.path.abspath(path)), f".wcdfa-{uuid.uuid4().hex}.tmp"
    )  # with the same permissions as any new file
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
