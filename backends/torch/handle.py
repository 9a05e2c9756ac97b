"""The recorder on optimizers: squares of ‖ΔW‖ in a ring on the device, drained now and then into a ring on the host."""

from __future__ import annotations

import json
import logging
import math
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from wcdfa.backends.torch.hyperparameters import described, learning_rate
from wcdfa.backends.torch.snapshot import Moved, Snapshot, moved
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import extend, init
from wcdfa.recording.ring import read as read_ring

VARIANCE = "variance of the sample"  # a series in the host's ring beside those of the groups
VERSION = 1
SHAPES = {"norms": 2, "lr": 1, "steps": 1, "counts": 1}  # dimensions of what a state holds
Places = dict[str, tuple[int, ...]]
"""The places of the parameters of each group, that of all first."""


class Copy(NamedTuple):
    """Rows of the ring on their way to the host."""

    rows: torch.Tensor
    arrived: Any  # an event of CUDA; None where they are there


class Handle:
    """What `attach` returns: reads what was recorded, carries it over a restart, and lets go of the optimizers.

    The hooks do not survive pickling or copying of an optimizer, nor a new process: attach again, and `load_state_dict`. Where
    parameters are sharded, `read`, `state_dict` and `detach` sum over the processes: call them on all of them.
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
        self._snapshot, self._places_of = snapshot, places
        self._stepped: dict[int, Any] = {}  # optimizers that have taken a step of this round, and at which learning rate
        self._held: dict[int, int] = {}  # parameters of each optimizer
        self._recorded = 0  # rows of the ring on the device
        self._copy: Copy | None = None
        self._source: dict[str, Any] = {"optimizer": None, "hyperparameters": {}}
        self._names: tuple[str, ...] = ()
        self._follow()
        self._host = init(window, (*self._names[1:], *((VARIANCE,) if snapshot.sample < 1 else ())), dtype=np.float32)
        self._hooks: list[Any] = []
        for optimizer in optimizers:
            self._hooks.append(optimizer.register_step_pre_hook(torch.compiler.disable(self._before)))  # type: ignore[no-untyped-call]
            self._hooks.append(optimizer.register_step_post_hook(torch.compiler.disable(self._after)))  # type: ignore[no-untyped-call]

    @property
    def attached(self) -> bool:
        """Whether it still records."""
        return bool(self._hooks) and any(True for _ in self._live())

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups that are recorded besides that of all."""
        return self._names[1:]

    def read(self) -> Reading:
        """The norms recorded so far, copied to the host; where parameters are sharded, on all processes at once."""
        self._drain()
        self._arrive(wait=True)
        return self._reading()

    def record(self) -> None:
        """Record a step by hand: where none calls hooks (a replayed CUDA graph), or a round in which one optimizer took no step."""
        if not self.attached:
            msg = "this handle is detached, or its optimizers are gone, and knows no parameters any more: attach again"
            raise RuntimeError(msg)
        self._close()

    def rebase(self) -> None:
        """Measure from the weights as they are now, after they were loaded or set: that was no step."""
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.rebase()

    def detach(self) -> None:
        """Take the hooks off and give the memory of the snapshot back; what was recorded stays, as after `read`."""
        if not self._hooks:
            return
        self.read()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._snapshot.follow(())

    def state_dict(self) -> dict[str, Any]:
        """What was recorded, in tensors, numbers and strings of fixed shapes: for ``torch.save`` and ``torch.distributed.checkpoint``.

        It is the same on every process, and whatever their number; where parameters are sharded, call it on all of them, as `read`.
        The weights that it measures from are those of the model.
        """
        self.read()
        ring = self._host
        return {
            "version": VERSION,
            "groups": json.dumps(list(ring.wcdfa_norms)),
            "norms": torch.from_numpy(np.stack([np.asarray(norms) for norms in ring.wcdfa_norms.values()])),
            "lr": torch.from_numpy(np.array(ring.wcdfa_lr)),
            "steps": torch.from_numpy(np.array(ring.wcdfa_step)),
            "counts": torch.tensor([int(ring.wcdfa_count), int(ring.wcdfa_skipped)]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, measured from the weights as they are now: load the model first.

        Raises
        ------
        ValueError
            If it is of another version, window or groups, or no such state; nothing is changed then.
        """
        missing = {"version", "groups", *SHAPES} - state.keys()
        if missing:
            msg = f"the state lacks {', '.join(sorted(missing))}; it is no state_dict of a handle, or not the whole of one"
            raise ValueError(msg)
        if state["version"] != VERSION:
            msg = f"the state is of version {state['version']}, and this release reads {VERSION}"
            raise ValueError(msg)
        arrays = {name: torch.as_tensor(state[name]).cpu().numpy().copy() for name in SHAPES}
        if any(arrays[name].ndim != dimensions for name, dimensions in SHAPES.items()) or arrays["counts"].shape != (2,):
            msg = f"the state holds arrays of shapes {[part.shape for part in arrays.values()]}, and is no state_dict of a handle"
            raise ValueError(msg)
        names, window = json.loads(state["groups"]), arrays["norms"].shape[1]
        own = list(self._host.wcdfa_norms)
        if names != own or window != self.window or {len(arrays["lr"]), len(arrays["steps"])} != {window}:
            msg = (
                f"the state holds {', '.join(names)} with window={window}, and this handle {', '.join(own)} with window={self.window}: "
                "attach with the same window, groups and mode to go on, or leave the state out to begin anew"
            )
            raise ValueError(msg)
        self._host = self._host._replace(
            wcdfa_norms=dict(zip(names, arrays["norms"], strict=True)),
            wcdfa_lr=arrays["lr"],
            wcdfa_step=arrays["steps"],
            wcdfa_count=np.asarray(arrays["counts"][0], dtype=np.int32),
            wcdfa_skipped=np.asarray(arrays["counts"][1], dtype=np.int32),
        )
        self._recorded, self._copy = 0, None
        self._stepped.clear()
        self.rebase()

    def __reduce__(self) -> Any:
        """Of no use without its optimizers."""
        msg = "a handle cannot be pickled or copied: save its state_dict(), attach again, and load_state_dict()"
        raise TypeError(msg)

    def _live(self) -> Iterator[torch.optim.Optimizer]:
        return (optimizer for ref in self._optimizers if (optimizer := ref()) is not None)

    def _gone(self, _: Any) -> None:
        """An optimizer was deleted: what it moved is kept no longer."""
        self._held = dict.fromkeys(self._held, -1)  # of the others, looked at again before their next step
        if next(self._live(), None) is None:
            self._snapshot.follow(())

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Before a step: an optimizer that steps again ends a round, and parameters that came or changed are taken in."""
        if _inside_another_step(optimizer):
            return
        if id(optimizer) in self._stepped:
            self._close()
        own = [part for group in optimizer.param_groups for part in group["params"]]
        if len(own) != self._held.get(id(optimizer)) or not self._snapshot.fits(own):
            self._follow()

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """After a step: a round ends when all optimizers have taken one."""
        if _inside_another_step(optimizer) or (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()):
            return  # replays of what is captured call no hooks, and are recorded by hand
        self._stepped[id(optimizer)] = learning_rate(optimizer)
        if all(id(each) in self._stepped for each in self._live()):
            self._close()

    def _follow(self) -> None:
        """Know the parameters that the optimizers hold now."""
        self._drain()  # what was recorded is of those before
        held = {id(each): [part for group in each.param_groups for part in group["params"]] for each in self._live()}
        self._held = {key: len(own) for key, own in held.items()}
        tensors = list({id(part): part for own in held.values() for part in own}.values())
        with torch.inference_mode(False), torch.no_grad():
            self._snapshot.follow(tensors)
        parts, places = self._snapshot.parts, self._places_of(tensors)
        if not self._names:
            self._names = tuple(places)
        # a block of sums for each way that parameters are sharded, in the order in which they come on every process
        self._blocks = list(dict.fromkeys([(), *(part.groups for part in parts)]))
        self._rows = [
            [[i for i in places.get(name, ()) if parts[i].groups == block] for name in self._names] for block in self._blocks
        ]
        device = parts[0].kind[3] if parts else torch.device("cpu")
        dtype = torch.float32 if device.type == "mps" else torch.float64  # squares of what float32 holds leave float32
        width = len(self._blocks) * (len(self._names) + 1) + 1
        with torch.inference_mode(False):
            self._ring = torch.zeros((self.every, width), dtype=dtype, device=device)

    def _close(self) -> None:
        """Write a row of the ring."""
        rates = [self._stepped[id(each)] for each in self._live() if id(each) in self._stepped]
        if not rates:  # recorded by hand
            rates = [learning_rate(each) for each in self._live()]
        self._stepped.clear()
        self._arrive(wait=False)
        with torch.inference_mode(False), torch.no_grad():
            found = moved(self._snapshot.parts)
            row = self._ring[self._recorded]
            row[:-1].copy_(torch.stack([cell for rows in self._rows for cell in self._summed(found, rows)]))
            row[-1:] = math.nan if not rates or rates[0] is None else rates[0]
        self._recorded += 1
        if self._recorded == self.every:
            self._drain()
            self._arrive(wait=False)

    def _summed(self, found: Sequence[Moved], rows: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Σ|ΔW|² of each group, and the variance of that of all."""
        device, dtype = self._ring.device, self._ring.dtype

        def total(parts: list[torch.Tensor]) -> torch.Tensor:
            parts = [part.to(device, dtype, non_blocking=True) for part in parts]
            return torch.stack(parts).sum() if parts else torch.zeros((), dtype=dtype, device=device)

        for row in rows:
            yield total([found[i].square for i in row])
        yield total([variance for i in rows[0] if (variance := found[i].variance) is not None])

    def _drain(self) -> None:
        """Send what is in the ring to the host, summed over the processes first: one collective for all steps in it."""
        if not self._recorded:
            return
        self._arrive(wait=True)
        with torch.inference_mode(False), torch.no_grad():
            blocks, rates = self._ring[: self._recorded, :-1].clone(), self._ring[: self._recorded, -1:]
            total = torch.zeros_like(blocks[:, : len(self._names) + 1])
            for block, sums in zip(self._blocks, blocks.tensor_split(len(self._blocks), dim=1), strict=True):
                total += _over_processes(sums.contiguous(), block)
            rows = torch.cat([total, rates], dim=1)
            arrived = None
            if rows.is_cuda:
                host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
                host.copy_(rows, non_blocking=True)
                arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
                arrived.record()
                rows = host
        self._recorded = 0
        self._copy = Copy(rows, arrived)
        told = [described(optimizer) for optimizer in self._live()]
        if told:
            same = all(each == told[0] for each in told)
            self._source = dict(zip(("optimizer", "hyperparameters"), told[0] if same else (None, {}), strict=True))

    def _arrive(self, *, wait: bool) -> None:
        """Take in what has come to the host; without waiting for it, if it has not."""
        if self._copy is None:
            return
        rows, arrived = self._copy
        if arrived is not None:
            if not wait and not arrived.query():
                return
            arrived.synchronize()
        self._copy = None
        values: Any = rows.cpu().numpy().astype(np.float64)
        real = values[:, 0] != 0
        fresh = values[real]
        if len(fresh):
            with np.errstate(all="ignore"):
                columns = dict(zip(self._names, np.sqrt(fresh).T, strict=False))
            if VARIANCE in self._host.wcdfa_norms:  # of the square; of the norm itself, relative
                with np.errstate(all="ignore"):
                    columns[VARIANCE] = fresh[:, -2] / (2 * fresh[:, 0]) ** 2
            count = int(self._host.wcdfa_count)
            self._host = extend(self._host, columns, fresh[:, -1], np.arange(count, count + len(fresh)) + 1)
        self._host = self._host._replace(wcdfa_skipped=self._host.wcdfa_skipped + np.int32(len(real) - len(fresh)))
        self._feed()

    def _feed(self) -> None:
        """Give the monitor what has come, and say what is to be said."""
        if self.monitor is None:
            return
        reading = self._reading()
        if self.monitor.drained and not self.monitor.continues(reading):
            logging.getLogger("wcdfa").warning(
                "the norms do not go on from those that the monitor had, and α begins anew; after a restart load the state_dict of "
                "the handle too"
            )
        for message in self.watch.update(self.monitor, reading):
            self._alarms(message)

    def _reading(self) -> Reading:
        reading = read_ring(self._host)._replace(**self._source)
        groups = dict(reading.groups)
        variance = groups.pop(VARIANCE, None)
        return reading if variance is None else reading._replace(groups=groups, stderr=np.sqrt(variance))


def _inside_another_step(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step of a subclass has called that of its parent: torch may have put hooks on both."""
    frame, steps = sys._getframe(2), 0
    while frame is not None:
        if frame.f_code.co_name == "wrapper" and frame.f_locals.get("self") is optimizer:
            steps += 1
        frame = frame.f_back  # type: ignore[assignment]
    return steps > 1


def _over_processes(sums: torch.Tensor, groups: tuple[Any, ...]) -> torch.Tensor:
    try:
        for group in groups:
            torch.distributed.all_reduce(sums, group=group)
    except (RuntimeError, ValueError) as error:
        msg = f"the norms of sharded parameters could not be summed over the processes, one of which may be gone: {error}"
        raise RuntimeError(msg) from error
    return sums
