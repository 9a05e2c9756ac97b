"""Weights & Biases: logs the numbers of a monitor to a run, on a step axis of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, SupportsInt
from weakref import WeakKeyDictionary

from wcdfa.sinks.base import CurrentRun, EachNorm, Metrics
from wcdfa.sinks.keys import STEP, row, titled
from wcdfa.support.extras import needed

if TYPE_CHECKING:
    from wandb import Run

NO_RUN = "no run of wandb is active, so nothing is logged: call wandb.init() first"
LONGEST_TITLE = 63
_waiting: WeakKeyDictionary[Run, int] = WeakKeyDictionary()  # for each run, the step of the row in which our last numbers wait


class WandbSink(EachNorm):
    """Puts the numbers of a monitor into the rows of a Weights & Biases run, against "wcdfa/step".

    For example::

        run = wandb.init()
        sink = WandbSink()
        monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert)

    They join the current row of the run, so your own ``wandb.log`` keeps its steps. They are sent with your row, with the next
    numbers, or when the run ends; the step of the training never becomes a ``step=`` of wandb. NaN, infinity and steps that go back
    are kept, and the summary of the run has the last value of each number.

    wandb writes in a process of its own, offline 32 kB at a time: if the training is killed before ``finish``, the last rows are lost. Use
    a `wcdfa.sinks.jsonl.JSONLinesSink` for numbers that must not be.

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

        wandb drops a row whose ``step=`` is below its own counter, which moves on with each row that is sent. So the step is
        logged as a number that serves as the axis, and the caller sends the row. If it were sent here, the caller's next ``step=`` could
        be below the counter, and that row would be lost.
        """
        run = self._run()
        if run is None:
            return
        if getattr(run, "_is_finished", False) is True:  # asking for its step would take half a minute; this raises at once
            run.log({})
        if run not in _waiting:
            run.define_metric(STEP)
            run.define_metric("wcdfa/*", step_metric=STEP)
        counted, numbers = _counted(run), row(int(step), metrics)
        place = run.step if counted is None else counted
        waits = _waiting.get(run) == place  # our last numbers have not been sent yet
        if waits and counted is None:
            run.log({})
        _waiting[run] = place + waits
        if waits and counted is not None:
            run.log(numbers, step=place + 1)  # sends the row that waits and begins the next, in one call
        else:
            run.log(numbers, commit=False)

    def alert(self, title: str, text: str | None = None) -> None:
        """Send an alert; wandb sends no second one with the same title within a minute."""
        run = self._run()
        if run is not None:
            title, text = titled(title, text)
            run.alert(title[:LONGEST_TITLE], text, level="WARN")


def _counted(run: Run) -> int | None:
    """The row of a run that is filled now, as far as the run itself counts, which spares asking the process that writes, 0.6 ms a call.

    None if others may write rows too: another process, or TensorBoard that is synced, where wandb takes no steps.
    """
    import wandb  # noqa: PLC0415 - need not be installed

    counted = getattr(run, "_local_step", None)
    alone = getattr(run, "_init_pid", None) == os.getpid() and getattr(run, "_is_attached", True) is False
    synced = getattr(wandb, "patched", {}).get("tensorboard")
    return counted if alone and not synced and isinstance(counted, int) else None


def active() -> Run | None:
    """The active run, or None."""
    with needed("wcdfa.sinks.wandb", "wcdfa[wandb]"):
        import wandb  # noqa: PLC0415 - need not be installed

    return getattr(wandb, "run", None)  # a folder named wandb, with logs, can be imported too and has no run
