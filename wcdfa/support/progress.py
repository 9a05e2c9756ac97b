"""Shows progress for work that takes longer than a second: a bar on a terminal if rich is installed, else one line.

With ``WCDFA_PROGRESS=0`` nothing is shown.
"""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich import progress

PATIENCE = 1.0  # seconds before anything is shown
FEW = 10  # one in so many steps has to be done before anything is said of the rest
LONG = 45.0  # seconds: more than that is said in minutes


class Progress:
    """Counts steps; shows nothing for the first second.

    >>> with Progress("counting", 3) as progress:
    ...     progress.advance()
    """

    def __init__(self, description: str, total: int) -> None:
        self.description, self.total, self.done = description, total, 0
        self._bar: progress.Progress | None = None
        self._said = False

    def __enter__(self) -> Self:
        """Start the clock."""
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self._bar is not None:
            with suppress(Exception):  # the terminal may be gone
                self._bar.stop()

    def advance(self) -> None:
        """Count one more step."""
        self.done += 1
        if self.done == 1:
            self._first = time.monotonic()
        if (
            not self._said
            and os.environ.get("WCDFA_PROGRESS") != "0"
            and time.monotonic() - self._start > PATIENCE
            and self.total <= self.done * FEW < self.total * FEW
        ):
            self._said = True
            with suppress(Exception):  # a stream that cannot show this must not end a training run
                self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done)

    def _left(self) -> str:
        """How long the remaining steps take, if they are like those that are done."""
        begun, done = (self._start, 1) if self.done == 1 else (self._first, self.done - 1)  # the first step also loads and compiles
        seconds = (time.monotonic() - begun) / done * (self.total - self.done)
        return "some seconds" if seconds < LONG else f"about {math.ceil(seconds / 60)} min"

    def _show(self) -> None:
        stream = sys.stderr  # None, closed, or an object of the program with no more than `write`
        if not is_terminal(stream):
            stream.write(f"wcdfa: {self.description}: {self._left()} …\n")
            return
        with suppress(ModuleNotFoundError):
            from rich import errors, progress  # noqa: PLC0415
            from rich.console import Console  # noqa: PLC0415

            with suppress(errors.LiveError):  # the user has a live display of their own
                bar = progress.Progress(console=Console(stderr=True), transient=True)
                bar.start()
                self._task = bar.add_task(self.description, total=self.total, completed=self.done)
                self._bar = bar


def is_terminal(stream: object) -> bool:
    """Whether a stream is a terminal; False if it cannot tell.

    >>> is_terminal(None), is_terminal(object())
    (False, False)
    """
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # it may be anything
    except (AttributeError, ValueError, OSError):
        return False
