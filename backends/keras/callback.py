"""α while a Keras model is fitted: in its logs, and an alarm when the regime changes or α drifts."""

from __future__ import annotations

import logging
import math
from typing import Any

import keras

from wcdfa.backends.keras.optimizer import Monitored, found, read
from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Action, Alarms
from wcdfa.monitor.monitor import SMALLEST_WINDOW, WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.sinks.keys import METRICS
from wcdfa.support.numbers import whole


class WeightChangeCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes what a `monitored` optimizer records into a monitor, writes α into the logs of ``fit``, and raises alarms.

    >>> import numpy as np
    >>> from wcdfa.backends.keras.parameters import monitored
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(monitored("adam"), loss="mse")
    >>> callback = WeightChangeCallback()
    >>> x = np.random.default_rng(0).standard_normal((600, 3))
    >>> history = model.fit(x, x[:, :1], batch_size=1, verbose=0, callbacks=[callback])
    >>> callback.monitor.ready, sorted(history.history)[-4:]
    (True, ['wcdfa/regime', 'wcdfa/skipped', 'wcdfa/step', 'wcdfa/update_norm'])

    Put it before callbacks that read the logs, such as CSVLogger, TensorBoard or EarlyStopping; History and the progress bar come last
    by themselves. At the end of an epoch all of ``wcdfa/…`` is in the logs, NaN until there is an α, which EarlyStopping and
    ModelCheckpoint take for the best there is: give them ``start_from_epoch``, or monitor something else; between, in those of the batch
    after each time that it was taken. It does not make JAX or torch wait for a step, as most callbacks at the end of a batch do.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: one of the window of the optimizer, when ``fit`` begins; it is the attribute ``monitor`` from then on. Give the
        same callback or monitor to a later ``fit`` to go on; a `RollingWeightChangeDFA` is told of each epoch.
    every : int
        Batches after which the norms are taken, and at the end of each epoch.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes or α leaves its baseline, as `wcdfa.verdicts.drift.drift_alarms` tells: log it as a warning of the
        logger "wcdfa", give a `DriftWarning`, log it and stop training, call this with what is to be said, or nothing. All are kept in
        ``raised``, and what they go by in ``watch``.

    Raises
    ------
    ValueError, TypeError
        If an option is none. ``fit`` raises a ValueError if the optimizer is not monitored, or norms would be lost between two batches
        at which they are taken.
    """

    async_safe = True  # at the end of a batch, which may be in another thread, nothing is read but numbers that are on the host

    def __init__(self, monitor: WeightChangeDFA | None = None, *, every: int = 100, alarms: Action = "log") -> None:
        super().__init__()
        if monitor is not None and not isinstance(monitor, WeightChangeDFA):
            msg = f"monitor must be a WeightChangeDFA, got {type(monitor).__name__}; leave it out for one of 500 norms"
            raise TypeError(msg)
        self.monitor = monitor
        self.every = whole("every", every, "a whole number of batches")
        self._alarms = Alarms(alarms)
        self.raised = self._alarms.raised
        self._batch = self._waiting = 0  # batches of this epoch, and those since the last reading
        self._metrics: dict[str, float] = {}
        self._fresh: dict[str, float] | None = None  # to go into the logs of the next batch
        self.watch = Watch()

    def on_train_begin(self, logs: Any = None) -> None:
        """See that the optimizer records, and take what it has recorded before."""
        recorder = self._recorder()
        if self.monitor is None:
            self.monitor = WeightChangeDFA(window=max(recorder.window, SMALLEST_WINDOW))
        self._require_kept(recorder)
        self._batch = self._waiting = 0
        self._take(quiet=True)  # what was before this fit is a baseline, and no alarm of it
        self._fresh = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count batches anew, as Keras does."""
        self._batch = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Take the norms, where it is time: before a step, when nothing else uses the variables."""
        self._waiting += batch - self._batch
        self._batch = batch
        if self._waiting >= self.every:
            self._take()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write what is new into the logs."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None and logs is not None:
            logs.update(fresh)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Take the norms, and write all numbers into the logs."""
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
                f"{what}, and a callback cannot see single steps by itself: compile the model with optimizer=monitored(...), of "
                "wcdfa.backends.keras.parameters, around its optimizer"
            )
            raise ValueError(msg)
        return recorder

    def _require_kept(self, recorder: Monitored) -> None:
        """Norms come in at every batch at most, and are taken at the end of an epoch, and at most once in an execution of several steps."""
        together = getattr(self.model, "steps_per_execution", 1) or 1
        between = max(self.every, -(-self.every // together) * together)
        if epoch := self.params.get("steps"):
            between = min(between, -(-epoch // together) * together)
        between = -(-between // recorder.accumulated)
        if between > recorder.window:
            msg = (
                f"{between} steps lie between two readings (every={self.every}, steps_per_execution={together}), and the optimizer "
                f"keeps {recorder.window} norms: make it with monitored(..., window={between}) or more, or take them more often"
            )
            raise ValueError(msg)
        if self.monitor is not None and self.monitor.groups is not None and not recorder.has_groups:
            msg = "the monitor has groups=, and the optimizer records none: give groups to monitored(...) instead"
            raise ValueError(msg)

    def _take(self, *, quiet: bool = False) -> None:
        """Bring the monitor up to date, α by α."""
        assert self.monitor is not None
        self._waiting = 0
        reading = read(self.model)  # the attribute, which puts the values of JAX back into the variables
        drained = self.monitor.drained
        if drained and not self.monitor.continues(reading):
            logging.getLogger("wcdfa").warning(
                "the norms are not those that went before, of another optimizer or weights: α begins anew"
            )
        elif 0 < drained < reading.count - len(reading.norms):
            lost = reading.count - len(reading.norms) - drained
            logging.getLogger("wcdfa").warning("%d norms were overwritten before they were read, and are a gap", lost)
        for message in self.watch.update(self.monitor, reading):
            if not quiet and self._alarms(message):
                self.model.stop_training = True
        keys = [*METRICS, *(f"wcdfa/{name}/{group}" for group in reading.groups for name in ("update_norm", "alpha"))]
        self._metrics = self._fresh = dict.fromkeys(keys, math.nan) | self.monitor.metrics()
