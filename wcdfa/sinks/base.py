"""The protocol of a sink, and code that sinks share. A new sink is one module beside this one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, Self, SupportsFloat, SupportsInt, TypeVar

from wcdfa.support.unlogged import UNLOGGED

R = TypeVar("R")
Metrics = Mapping[str, SupportsFloat]


class Sink(Protocol):
    """Takes the numbers of a monitor, ``WeightChangeDFA(logger=sink)``, and messages, ``attach(optimizer, alarm=sink.alert)``.

    To add one, write one module in ``wcdfa/sinks`` with one class::

        class PrintSink:
            def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
                print(int(step), row(int(step), metrics))

            def alert(self, title: str, text: str | None = None) -> None:
                print(message(title, text))

    - Use the keys from `wcdfa.sinks.keys.row`, which every tracker accepts, and write every number, including NaN and infinity.
    - Write into the run that the script has started, and never start one. `CurrentRun` finds it, and warns once if no run is active.
    - Keep steps that go back, for example after a restart: do not change, sort or drop steps.
    - Let errors through: the monitor logs each once, and training goes on.
    - Inherit from `EachNorm`, or else a monitor without ``log_every`` logs only when α is computed.
    - Inherit from `Closing`, and write ``finish``, if a sink is closed: norms that are still on a device are logged then.
    - If writing is slow, collect numbers in a `wcdfa.sinks.buffer.Buffer`, which ``finish`` closes.
    - Test it in ``tests/sinks/test_round_trips.py``: the reader of the format must read what the sink writes.
    """

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Log the metrics of a step."""

    def alert(self, title: str, text: str | None = None) -> None:
        """Log a message, or send it to people if the tracker can."""


class EachNorm:
    """A sink that logs each norm, so that α can be computed again from the log, and numbers of α only when they are new."""

    every_norm = True
    """A monitor without ``log_every`` looks for it."""


class Closing(EachNorm):
    """A sink that is closed, by `close` or at the end of a with statement. The norms that its monitors hold are logged before."""

    def __enter__(self) -> Self:
        """The sink."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sink."""
        self.close()

    def close(self) -> None:
        """Log the norms that are still on a device, and write all numbers that are held."""
        UNLOGGED.log(self)
        self.finish()

    def finish(self) -> None:
        """Write all numbers that are held."""
        raise NotImplementedError


class CurrentRun(Generic[R]):
    """The given run, or else the run that is active at each call. If no run is active, a warning says so once.

    >>> CurrentRun("a run", lambda: None, "call init() first")()
    'a run'

    Parameters
    ----------
    given : run, optional
    active : callable
        Returns the active run, or None.
    otherwise : str
        The warning if no run is active.
    """

    def __init__(self, given: R | None, active: Callable[[], R | None], otherwise: str) -> None:
        self.given, self._active, self._otherwise, self._said = given, active, otherwise, False

    def __call__(self) -> R | None:
        """The run, or None."""
        run = self._active() if self.given is None else self.given
        if run is None and not self._said:
            self._said = True
            logging.getLogger("wcdfa").warning(self._otherwise)
        return run
