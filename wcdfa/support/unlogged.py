"""Knows the monitors whose last norms may not be logged yet, because they are still on a device."""

from __future__ import annotations

import logging
import weakref
from typing import Protocol

from wcdfa.support.forks import Forked, tell


class Monitor(Protocol):
    """A monitor that logs what waits when it is read."""

    @property
    def logger(self) -> object:
        """What it logs to."""

    def reading(self) -> object:
        """Read the norms."""


class Unlogged(Forked):
    """Holds monitors, as long as they live.

    >>> class One:
    ...     logger = "sink"
    ...     def reading(self):
    ...         print("logged")
    >>> one, unlogged = One(), Unlogged()
    >>> unlogged.add(one)
    >>> unlogged.log("another sink")
    >>> unlogged.log("sink")
    logged

    A forked child has none: what its parent has recorded is logged by the parent alone.
    """

    def __init__(self) -> None:
        self._monitors: weakref.WeakSet[Monitor] = weakref.WeakSet()
        tell(self)

    def add(self, monitor: Monitor) -> None:
        """Norms of this monitor wait."""
        self._monitors.add(monitor)

    def log(self, logger: object) -> None:
        """Log the norms that wait for this logger. An error is logged, because training must go on."""
        for monitor in [each for each in list(self._monitors) if each.logger is logger]:
            self._monitors.discard(monitor)
            try:
                monitor.reading()
            except Exception:
                logging.getLogger("wcdfa").exception("the last norms of a monitor could not be logged")

    def after_fork(self) -> None:
        """Forget the monitors of the parent."""
        self._monitors = weakref.WeakSet()


UNLOGGED = Unlogged()
"""The monitors of this process."""
