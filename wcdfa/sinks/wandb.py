"""Weights & Biases: the numbers of a monitor in a run, over a step axis of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsInt
from weakref import WeakKeyDictionary

from wcdfa.sinks.base import CurrentRun, Metrics
from wcdfa.sinks.keys import STEP, row, titled

if TYPE_CHECKING:
    from wandb import Run

NO_RUN = "no run of wandb is active, and nothing is logged: call wandb.init() first"
LONGEST_TITLE = 63
_waiting: WeakKeyDictionary[Run, int] = WeakKeyDictionary()  # of each run its own step, in whose row our last numbers wait


class WandbSink:
    """Puts the numbers of a monitor into the rows of a run of Weights & Biases, over "wcdfa/step".

    For example::

        run = wandb.init()
        sink = WandbSink()
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    They join the row that the run is at, so that the caller's own ``wandb.log`` keeps its steps. They are sent with the caller's row,
    with the next numbers, or when the run ends; ``step=`` is never passed on. NaN, infinity and steps that go back are kept, and the
    summary of the run has the last of each number.

    Parameters
    ----------
    run : wandb.Run, optional
        Default: the one that is active at each call. If no run is active, nothing is logged, and a warning says so once.

    Raises
    ------
    ImportError
        If wandb is not installed.
    """

    def __init__(self, run: Run | None = None) -> None:
        if run is None:
            active()
        self._run = CurrentRun(run, active, NO_RUN)

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Log the metrics of a step.

        wandb drops a row whose ``step=`` is below its own counter, which moves on with each row that is sent. So the step goes in as a
        number that the others are drawn over, and the row is left for the caller to send: if it were sent, the caller's next ``step=``
        could be below the counter, and that row would be lost.
        """
        run = self._run()
        if run is None:
            return
        if getattr(run, "_is_finished", False) is True:  # asked for its step, it would try for half a minute; this raises at once
            run.log({})
        if run not in _waiting:
            run.define_metric(STEP)
            run.define_metric("wcdfa/*", step_metric=STEP)
        place = run.step
        if _waiting.get(run) == place:  # nobody has sent our last numbers
            run.log({})
            place += 1
        _waiting[run] = place
        run.log(row(int(step), metrics), commit=False)

    def alert(self, title: str, text: str | None = None) -> None:
        """Send an alert; wandb sends none within a minute of another of the same title."""
        run = self._run()
        if run is not None:
            title, text = titled(title, text)
            run.alert(title[:LONGEST_TITLE], text, level="WARN")


def active() -> Run | None:
    """The active run, or None."""
    import wandb  # noqa: PLC0415 - need not be installed

    return getattr(wandb, "run", None)  # the folder that wandb logs to can be imported as well
