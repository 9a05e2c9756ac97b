"""What a sink is, and what sinks share. A new sink is one module beside this one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, Self, SupportsFloat, SupportsInt, TypeVar

R = TypeVar("R")
Metrics = Mapping[str, SupportsFloat]


class Sink(Protocol):
    """Where the numbers of a monitor go: ``WeightChangeDFA(logger=sink)``, and ``attach(optimizer, alarm=sink.alert)`` for alarms.

    To add one, write one module in ``wcdfa/sinks`` with one class::

        class PrintSink:
            def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
                print(int(step), row(int(step), metrics))

            def alert(self, title: str, text: str | None = None) -> None:
                print(message(title, text))

    - Write under the keys that `wcdfa.sinks.keys.row` gives, which every tracker takes, and write every number, NaN and infinity too.
    - Write into the run that the script has begun, and never begin one. `CurrentRun` finds it, and warns once if no run is active.
    - Keep steps that go back, as after a restart: do not change, sort or drop steps.
    - Raise what fails: the monitor logs it once, and training goes on.
    - Where writing costs, collect in a `wcdfa.sinks.buffer.Buffer`, and inherit from `Closing`.
    - Show that it works in ``tests/sinks/test_round_trips.py``: what it writes, the reader of its format reads.
    """

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Log the metrics of a step by their names."""

    def alert(self, title: str, text: str | None = None) -> None:
        """Log a message, or send it to people where the tracker can."""


class Closing:
    """A sink that holds numbers until it is closed, at the latest at the end of a with statement."""

    def __enter__(self) -> Self:
        """The sink."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Write what is held."""
        raise NotImplementedError


class CurrentRun(Generic[R]):
    """The run that was given, or else the one that is active at each call. If no run is active, a warning says so once.

    >>> CurrentRun("a run", lambda: None, "call init() first")()
    'a run'

    Parameters
    ----------
    given : run, optional
    active : callable
        Gives the run that is active, or None.
    otherwise : str
        The warning for when no run is active.
    """

    def __init__(self, given: R | None, active: Callable[[], R | None], otherwise: str) -> None:
        self._given, self._active, self._otherwise, self._said = given, active, otherwise, False

    def __call__(self) -> R | None:
        """The run, or None."""
        run = self._active() if self._given is None else self._given
        if run is None and not self._said:
            self._said = True
            logging.getLogger("wcdfa").warning(self._otherwise)
        return run
