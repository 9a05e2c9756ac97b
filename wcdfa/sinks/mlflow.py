"""MLflow: logs the numbers of a monitor as metrics of a run."""

from __future__ import annotations

import functools
import itertools
import operator
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import SupportsInt

from wcdfa.support.extras import needed

with needed("wcdfa.sinks.mlflow", "wcdfa[mlflow]"):
    import mlflow
    from mlflow.entities import Metric

from wcdfa.sinks.base import Closing, CurrentRun, Metrics
from wcdfa.sinks.buffer import Buffer
from wcdfa.sinks.keys import message, row

MOST = 1000  # metrics in a batch, which is MLflow's limit
LONGEST_TAG = 5000  # characters
Waiting = tuple[Callable[[list[Metric]], object], Metric]  # a function that writes metrics of a run, and one metric


class MLflowSink(Closing):
    """Logs the numbers of a monitor to a run of MLflow, many steps at a time, because one at a time would cost milliseconds each.

    For example::

        with mlflow.start_run(), MLflowSink() as sink:
            monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
            handle = attach(optimizer, monitor=monitor, alarm=sink.alert)
            ...

    Numbers wait until there are 1,000 of them, or for `seconds`; each keeps its own time. They are also written by `close`, at the end of
    a with statement, and when the process ends. A process that is killed, also by SIGTERM unless it handles that,
    loses the waiting numbers. Numbers that cannot be written, for example because the server is away, wait too, at most 100,000. A forked
    child, or one that gets the sink pickled, has none waiting: they stay with its parent. Steps that go back are kept: the latest in
    time is the last of its step. NaN is kept; MLflow stores infinity as the largest number.

    Parameters
    ----------
    run_id : str, optional
        Default: the run that is active at each call, in the thread that makes it. If no run is active, nothing is logged, and a warning
        says so once; no run is started.
    seconds : float
        How long numbers wait at least; they are written when the next ones come.
    """

    def __init__(self, run_id: str | None = None, *, seconds: float = 10.0) -> None:
        self._run = CurrentRun(run_id, _active, "no run of MLflow is active, so nothing is logged: call mlflow.start_run() first")
        self._buffer: Buffer[Waiting] = Buffer(_write, MOST, seconds)
        self._seconds = seconds
        self._target: tuple[str, Callable[[list[Metric]], object]] | None = None

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Keep the metrics of a step, after writing those that are due."""
        run_id = self._run()
        if run_id is None:
            return
        if self._target is None or self._target[0] != run_id:  # the store of runs may change, so each run keeps its client
            self._target = run_id, functools.partial(mlflow.MlflowClient().log_batch, run_id, synchronous=True)
        write, now = self._target[1], int(1000 * time.time())
        numbers = row(int(step), metrics).items()
        self._buffer.add([(write, Metric(key, value, now, int(step))) for key, value in numbers])

    def alert(self, title: str, text: str | None = None) -> None:
        """Set a tag of the run, named by the time, because MLflow has no alerts."""
        run_id = self._run()
        if run_id is not None:
            tag = f"wcdfa.alert.{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
            mlflow.MlflowClient().set_tag(run_id, tag, message(title, text)[:LONGEST_TAG])

    def finish(self) -> None:
        """Write the waiting numbers; the run goes on."""
        self._buffer.close()

    def __reduce__(self) -> tuple[Callable[..., MLflowSink], tuple[str | None]]:
        """A copy, for example in another process; the numbers that wait stay with this one."""
        return functools.partial(type(self), seconds=self._seconds), (self._run.given,)


def log_rows(
    client: mlflow.MlflowClient,
    run_id: str,
    rows: Sequence[tuple[int, Metrics]],
    prefix: str = "",
    *,
    synchronous: bool | None = None,
) -> None:
    """Log the numbers of many steps, under keys with this prefix, in as few calls as MLflow allows."""
    now = int(1000 * time.time())
    found = [Metric(prefix + key, value, now, step) for step, metrics in rows for key, value in row(step, metrics).items()]
    for first in range(0, len(found), MOST):
        client.log_batch(run_id=run_id, metrics=found[first : first + MOST], synchronous=synchronous)


def _active() -> str | None:
    run = mlflow.active_run()
    return None if run is None else run.info.run_id


def _write(waiting: list[Waiting]) -> None:
    """Write metrics, run by run. If a run fails, its metrics wait on, and the others are still written."""
    kept, failure = [], None
    for log_batch, group in itertools.groupby(waiting, operator.itemgetter(0)):
        pairs = list(group)
        try:
            while pairs:
                log_batch([metric for _, metric in pairs[:MOST]])
                del pairs[:MOST]
        except Exception as error:  # noqa: BLE001 - raised below
            kept += pairs
            failure = error
    waiting[:] = kept
    if failure is not None:
        raise failure
