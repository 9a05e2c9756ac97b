"""The recorder of torch: it keeps squares of ‖ΔW‖ in a ring on the device, and copies them from time to time to a ring on the host."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.hooks import RemovableHandle

from wcdfa.backends.torch.device_ring import DeviceRing, Places
from wcdfa.backends.torch.handle_state import HandleState, ring_of, state_of
from wcdfa.backends.torch.hyperparameters import described, learning_rate
from wcdfa.backends.torch.snapshot import Snapshot, moved
from wcdfa.backends.torch.whole_steps import WholeSteps
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.nulls.recognition import UNKNOWN, Known
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import extend, init
from wcdfa.recording.ring import read as read_ring

VARIANCE = "variance of the sample"  # an extra series in the host's ring, beside the groups


class Handle:
    """What `attach` returns: it reads the norms, carries them over a restart, and detaches from the optimizers.

    The hooks are lost when an optimizer is pickled or copied, and in a new process: attach again, and call `load_state_dict`. If
    parameters are sharded, `read`, `state_dict` and `detach` sum over the processes, so call them on all processes.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        snapshot: Snapshot,
        places: Callable[[Sequence[torch.Tensor]], Places],
        *,
        window: int,
        every: int,
        monitor: WeightChangeDFA | None,
        alarms: Alarms,
    ) -> None:
        self.window, self.every, self.monitor = window, every, monitor
        self.watch = Watch()
        self.raised, self._alarms = alarms.raised, alarms
        self._optimizers = [weakref.ref(optimizer, self._gone) for optimizer in optimizers]
        self._steps = WholeSteps(optimizers)
        self._snapshot, self._places_of = snapshot, places
        self._stepped: dict[
            int, float | torch.Tensor | None
        ] = {}  # optimizers that took a step in this round, and their learning rates
        self._held: dict[int, int] = {}  # number of parameters of each optimizer
        self._ring = DeviceRing(every)
        self._source: Known = UNKNOWN
        self._names: tuple[str, ...] = ()
        self._follow()
        self._host = init(window, (*self._names[1:], *((VARIANCE,) if snapshot.sample < 1 else ())), dtype=np.float32)
        self._hooks: list[RemovableHandle] = []
        for optimizer in optimizers:
            self._hooks.append(optimizer.register_step_pre_hook(torch.compiler.disable(self._before)))  # type: ignore[no-untyped-call]
            self._hooks.append(optimizer.register_step_post_hook(torch.compiler.disable(self._after)))  # type: ignore[no-untyped-call]

    @property
    def attached(self) -> bool:
        """Whether the handle still records."""
        return bool(self._hooks) and any(True for _ in self._live())

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups that are recorded besides the group of all parameters."""
        return self._names[1:]

    def read(self) -> Reading:
        """Copy the norms recorded so far to the host. If parameters are sharded, call it on all processes."""
        self._steps.forget()
        self._drain()
        self._arrive(wait=True)
        return self._reading()

    def record(self) -> None:
        """Record a step by hand: if no hooks are called (a replayed CUDA graph), or one optimizer took no step in this round."""
        if not self.attached:
            msg = "this handle is detached, or its optimizers are gone, so it has no parameters any more: attach again"
            raise RuntimeError(msg)
        self._steps.forget()
        self._close()

    def rebase(self) -> None:
        """Measure from the current weights. Call it after loading or setting weights, which is not a step."""
        self._steps.forget()
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.rebase()

    def detach(self) -> None:
        """Remove the hooks and free the memory of the snapshot. The recorded norms stay."""
        if not self._hooks:
            return
        self.read()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._snapshot.follow(())

    def state_dict(self) -> HandleState:
        """The recorded norms, in tensors of fixed shapes, numbers and strings, for ``torch.save`` and ``torch.distributed.checkpoint``.

        It is the same on every process, for any number of processes. If parameters are sharded, call it on all of them, like `read`.
        It does not hold the weights that changes are measured from; those are in the model.
        """
        self.read()
        return state_of(self._host)

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from a `state_dict`, and measure from the current weights: load the model first.

        Raises
        ------
        ValueError
            If the state has another version, window or groups, or is not the state of a handle. Nothing is changed then.
        """
        self._host = ring_of(state, self._host)
        self._ring.clear()
        self._stepped.clear()
        self.rebase()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, because a handle is useless without its optimizers."""
        msg = "a handle cannot be pickled or copied: save its state_dict(), attach again, and load_state_dict()"
        raise TypeError(msg)

    def _live(self) -> Iterator[torch.optim.Optimizer]:
        return (optimizer for ref in self._optimizers if (optimizer := ref()) is not None)

    def _gone(self, _: weakref.ref[torch.optim.Optimizer]) -> None:
        """Called when an optimizer was deleted: drop its parameters."""
        self._held = dict.fromkeys(self._held, -1)  # so that the parameters of the others are checked again before their next step
        if next(self._live(), None) is None:
            self._snapshot.follow(())

    def _before(
        self, optimizer: torch.optim.Optimizer, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        """Before a step: an optimizer that steps again ends a round, and parameters that are new or changed are taken in."""
        outermost, marked = self._steps.begin(optimizer, kwargs)
        if outermost:
            self._begin_step(optimizer)
        return None if marked is kwargs else (args, marked)

    def _begin_step(self, optimizer: torch.optim.Optimizer) -> None:
        if id(optimizer) in self._stepped:
            self._close()
        own = _parameters(optimizer)
        if len(own) != self._held.get(id(optimizer)) or not self._snapshot.fits(own):
            self._follow()

    def _after(self, optimizer: torch.optim.Optimizer, _: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """After a step: a round ends when all optimizers have taken one."""
        if not self._steps.end(optimizer, kwargs) or (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()):
            return  # replays of a captured graph call no hooks, and are recorded by hand
        self._stepped[id(optimizer)] = learning_rate(optimizer)
        if all(id(each) in self._stepped for each in self._live()):
            self._close()

    def _follow(self) -> None:
        """Measure the parameters that the optimizers hold now."""
        self._drain()  # the rows so far belong to the earlier parameters
        held = {id(each): _parameters(each) for each in self._live()}
        self._held = {key: len(own) for key, own in held.items()}
        tensors = list({id(part): part for own in held.values() for part in own}.values())
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.follow(tensors)
        places = self._places_of(tensors)
        if not self._names:
            self._names = tuple(places)
        self._ring.lay_out(self._snapshot.parts, places, self._names)

    def _close(self) -> None:
        """End a round: record how far the parameters have moved."""
        stepped = [each for each in self._live() if id(each) in self._stepped]
        rates = [self._stepped[id(each)] for each in stepped] or [learning_rate(each) for each in self._live()]
        self._stepped.clear()
        self._arrive(wait=False)
        with torch.inference_mode(False), torch.no_grad():
            full = self._ring.write(moved(self._snapshot.parts), rates[0] if rates else None)
        if full:
            self._drain()
            self._arrive(wait=False)

    def _drain(self) -> None:
        """Send the rows in the ring to the host."""
        if not self._ring.recorded:
            return
        self._arrive(wait=True)
        self._ring.send()
        told = [described(optimizer) for optimizer in self._live()]
        if told:
            self._source = told[0] if all(each == told[0] for each in told) else UNKNOWN

    def _arrive(self, *, wait: bool) -> None:
        """Take the rows that have arrived on the host; with `wait`, wait for them."""
        rows = self._ring.taken(wait=wait)
        if rows is not None:
            self._extend(rows)
            self._feed()

    def _extend(self, rows: npt.NDArray[np.float64]) -> None:
        """Add rows of Σ|ΔW|² of each group, the variance of the first, and the learning rate."""
        fresh = rows[rows[:, 0] != 0]
        if len(fresh):
            with np.errstate(all="ignore"):
                columns = dict(zip(self._names, np.sqrt(fresh).T, strict=False))
                if VARIANCE in self._host.wcdfa_norms:  # relative variance of the norm; the row has the variance of the square
                    columns[VARIANCE] = fresh[:, -2] / (2 * fresh[:, 0]) ** 2
            count = int(self._host.wcdfa_count)
            self._host = extend(self._host, columns, fresh[:, -1], np.arange(count, count + len(fresh)) + 1)
        self._host = self._host._replace(wcdfa_skipped=self._host.wcdfa_skipped + np.int32(len(rows) - len(fresh)))

    def _feed(self) -> None:
        """Give the monitor the new norms, and send the messages that result."""
        if self.monitor is None:
            return
        reading = self._reading()
        if self.monitor.drained and not self.monitor.continues(reading):
            logging.getLogger("wcdfa").warning(
                "the norms do not continue those that the monitor had, and α starts over; after a restart load the state_dict of "
                "the handle too"
            )
        for message in self.watch.update(self.monitor, reading):
            self._alarms(message)

    def _reading(self) -> Reading:
        optimizer, hyperparameters = self._source
        reading = read_ring(self._host)._replace(optimizer=optimizer, hyperparameters=hyperparameters)
        groups = dict(reading.groups)
        variance = groups.pop(VARIANCE, None)
        return reading if variance is None else reading._replace(groups=groups, stderr=np.sqrt(variance))


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [part for group in optimizer.param_groups for part in group["params"]]
