"""Runs functions in a process of their own, with limits of time and memory, because what is tested may exceed them."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 20.0
MEMORY = 256 << 20
BACKSTOP = 6 << 30  # bytes of addresses, so that what fails cannot take the machine down


class Outcome(NamedTuple):
    """What a function gave, and what it took."""

    value: Any
    error: str
    """The type and text of what it raised; empty if it returned."""
    seconds: float
    memory: int
    """Bytes at the highest, above those before; 0 where the system does not tell."""


class Bounded:
    """A process that runs functions, which must be importable, one at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.run(abs, 0, seconds=120)  # until it has started

    def run(self, function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Outcome:
        """What the function gives; fails if it takes longer, or ends the process."""
        assert self._process.is_alive(), "the process has ended"
        self._ours.send((function, arguments))
        if not self._ours.poll(2 * seconds):  # the machine may be busy
            self.close()
            raise AssertionError(f"{function.__name__} took longer than {2 * seconds:.0f} seconds")
        return Outcome(*self._ours.recv())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(pipe: Any) -> None:
    with suppress(ImportError, ValueError, OSError):  # not every system has this limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (BACKSTOP, BACKSTOP))
    while True:
        with suppress(EOFError):
            function, arguments = pipe.recv()
            pipe.send(_ran(function, arguments))
            continue
        return


def _ran(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, str, float, int]:
    value, error = None, ""
    _forget_peak()
    before, start = _peak(), time.process_time()
    try:
        value = function(*arguments)
    except Exception as raised:  # noqa: BLE001 - the test judges it
        error = f"{type(raised).__name__}: {raised}"
    return value, error, time.process_time() - start, _peak() - before


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
    return 0
