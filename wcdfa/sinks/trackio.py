"""trackio: the numbers of a monitor in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackio import context_vars

from wcdfa.sinks.base import CurrentRun
from wcdfa.sinks.keys import row, titled


class TrackioSink:
    """Logs the numbers of a monitor to a run of trackio, at their steps.

    For example::

        trackio.init(project="experiments")
        sink = TrackioSink()
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    Steps that go back are kept, and a ``trackio.log`` of the caller's without a step is given the one after the last. NaN and infinity
    are held as the texts "NaN" and "Infinity", as trackio does. It writes in a thread of its own, and what fails there it says itself.

    Parameters
    ----------
    run : trackio.Run, optional
        Default: the one that ``trackio.init`` began last, in the thread or task that makes the call: give the run where the monitor
        is updated in another. Where there is none, nothing is logged, and that is said once.
    """

    def __init__(self, run: Any = None) -> None:
        self._run = CurrentRun(
            run, _current, "no run of trackio is there, and nothing is logged: call trackio.init(project=...) first"
        )

    def __call__(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Log them."""
        run = self._run()
        if run is not None:
            run.log(row(int(step), metrics), step=int(step))

    def alert(self, title: str, text: str | None = None) -> None:
        """Send an alert, which is also printed."""
        run = self._run()
        if run is not None:
            run.alert(*titled(title, text))


def _current() -> Any:
    return context_vars.current_run.get()
