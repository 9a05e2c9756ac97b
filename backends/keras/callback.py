"""The Keras callback: writes α into the logs of ``fit``, with messages when the regime changes or α drifts."""

from __future__ import annotations

import logging
import math

import keras

from wcdfa.backends.base import monitor_of, require_one_source
from wcdfa.backends.keras.optimizer import found, read
from wcdfa.backends.keras.recorder import Monitored
from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Action, Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.sinks.keys import DIRECTION, EXPECTED, METRICS
from wcdfa.support.numbers import whole


class WeightChangeCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives the norms of a `monitored` optimizer to a monitor, writes α into the logs of ``fit``, and sends messages about changes.

    >>> import numpy as np
    >>> from wcdfa.backends.keras.parameters import monitored
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(monitored("adam"), loss="mse")
    >>> callback = WeightChangeCallback()
    >>> x = np.random.default_rng(0).standard_normal((600, 3))
    >>> history = model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[callback])
    >>> callback.monitor.ready, {"wcdfa/alpha", "wcdfa/cosine", "wcdfa/update_norm"} <= set(history.history)
    (True, True)

    Put it before callbacks that read the logs, such as CSVLogger, TensorBoard or EarlyStopping; History and the progress bar always come
    last. All ``wcdfa/…`` metrics are in the logs of each epoch, and of the batch after the norms were read. They are NaN until there is
    an α. EarlyStopping and ModelCheckpoint take NaN for the best value: give them ``start_from_epoch``, or let them monitor something
    else. Unlike most callbacks, this one does not make JAX and torch wait at the end of a batch.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: when ``fit`` begins, a new one is made with the window of the optimizer; it is then the attribute ``monitor``. To go
        on, give the same callback or monitor to a later ``fit``. For a `RollingWeightChangeDFA`, the callback calls `end_epoch`.
    every : int
        The norms are read after this many batches, and at the end of each epoch.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes, α leaves its baseline, or the diagnosis finds something: see `wcdfa.monitor.MessageAction`.
        All messages are kept in ``raised``; ``watch`` holds the baseline and the regime that they are based on. With "stop", only
        messages about α stop the training; those of the diagnosis are logged.
    **monitor_options
        Options of the `WeightChangeDFA` that is made if no monitor is given.

    Raises
    ------
    ValueError, TypeError
        If an option is unknown. ``fit`` raises a ValueError if the optimizer is not monitored, or if it would overwrite norms before they
        are read.
    """

    async_safe = True  # the end of a batch may run in another thread: it reads only numbers that are on the host

    def __init__(
        self, monitor: WeightChangeDFA | None = None, *, every: int = 100, alarms: Action = "log", **monitor_options: object
    ) -> None:
        super().__init__()
        require_one_source(monitor, monitor_options)
        self.monitor, self._monitor_options = monitor, monitor_options
        self.every = whole("every", every, "a whole number of batches")
        self._alarms = Alarms(alarms)
        self.raised = self._alarms.raised
        self._batch = self._waiting = 0  # batches in this epoch, and since the last reading
        self._metrics: dict[str, float] = {}
        self._fresh: dict[str, float] | None = None  # for the logs of the next batch
        self.watch = Watch()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Find the recorder, and read what it recorded before this ``fit``."""
        recorder = self._recorder()
        if self.monitor is None:
            self.monitor = monitor_of(recorder.window, self._monitor_options)
        self._require_kept(recorder)
        self._batch = self._waiting = 0
        self._take(quiet=True)  # earlier norms belong to the baseline, and give no messages
        self._fresh = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start counting batches again, as Keras does."""
        self._batch = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Read the norms if it is time. This is done before a step, when nothing else uses the variables."""
        self._waiting += batch - self._batch
        self._batch = batch
        if self._waiting >= self.every:
            self._take()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Write the new metrics into the logs."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None and logs is not None:
            logs.update(fresh)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Read the norms, and write all numbers into the logs."""
        self._take()
        self._fresh = None
        if isinstance(self.monitor, RollingWeightChangeDFA):
            self.monitor.end_epoch(epoch)
        if logs is not None:
            logs.update(self._metrics)

    def _recorder(self) -> Monitored:
        optimizer = getattr(self.model, "optimizer", None)
        recorder = found(optimizer)
        if recorder is None:
            what = (
                "the model has no optimizer" if optimizer is None else f"the optimizer, {type(optimizer).__name__}, records nothing"
            )
            msg = (
                f"{what}, and a callback cannot see single steps by itself: compile the model with optimizer=monitored(...), from "
                "wcdfa.backends.keras.parameters, around its optimizer"
            )
            raise ValueError(msg)
        return recorder

    def _require_kept(self, recorder: Monitored) -> None:
        """Raise a ValueError if the optimizer would overwrite norms before they are read.

        They are read at the end of each epoch, and at most once per execution of several steps.
        """
        together = getattr(self.model, "steps_per_execution", 1) or 1
        between = max(self.every, -(-self.every // together) * together)
        if epoch := self.params.get("steps"):
            between = min(between, -(-epoch // together) * together)
        between = -(-between // recorder.accumulated)
        if between > recorder.window:
            msg = (
                f"{between} steps lie between two readings (every={self.every}, steps_per_execution={together}), and the optimizer "
                f"keeps {recorder.window} norms: make it with monitored(..., window={between}) or more, or read them more often"
            )
            raise ValueError(msg)
        if self.monitor is not None and self.monitor.groups is not None and not recorder.has_groups:
            msg = "the monitor has groups=, and the optimizer records none: give groups to monitored(...) instead"
            raise ValueError(msg)

    def _take(self, *, quiet: bool = False) -> None:
        """Update the monitor with all new norms, so that the watch sees each α."""
        assert self.monitor is not None
        self._waiting = 0
        reading = read(self.model)  # self.model is a property that puts the values of JAX back into the variables
        drained = self.monitor.drained
        if drained and not self.monitor.continues(reading):
            logging.getLogger("wcdfa").warning(
                "the norms do not continue the earlier ones (another optimizer, or other weights): α starts over"
            )
        elif 0 < drained < reading.count - len(reading.norms):
            lost = reading.count - len(reading.norms) - drained
            logging.getLogger("wcdfa").warning("%d norms were overwritten before they were read, and are a gap", lost)
        for message in self.watch.update(self.monitor, reading):
            if not quiet and self._alarms(message):
                self.model.stop_training = True
        known = {"wcdfa/lr": reading.lr, "wcdfa/gradient_norm": reading.gradients}
        keys = [
            *METRICS,
            *(key for key, values in known.items() if values is not None),
            *(DIRECTION if reading.cosine is not None else ()),
            *(EXPECTED if reading.optimizer is not None else ()),
            *(f"wcdfa/{name}/{group}" for group in reading.groups for name in ("update_norm", "alpha")),
            *(f"wcdfa/cosine/{group}" for group in reading.cosines),
        ]
        self._metrics = self._fresh = dict.fromkeys(keys, math.nan) | self.monitor.metrics()
