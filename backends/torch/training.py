"""The part that the callbacks of Lightning and transformers share: it records optimizers during training, and across restarts."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

import torch

from wcdfa.backends.base import monitor_of, require_one_source
from wcdfa.backends.torch.handle import Handle
from wcdfa.backends.torch.handle_state import HandleState
from wcdfa.backends.torch.hooks import attach, require_monitor, require_unattached
from wcdfa.backends.torch.settings import Settings
from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Action, Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.step_rows import StepRows
from wcdfa.monitor.watch import Watch


class RecordingState(TypedDict, total=False):
    """The state for a checkpoint, in tensors, numbers, strings and lists; empty before the first training."""

    handle: HandleState
    monitor: dict[str, object]
    watch: dict[str, object]


class Recording:
    """A monitor, and the handle that feeds it from the beginning of a training to its end.

    If parameters are sharded, call everything but `load_state_dict` on all processes at once.

    Parameters
    ----------
    monitor : WeightChangeDFA or None
        With None, one is made when training begins.
    settings : Settings
        The settings of `attach`.
    alarms : "log", "warn", "stop", callable or None
        As in `wcdfa.monitor.MessageAction`.
    monitor_options : dict
        Options for a monitor that is made here.
    each : bool
        Keep the numbers of each step for `rows`.
    """

    def __init__(
        self,
        monitor: WeightChangeDFA | None,
        settings: Settings,
        alarms: Action,
        monitor_options: dict[str, object],
        *,
        each: bool = False,
    ) -> None:
        require_one_source(monitor, monitor_options)
        require_monitor(monitor, settings.groups)
        self.monitor = monitor
        self.watch = Watch()
        self.alarms = Alarms(alarms)
        self.stop = False  # whether a message has asked to stop this training
        self.restored = False  # whether a checkpoint was loaded from which the next training goes on
        self._settings, self._monitor_options = settings, monitor_options
        self._aloud = True
        self._handle: Handle | None = None
        self._state: RecordingState = {}  # state of the training before, or from a checkpoint, while nothing is attached
        self._told = 0
        self._read_at = 0
        self._each, self._steps = each, StepRows()

    def begin(self, optimizers: Sequence[object], model: torch.nn.Module | None, *, step: int, aloud: bool) -> None:
        """Record these optimizers from now on. `aloud` is true on the one process that acts on messages."""
        if self.monitor is None:
            self.monitor = monitor_of(self._settings.window, self._monitor_options)
        self.stop, self._aloud, self._told = False, aloud, 0
        require_unattached(optimizers)  # a handle of the user's must not end with this training
        self._steps = StepRows()
        self._handle = attach(*optimizers, monitor=self.monitor, model=model, alarm=self._alarm, **vars(self._settings))
        if self.watch.live is None:  # a user has ended the diagnosis
            self._handle.watch.live = None
        self.watch = self._handle.watch
        self.measure(step)
        if self.restored:
            self._restore()

    def measure(self, step: int) -> None:
        """Measure from the current weights, at this step of the trainer."""
        if self._handle is not None:
            self._handle.rebase()
        self._read_at = step

    def due(self, step: int) -> bool:
        """Whether the norms should be read after this step of the trainer, and have not been read yet."""
        every = self._settings.steps_between_copies
        return self._handle is not None and bool(step // every > self._read_at // every)

    def read(self, step: int) -> int:
        """Give the monitor all norms so far, at this step of the trainer. Returns how many steps of the optimizers were seen."""
        if self._handle is None:
            return self._told
        before, self._read_at = self._read_at, step
        try:
            reading = self._handle.read()
        except RuntimeError as error:
            self._lose(error)
            return self._told
        if self._each:
            self._steps.take(reading, before, step)
        return int(reading.count + reading.skipped)

    def news(self, step: int) -> dict[str, float]:
        """The finite metrics of the monitor, if it received norms since the last call; else empty."""
        seen = self.read(step)
        if seen == self._told or self.monitor is None:
            return {}
        self._told = seen
        return {name: number for name, number in self.monitor.metrics().items() if math.isfinite(number)}

    def rows(self) -> list[tuple[int, dict[str, float]]]:
        """The numbers of each step that was read since the last call, with the step of the trainer, for a log."""
        return self._steps.taken()

    def end_epoch(self, epoch: float) -> None:
        """End the epoch of a monitor that keeps α by epoch."""
        if isinstance(self.monitor, RollingWeightChangeDFA):
            self.monitor.end_epoch(epoch)

    def end(self) -> None:
        """Detach from the optimizers. Called at the end of training, and before the next in case the last was interrupted."""
        self._state = self.state_dict()
        if self._handle is not None:
            self._handle.release()
        self._handle = None

    def state_dict(self) -> RecordingState:
        """The state for a checkpoint."""
        if self._handle is None or self.monitor is None:
            return self._state
        try:
            handle = self._handle.state_dict()  # first, because it brings the monitor and the watch up to date
        except RuntimeError as error:
            self._lose(error)
            return self._state
        return {"handle": handle, "monitor": self.monitor.state_dict(), "watch": self.watch.state_dict()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from a `state_dict`: at once during training, else when training begins."""
        self._state, self.restored = cast(RecordingState, dict(state)), True
        if self._handle is not None:
            self._restore()

    def adopt(self, state: RecordingState, messages: Sequence[str]) -> None:
        """Take over what another process has recorded, in which training has begun and ended."""
        self.alarms.messages[:] = messages
        self._state = state
        if not state:
            return
        if self.monitor is None:
            self.monitor = monitor_of(self._settings.window, self._monitor_options)
        self.monitor.load_state_dict(state["monitor"])
        self.watch.load_state_dict(state["watch"], self.monitor)

    def _restore(self) -> None:
        assert self._handle is not None
        assert self.monitor is not None
        self.restored = False
        try:
            self._handle.load_state_dict(self._state["handle"])
            norms, skipped = map(int, self._state["handle"]["counts"])
            self._steps, self._told = StepRows(norms), norms + skipped  # they were logged before the restart
            self.monitor.load_state_dict(self._state["monitor"])
            self.watch.load_state_dict(self._state["watch"], self.monitor)
        except Exception as error:  # noqa: BLE001 - no checkpoint may end the training run
            logging.getLogger("wcdfa").warning("the norms in the checkpoint do not fit, and α starts over: %s", error)

    def _lose(self, error: RuntimeError) -> None:
        """Record no more, because another process is gone: to wait for it again at each read would hold up what is left of the run."""
        logging.getLogger("wcdfa").warning("no more norms are recorded, and checkpoints hold none from now on: %s", error)
        assert self._handle is not None
        self._handle.release()
        self._handle, self._state = None, {}

    def _alarm(self, message: str) -> None:
        self.stop |= self.alarms(message, aloud=self._aloud)
