"""What the callbacks of trainers have in common: the optimizers recorded while there is training, over restarts, and what is new."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wcdfa.backends.torch.hooks import Handle, attach, require_monitor, settings
from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Action, Alarms
from wcdfa.monitor.monitor import SMALLEST_WINDOW, WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.groups import Groups, checked


class Recording:
    """A monitor with the handle that feeds it, from the beginning of each training to its end.

    The parameters are those of the callbacks; raises as `attach` for what is none. Where parameters are sharded, all but
    `load_state_dict` is for all processes at once.
    """

    def __init__(
        self,
        monitor: WeightChangeDFA | None,
        *,
        window: int,
        mode: str,
        sample: float,
        groups: Groups,
        snapshot: str,
        every: int | None,
        alarms: Action,
    ) -> None:
        require_monitor(monitor, groups)
        self.monitor = monitor
        self.watch = Watch()
        self.alarms = Alarms(alarms)
        self.stop = False  # asked for by an alarm of this training
        self._aloud = True
        self._options: dict[str, Any] = {"mode": mode, "sample": sample, "groups": checked(groups), "snapshot": snapshot}
        window, every = settings(mode=mode, sample=sample, window=window, every=every, snapshot=snapshot)
        self._options |= {"window": window, "every": every}
        self._handle: Handle | None = None
        self._state: dict[str, Any] = {}  # while nothing is attached: of the training before, or of a checkpoint
        self.restored = False  # whether it is of a checkpoint, and the next training goes on from it
        self._told = 0
        self._read_at = 0

    def begin(self, optimizers: Sequence[Any], model: Any, *, step: int, aloud: bool) -> None:
        """Record these from now on; aloud on the process that says for all of them what is to be said."""
        if self.monitor is None:
            self.monitor = WeightChangeDFA(window=max(self._options["window"], SMALLEST_WINDOW))
        self.stop, self._aloud, self._told = False, aloud, 0
        self._handle = attach(*optimizers, monitor=self.monitor, model=model, alarm=self._alarm, **self._options)
        self.watch = self._handle.watch
        self.measure(step)
        if self.restored:
            self._restore()

    def measure(self, step: int) -> None:
        """Measure from the weights as they are now, at this step of the trainer."""
        if self._handle is not None:
            self._handle.rebase()
        self._read_at = step

    def due(self, step: int) -> bool:
        """Whether this step of the trainer is one after which the norms are read, and was not yet."""
        every = self._options["every"]
        return self._handle is not None and bool(step // every > self._read_at // every)

    def read(self, step: int) -> int:
        """Give the monitor all norms there are; returns how many steps of the optimizers were seen, at this step of the trainer."""
        if self._handle is None:
            return self._told
        self._read_at = step
        reading = self._handle.read()
        return int(reading.count + reading.skipped)

    def news(self, step: int) -> dict[str, float]:
        """The numbers of the monitor that are finite, if it has got norms since they were last asked for; else none."""
        seen = self.read(step)
        if seen == self._told or self.monitor is None:
            return {}
        self._told = seen
        return {name: number for name, number in self.monitor.metrics().items() if math.isfinite(number)}

    def end_epoch(self, epoch: float) -> None:
        """Tell a monitor that keeps α by epoch."""
        if isinstance(self.monitor, RollingWeightChangeDFA):
            self.monitor.end_epoch(epoch)

    def end(self) -> None:
        """Let go of the optimizers, at the end of training; and before another begins or loads, as it may have been interrupted."""
        if self._handle is None:
            return
        self._state = self.state_dict()
        self._handle.detach()
        self._handle = None

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint needs, in tensors, numbers, strings and lists; empty before there was any training."""
        if self._handle is None or self.monitor is None:
            return self._state
        handle = self._handle.state_dict()  # which brings the others up to date
        return {"handle": handle, "monitor": self.monitor.state_dict(), "watch": self.watch.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`: now, where there is training, else when it begins."""
        self._state, self.restored = dict(state), True
        if self._handle is not None:
            self._restore()

    def _restore(self) -> None:
        assert self._handle is not None
        assert self.monitor is not None
        self.restored = False
        try:
            self._handle.load_state_dict(self._state["handle"])
            self.monitor.load_state_dict(self._state["monitor"])
            self.watch.load_state_dict(self._state["watch"], self.monitor)
        except Exception as error:  # noqa: BLE001 - whatever a checkpoint holds, it must not end the training run
            logging.getLogger("wcdfa").warning("what the checkpoint holds of the norms does not fit, and begins anew: %s", error)

    def _alarm(self, message: str) -> None:
        self.stop |= self.alarms(message, aloud=self._aloud)
