"""trackio: logs the numbers of a monitor to a run."""

from __future__ import annotations

from typing import SupportsInt

from wcdfa.support.extras import needed

with needed("wcdfa.sinks.trackio", "wcdfa[trackio]"):
    from trackio import context_vars
    from trackio.run import Run

from wcdfa.sinks.base import CurrentRun, EachNorm, Metrics
from wcdfa.sinks.keys import row, titled


class TrackioSink(EachNorm):
    """Logs the numbers of a monitor to a run of trackio, at their steps.

    For example::

        trackio.init(project="experiments")
        sink = TrackioSink()
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    Steps that go back are kept. Your own ``trackio.log`` without a step gets the step after the last one. NaN and infinity
    are kept as the texts "NaN" and "Infinity". trackio writes in a thread of its own, and logs errors there itself: a process that is
    killed loses what that thread has not written, and ``trackio.finish()`` waits for it.

    Parameters
    ----------
    run : trackio.Run, optional
        Default: the one that ``trackio.init`` started last in the thread or task of the call. Give the run if the monitor is updated in
        another thread. If no run is active, nothing is logged, and a warning says so once.
    """

    def __init__(self, run: Run | None = None) -> None:
        self._run = CurrentRun(
            run, _current, "no run of trackio is active, so nothing is logged: call trackio.init(project=...) first"
        )

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Log the metrics of a step."""
        run = self._run()
        if run is not None:
            run.log(row(int(step), metrics), step=int(step))

    def alert(self, title: str, text: str | None = None) -> None:
        """Send an alert, which is also printed."""
        run = self._run()
        if run is not None:
            run.alert(*titled(title, text))


def _current() -> Run | None:
    return context_vars.current_run.get()
