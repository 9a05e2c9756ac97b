"""The recorder of torch: it keeps squares of ‖ΔW‖ in a ring on the device, and copies them from time to time to a ring on the host."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.hooks import RemovableHandle

from wcdfa.backends.torch.alone import alone
from wcdfa.backends.torch.between_steps import BetweenSteps
from wcdfa.backends.torch.device_ring import DeviceRing
from wcdfa.backends.torch.direction import Direction
from wcdfa.backends.torch.direction_rows import direction_columns
from wcdfa.backends.torch.gradients import Gradients, by_owner
from wcdfa.backends.torch.grouping import Grouping
from wcdfa.backends.torch.handle_state import VARIANCE, HandleState, before_of, last_of, ring_of, state_of, with_groups
from wcdfa.backends.torch.hyperparameters import StepOptions, recognition_of, step_options, steps_taken
from wcdfa.backends.torch.loads import Loads
from wcdfa.backends.torch.parts import keep
from wcdfa.backends.torch.rows import BESIDE, columns_of
from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.snapshot import Snapshot, Totals
from wcdfa.backends.torch.unseen import Unseen
from wcdfa.backends.torch.whole_steps import WholeSteps
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.nulls.recognition import Recognition, together
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import extend, init
from wcdfa.recording.ring import read as read_ring
from wcdfa.recording.side_series import GRADIENTS, direction_series, is_side_series
from wcdfa.support.text import first_few, several

SOON = 100  # steps after which it is said that none moves anything


class Handle:
    """What `attach` returns: it reads the norms, carries them over a restart, and detaches from the optimizers.

    The hooks are lost when an optimizer is pickled or copied, and in a new process: attach again, and call `load_state_dict`. If
    parameters are sharded, `read`, `state_dict` and `detach` sum over the processes, so call them on all processes.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        snapshot: Snapshot,
        grouping: Grouping,
        settings: Settings,
        seed: int,
        *,
        monitor: WeightChangeDFA | None,
        alarms: Alarms,
    ) -> None:
        self.settings, self.seed, self.grouping = settings, seed, grouping  # here, so that they live no longer than the handle
        self.window, self.every, self.monitor = settings.window, settings.steps_between_copies, monitor
        self.lock = threading.RLock()  # a thread may read while another trains
        self.watch = Watch()
        self.raised, self._alarms = alarms.raised, alarms
        self._optimizers = [weakref.ref(optimizer, self._gone) for optimizer in optimizers]
        self._steps, self._begun = WholeSteps(optimizers), set[int]()  # the second: optimizers whose step has not ended
        self._unseen = Unseen(optimizers, patience=min(self.window, max(self.every, SOON)))
        self._between, self._loads = BetweenSteps(), Loads()
        self._rounds = 0  # steps seen
        self._captured = False  # whether it was said that a step is captured
        self._snapshot = snapshot
        self._stepped: dict[int, StepOptions] = {}  # optimizers that took a step in this round, and what they took it with
        self._gradients = Gradients() if settings.gradients else None
        self._held: dict[int, int] = {}  # number of parameters of each optimizer
        self._direction = direction = Direction(settings.coordinates, seed) if settings.direction else None
        self._ring = DeviceRing(self.every, self.window, direction)
        self._waiting: list[dict[str, object]] = []  # momentum and betas of each row on the device
        self._sent: list[dict[str, object]] = []  # of the rows that are being copied
        self._source = Recognition(None, {})
        self._earlier: int | None = None  # steps that the optimizers had taken before the first norm
        self._began = False  # whether that has been found out
        self._names = grouping.names
        self._follow()
        series = [
            *self._names[1:],
            *([VARIANCE] if snapshot.sample < 1 else []),
            *([GRADIENTS] if settings.gradients else []),
            *BESIDE,
        ]
        if direction is not None:
            series += direction_series(self._names[1:])
        self._host = init(self.window, series, coordinates=0 if direction is None else direction.kept, dtype=np.float32)
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

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers that are recorded, as far as they still exist."""
        return list(self._live())

    @property
    def steps(self) -> int:
        """How many steps of the optimizers were seen, those before a loaded state included. Nothing is waited for."""
        return self._rounds

    def __repr__(self) -> str:
        """Which optimizers it records, how many steps it has seen, and the groups."""
        kinds = " and ".join(type(each).__name__ for each in self._live()) or "no optimizer"
        groups = [f"groups {first_few(self.group_names)}"] if self.group_names else []
        state = [] if self.attached else ["detached"]
        return f"Handle({', '.join([kinds, several(self.steps, 'step', 'steps'), f'window {self.window}', *groups, *state])})"

    @alone
    def feed(self, monitor: WeightChangeDFA) -> None:
        """Give the norms, those so far included, to another monitor from now on."""
        self.monitor, self.watch = monitor, Watch()
        self._feed()

    def call(self, alarms: Alarms) -> None:
        """Send the messages elsewhere from now on."""
        self._alarms = alarms
        self.raised = alarms.raised

    def follow(self, model: torch.nn.Module) -> None:
        """Notice it if this model loads weights."""
        self._loads.watch(model)

    @alone
    def read(self) -> Reading:
        """Copy the norms recorded so far to the host. If parameters are sharded, call it on all processes."""
        self._forget()
        for optimizer in self._live() if self._hooks and self._ring.sharded else ():
            self._keep_up(optimizer)  # so that all processes know the same kinds of sharding, whatever steps they took
        if self._unseen.waiting:
            self._unseen.asked(self._snapshot.distance())
        self._drain(on_all=True)
        self._arrive(wait=True)
        return self._reading()

    @alone
    def record(self) -> None:
        """Record a step by hand: if no hooks are called (a replayed CUDA graph), or one optimizer took no step in this round."""
        if not self.attached:
            msg = "this handle is detached, or its optimizers are gone, so it has no parameters any more: attach again"
            raise RuntimeError(msg)
        self._forget()
        self._unseen.seen()
        if self._gradients is not None and not self._stepped:
            for optimizer in self._live():
                self._gradients.measure(optimizer)
        self._close()

    @alone
    def rebase(self) -> None:
        """Measure from the current weights. Call it after loading or setting weights, which is not a step."""
        self._forget()
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.rebase()
            if self._direction is not None:
                self._direction.rebase(self._snapshot)

    @alone
    def detach(self) -> None:
        """Remove the hooks and free the memory of the snapshot. The recorded norms stay. If the last read fails, they are removed too."""
        if not self._hooks:
            return
        try:
            self.read()
        finally:
            self.release()

    @alone
    def release(self) -> None:
        """`detach` without a last read: if another process is gone, with which the norms would be summed."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._ring.end()
        self._unseen.forget()
        self._loads.forget()
        self._drop_parameters()

    @alone
    def state_dict(self) -> HandleState:
        """The recorded norms, in tensors of fixed shapes, numbers and strings, for ``torch.save`` and ``torch.distributed.checkpoint``.

        It is the same on every process, for any number of processes. If parameters are sharded, call it on all of them, like `read`.
        It does not hold the weights that changes are measured from; those are in the model.
        """
        self.read()
        return state_of(self._host, self._earlier, None if self._direction is None else self._direction.state())

    @alone
    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Go on from a `state_dict`, and measure from the current weights: load the model first.

        Raises
        ------
        ValueError
            If the state has another version, window or groups, or is not the state of a handle. Nothing is changed then.
        """
        self._host = ring_of(state, self._host, grows=self.grouping.grows)
        self._earlier = before_of(state)
        self._began = self._earlier is not None
        self._rounds = int(self._host.wcdfa_count) + int(self._host.wcdfa_skipped)
        self._ring.clear()
        self._stepped.clear()
        self._waiting, self._sent = [], []
        self._have_groups(name for name in self._host.wcdfa_norms if not is_side_series(name) and name != VARIANCE)
        self._follow()
        self.rebase()
        if self._direction is not None:
            self._direction.load(last_of(state))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, because a handle is useless without its optimizers."""
        msg = "a handle cannot be pickled or copied: save its state_dict(), attach again, and load_state_dict()"
        raise TypeError(msg)

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the norms that are on the host."""
        from wcdfa.backends.torch.handle_card import handle_card  # noqa: PLC0415 - only notebooks need it

        names = [type(optimizer).__name__ for optimizer in self._live()] if self._hooks else []
        return handle_card(names, self.group_names, self._reading, self._ring.recorded)

    def _live(self) -> Iterator[torch.optim.Optimizer]:
        return (optimizer for ref in self._optimizers if (optimizer := ref()) is not None)

    def _gone(self, _: weakref.ref[torch.optim.Optimizer]) -> None:
        """Called when an optimizer was deleted: drop its parameters."""
        self._held = dict.fromkeys(self._held, -1)  # so that the parameters of the others are checked again before their next step
        if next(self._live(), None) is None:
            self._drop_parameters()

    def _drop_parameters(self) -> None:
        """Free the parameters and the copies of them."""
        self._snapshot.follow(())
        if self._gradients is not None:
            self._gradients.follow({})

    @alone
    def _before(
        self, optimizer: torch.optim.Optimizer, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        """Before a step: an optimizer that steps again ends a round, and parameters that are new or changed are taken in."""
        outermost, marked = self._steps.begin(optimizer, kwargs)
        if outermost and _capturing():
            self._say_captured(optimizer)
        elif outermost:
            self._begin_step(optimizer)
            self._leave_out(optimizer)
            self._begun.add(id(optimizer))
            if self._gradients is not None and not _takes_closure(args, kwargs):
                self._gradients.measure(optimizer)
        return None if marked is kwargs else (args, marked)

    def _begin_step(self, optimizer: torch.optim.Optimizer) -> None:
        if id(optimizer) in self._stepped:
            self._close()
        if not self._began:
            self._begin()
        self._keep_up(optimizer)

    def _keep_up(self, optimizer: torch.optim.Optimizer) -> None:
        """Take in the parameters of an optimizer that are new or changed."""
        own = _parameters(optimizer)
        if len(own) != self._held.get(id(optimizer)) or not self._snapshot.fits(own):
            self._follow()

    def _leave_out(self, optimizer: torch.optim.Optimizer) -> None:
        """Measure from the current weights if they changed since the last step. What a step did that raised is part of the next."""
        first, loaded = self._unseen.seen(), self._loads.seen
        if self._begun:
            return
        with torch.inference_mode(False), torch.no_grad():
            if first or loaded:  # also what was loaded through ``parameter.data``
                self._measure_anew()
            parts = self._snapshot.of(_parameters(optimizer)) if self._stepped else self._snapshot.parts
            if self._between.leave_out(parts) and self._direction is not None:
                self._direction.begin(self._snapshot)

    def _measure_anew(self) -> None:
        """Measure what has not stepped in this round from the current weights, because they are where training begins or goes on."""
        if self._loads.seen:
            self._loads.take({id(part) for each in self._live() for part in _parameters(each)})
        waiting = (part for each in self._live() if id(each) not in self._stepped for part in _parameters(each))
        for part in self._snapshot.of(waiting):
            if part.fits:
                part.rebase()
        if self._direction is not None:
            self._direction.begin(self._snapshot)

    def _say_captured(self, optimizer: torch.optim.Optimizer) -> None:
        """Say once that the replays of a CUDA graph call no hooks. While it is captured nothing is computed, so nothing is measured."""
        if self._captured:
            return
        self._captured = True
        logging.getLogger("wcdfa").warning(
            "a step of %s is captured in a CUDA graph: a replay calls no hooks, so it is recorded only if handle.record() is called after "
            "it",
            type(optimizer).__name__,
        )

    def _begin(self) -> None:
        """Before the first step: find out how many steps the optimizers have taken, if all have taken as many."""
        taken = {steps_taken(each) for each in self._live()}
        count = taken.pop() if len(taken) == 1 else None
        self._earlier = None if count is None else max(0, count - int(self._host.wcdfa_count))
        self._began = True

    @alone
    def _after(self, optimizer: torch.optim.Optimizer, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """After a step: a round ends when all optimizers have taken one."""
        if not self._steps.end(optimizer, kwargs):
            return
        self._begun.discard(id(optimizer))
        if _capturing():
            return  # replays of a captured graph call no hooks, and are recorded by hand
        if self._gradients is not None and _takes_closure(args, kwargs):  # only the closure has computed the gradients
            self._gradients.measure(optimizer)
        self._stepped[id(optimizer)] = step_options(optimizer)
        if all(id(each) in self._stepped for each in self._live()):
            self._close()
        else:
            keep(self._snapshot.of(_parameters(optimizer)))
        self._unseen.after_step(list(self._live()))

    def _forget(self) -> None:
        """Say that no step is running, whatever an earlier one that raised has left behind."""
        self._steps.forget()
        self._begun.clear()

    def _follow(self) -> None:
        """Measure the parameters that the optimizers hold now."""
        self._drain()  # the rows so far belong to the earlier parameters
        held = {id(each): _parameters(each) for each in self._live()}
        self._held = {key: len(own) for key, own in held.items()}
        tensors = list({id(part): part for own in held.values() for part in own}.values())
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.follow(tensors)
        model = None if self.grouping.model is None else self.grouping.model()
        if model is not None:  # which may have new parts
            self._loads.watch(model)
        places = self.grouping(tensors)
        self._have_groups(places)
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.lay_out(self._ring.lay_out(self._snapshot.parts, places, self._names))
            self._ring.begin(self._snapshot)
        if self._gradients is not None:
            self._gradients.follow(by_owner(held, self._snapshot.parts))

    def _have_groups(self, names: Iterable[str]) -> None:
        """Make room for groups that come now. The rows so far belong to the earlier groups."""
        new = [name for name in names if name not in self._names]
        if not new:
            return
        self._arrive(wait=True)
        self._names = (*self._names, *new)
        self._host = with_groups(self._host, new)

    def _close(self) -> None:
        """End a round: record how far the parameters have moved."""
        stepped = [each for each in self._live() if id(each) in self._stepped]
        options = [self._stepped[id(each)] for each in stepped] or [step_options(each) for each in self._live()]
        now = options[0] if options else StepOptions(None, {})
        gradients = {} if self._gradients is None else self._gradients.taken()
        self._stepped.clear()
        self._rounds += 1
        self._began = True  # the count before a step that no hook has seen is unknown
        self._arrive(wait=False)
        with torch.inference_mode(False), torch.no_grad():
            full = self._ring.write(self._moved(), gradients, self._between.taken(), now.rate)
        self._snapshot.keep()
        self._waiting.append(now.beside)
        if full:
            self._drain()
            self._arrive(wait=False)

    def _moved(self) -> Totals:
        """How far the parameters have moved. The next call measures from here."""
        changed = self._snapshot.look()
        totals = self._snapshot.moved(changed, weigh=self._direction is not None and self._direction.weighs)
        if self._direction is not None:
            self._direction.look(self._snapshot, known=not changed)
        return totals

    def _drain(self, *, on_all: bool = False) -> None:
        """Send the rows in the ring to the host; those of sharded parameters only if all processes make this call."""
        if not self._ring.recorded and not (on_all and self._ring.sharded):
            return
        self._arrive(wait=True)
        self._sent = self._ring.send(self._waiting, on_all=on_all)
        told = [(type(optimizer).__name__, recognition_of(optimizer)) for optimizer in self._live()]
        if told:
            self._source = together(told)

    def _arrive(self, *, wait: bool) -> None:
        """Take the rows that have arrived on the host; with `wait`, wait for them."""
        rows = self._ring.taken(wait=wait)
        if rows is not None:
            self._lose()
            self._extend(rows)
            self._feed()

    def _lose(self) -> None:
        """Count the norms of sharded parameters that nobody has read in time; at least a window of rows follows."""
        self._host = self._host._replace(wcdfa_count=self._host.wcdfa_count + np.int32(self._ring.lost))
        self._ring.lost = 0

    def _extend(self, rows: npt.NDArray[np.float64]) -> None:
        """Add rows, as `DeviceRing` has them."""
        real = rows[:, 0] != 0
        first = int(self._host.wcdfa_count) + int(self._host.wcdfa_skipped) + 1
        self._unseen.arrived(rows[:, 0], rows[:, -1])
        self._between.arrived(np.sqrt(rows[:, len(self._names) + 2]), np.sqrt(rows[:, 0]), first)
        fresh = rows[real]
        if len(fresh):
            with np.errstate(all="ignore"):
                sent = [each for each, kept in zip(self._sent, real, strict=True) if kept]
                columns = columns_of(fresh, self._names, sent, self._host)
                if self._direction is not None:
                    columns |= direction_columns(fresh[:, len(self._names) + 3 : -1], self._names, columns, self._host)
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
        reading = read_ring(self._host)._replace(**self._source._asdict())
        if self._earlier is not None and len(reading.norms):
            reading = reading._replace(taken=self._earlier + int(self._host.wcdfa_count) - len(reading.norms))
        groups = dict(reading.groups)
        variance = groups.pop(VARIANCE, None)
        return reading if variance is None else reading._replace(groups=groups, stderr=np.sqrt(variance))


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [part for group in optimizer.param_groups for part in group["params"]]


def _takes_closure(args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """Whether a step was called with a closure, which computes the gradients inside the step; the first argument is the optimizer."""
    return any(each is not None for each in (*args[1:2], kwargs.get("closure")))


def _capturing() -> bool:
    """Whether a CUDA graph is being captured, so that nothing is computed yet."""
    return bool(torch.cuda.is_initialized()) and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]
