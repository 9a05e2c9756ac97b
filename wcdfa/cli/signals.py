"""Ends a command in order when it is asked to end: its processes end with it, and what it wrote is whole."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKED = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
PATIENCE = 20.0  # seconds to end in order, after which the process ends at once


@contextmanager
def ending_in_order() -> Iterator[None]:
    """In this block SIGTERM and SIGHUP raise SystemExit, with status 128 and the number of the signal, as Ctrl-C raises KeyboardInterrupt.

    A signal that is ignored stays so, as under nohup. While the command ends, further ones change nothing.
    """
    ours = [number for number in ASKED if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread() or not ours:
        yield
        return
    last = _Last()
    try:
        for number in ours:
            signal.signal(number, last.end)
        yield
    finally:
        last.over.set()
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


class _Last:
    """The end of a command."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self._begun = False

    def end(self, number: int, _: FrameType | None) -> None:
        """Begin to end; only once, because `timeout` and others send a signal to the process and again to its group."""
        if self._begun:
            return
        self._begun = True
        threading.Thread(target=self._at_the_latest, args=(128 + number,), daemon=True).start()
        raise SystemExit(128 + number)

    def _at_the_latest(self, status: int) -> None:
        """Where something holds the end up, or has swallowed the exception."""
        if not self.over.wait(PATIENCE):
            os._exit(status)
