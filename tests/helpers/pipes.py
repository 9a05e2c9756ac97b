"""What lies among files and is none, such as a pipe; a test that needs one is skipped where the system has none."""

from __future__ import annotations

import os
import socket
from contextlib import chdir
from pathlib import Path

import pytest

KINDS = ("a pipe", "a device", "a socket")


def make_special(path: Path, kind: str = "a pipe") -> None:
    """Make a pipe to which nobody writes, a device without an end, or a socket at this path."""
    if os.name == "nt":
        pytest.skip("Windows has no pipes, devices and sockets among its files")
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with chdir(path.parent), socket.socket(socket.AF_UNIX) as server:  # names of sockets are short
            server.bind(path.name)
