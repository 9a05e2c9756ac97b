"""MLflow: the numbers of a monitor as metrics of a run."""

from __future__ import annotations

import functools
import itertools
import operator
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import mlflow
from mlflow.entities import Metric

from wcdfa.sinks.base import Closing, CurrentRun
from wcdfa.sinks.buffer import Buffer
from wcdfa.sinks.keys import message, row

MOST = 1000  # metrics in a batch, which is MLflow's limit
LONGEST_TAG = 5000


class MLflowSink(Closing):
    """Logs the numbers of a monitor to a run of MLflow, many steps together: one by one they cost milliseconds each.

    For example::

        with mlflow.start_run(), MLflowSink() as sink:
            monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
            handle = attach(optimizer, monitor=monitor, alarm=sink.alert)
            ...

    At most 1,000 numbers wait to be written, or those of `seconds`, each with the time at which it came. They are written by
    `close`, at the end of a with statement, or else when the process ends; a process that is killed loses them. Steps that go back are
    kept: the last of a step is that of the latest time. NaN is held as it is, infinity as the largest number there is.

    Parameters
    ----------
    run_id : str, optional
        Default: the run that is active at each call, in the thread that makes it. Where there is none, nothing is logged, and that is
        said once: none is begun.
    seconds : float
        Write what waits when it is that old, as soon as the next numbers come.
    """

    def __init__(self, run_id: str | None = None, *, seconds: float = 10.0) -> None:
        self._run = CurrentRun(run_id, _active, "no run of MLflow is active, and nothing is logged: call mlflow.start_run() first")
        self._buffer = Buffer(_write, MOST, seconds)
        self._target: Any = None

    def __call__(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Keep them, and before it write those that are due."""
        run_id = self._run()
        if run_id is None:
            return
        if self._target is None or self._target.args != (run_id,):  # where runs are kept may be another place later
            self._target = functools.partial(mlflow.MlflowClient().log_batch, run_id, synchronous=True)
        now = int(1000 * time.time())
        numbers = row(int(step), metrics).items()
        self._buffer.add([(self._target, Metric(key, value, now, int(step))) for key, value in numbers])

    def alert(self, title: str, text: str | None = None) -> None:
        """Set a tag of the run, named by the time: MLflow has no alerts."""
        run_id = self._run()
        if run_id is not None:
            tag = f"wcdfa.alert.{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
            mlflow.MlflowClient().set_tag(run_id, tag, message(title, text)[:LONGEST_TAG])

    def close(self) -> None:
        """Write what waits; the run goes on."""
        self._buffer.close()


def _active() -> str | None:
    run = mlflow.active_run()
    return None if run is None else run.info.run_id


def _write(waiting: list[Any]) -> None:
    """Write metrics, run by run; those of a run that takes none wait on, and do not hold up the others."""
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
