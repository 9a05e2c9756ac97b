"""Copies what comes out of standard input or a pipe, which can be read once and may give nothing for ever."""

from __future__ import annotations

import os
import re
import select
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from wcdfa.readers.errors import LogError
from wcdfa.readers.places import STDIN
from wcdfa.support.temporary_files import WINDOWS

BLOCK = 1 << 18  # bytes
PATIENCE = 20.0  # seconds to wait for the next bytes
PAUSE = 0.02  # seconds between two looks at a pipe to which nobody writes yet
MOST = 4 << 30  # bytes
OPENED = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")  # of a shell's <( ), which must not be opened again


def blocks(path: Path) -> Iterator[bytes]:
    """What comes out of standard input or a pipe, until all who write to it have closed it.

    Raises
    ------
    LogError
        If nothing comes for 20 seconds, or nothing at all.
    """
    descriptor = _opened(path)
    try:
        some = False
        while block := _next(descriptor, some, path):
            some = True
            yield block
        if not some:
            msg = "nothing came out of it"
            raise LogError(msg)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    if str(path) == STDIN:
        try:
            return os.dup(0)
        except OSError as error:
            msg = "standard input is closed"
            raise LogError(msg) from error
    if found := OPENED.fullmatch(str(path)):
        return os.dup(int(found[1]))
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # else it would wait until somebody writes


def _next(descriptor: int, some: bool, path: Path) -> bytes:
    """The next bytes; none at the end."""
    end = time.monotonic() + PATIENCE
    pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode) and not (str(path) == STDIN or OPENED.fullmatch(str(path)))
    while True:
        if not WINDOWS and not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            break
        try:
            block = os.read(descriptor, BLOCK)
        except BlockingIOError:
            block = b""
        else:
            if block or some or not pipe:
                return block
        if time.monotonic() > end:
            break
        time.sleep(PAUSE)  # nobody has written to the pipe yet
    msg = (
        f"nothing came out of it for {PATIENCE:.0f} seconds: does a program write to it, and end?"
        if not some
        else f"nothing more came out of it for {PATIENCE:.0f} seconds, and its end did not come: wait until the program has ended"
    )
    raise LogError(msg)
