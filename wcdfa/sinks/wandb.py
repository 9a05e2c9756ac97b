"""Weights & Biases: the numbers of a monitor in a run, over a step axis of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from wcdfa.sinks.base import CurrentRun
from wcdfa.sinks.keys import STEP, row, titled

NO_RUN = "no run of wandb is active, and nothing is logged: call wandb.init() first"
LONGEST_TITLE = 63
_waiting: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # run of wandb → its own step, in whose row our last numbers wait


class WandbSink:
    """Puts the numbers of a monitor into the rows of a run of Weights & Biases, over "wcdfa/step".

    For example::

        run = wandb.init()
        sink = WandbSink()
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    They join the row that the run is at, so that the caller's own ``wandb.log`` keeps its steps, and are sent with it, or with the next
    numbers, or when the run ends: ``step=`` is never passed on. Steps that go back are kept. NaN and infinity are held as they are;
    the summary of the run holds the last of each.

    Parameters
    ----------
    run : wandb.Run, optional
        Default: the one that is active at each call. Where there is none, nothing is logged, and that is said once.

    Raises
    ------
    ImportError
        If wandb is not installed.
    """

    def __init__(self, run: Any = None) -> None:
        if run is None:
            active()
        self._run = CurrentRun(run, active, NO_RUN)

    def __call__(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Log them.

        wandb drops a row whose ``step=`` is below its own counter, which each row that is sent moves on. So the step goes in as a
        number that the others are drawn over, and the row is left for the caller to send: were it sent, the caller's next ``step=``
        could be below the counter, and that row be lost.
        """
        run = self._run()
        if run is None:
            return
        if getattr(run, "_is_finished", False) is True:  # it would be asked for its step for half a minute; this raises at once
            run.log({})
        if run not in _waiting:
            run.define_metric(STEP)
            run.define_metric("wcdfa/*", step_metric=STEP)
        place = run.step
        if _waiting.get(run) == place:  # nobody has sent our last numbers
            run.log({})
            place += 1
        _waiting[run] = place
        run.log(row(step, metrics), commit=False)

    def alert(self, title: str, text: str | None = None) -> None:
        """Send an alert; wandb sends none within a minute of another of the same title."""
        run = self._run()
        if run is not None:
            title, text = titled(title, text)
            run.alert(title[:LONGEST_TITLE], text, level="WARN")


def active() -> Any:
    """The active run, or None."""
    import wandb  # noqa: PLC0415 - need not be installed

    return getattr(wandb, "run", None)  # the folder that wandb logs to can be imported too
