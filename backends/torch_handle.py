"""The recorder on optimizers: squares of ‖ΔW‖ in a ring on the device, drained now and then into a ring on the host."""

from __future__ import annotations

import json
import logging
import math
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from wcdfa.backends.torch_hyperparameters import described, learning_rate
from wcdfa.backends.torch_snapshot import Moved, Part, Snapshot
from wcdfa.monitor import WeightChangeDFA
from wcdfa.ring import Reading, extend, init
from wcdfa.ring import read as read_ring
from wcdfa.watch import Watch

VARIANCE = "variance of the sample"  # a series in the host's ring beside those of the groups
VERSION = 1
Places = dict[str, tuple[int, ...]]
"""The places of the parameters of each group, that of all first."""


class Copy(NamedTuple):
    """Rows of the ring on their way to the host."""

    rows: torch.Tensor
    arrived: Any  # an event of CUDA; None where they are there


class Handle:
    """What `attach` returns: reads what was recorded, carries it over a restart, and lets go of the optimizers.

    The hooks do not survive pickling or copying of an optimizer, nor a new process: attach again, and `load_state_dict`.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        snapshot: Snapshot,
        members: Callable[[Sequence[torch.Tensor]], Places],
        *,
        window: int,
        every: int,
        monitor: WeightChangeDFA | None,
        alarm: Callable[[str], Any],
        process_group: Any,
    ) -> None:
        self.window, self.every, self.monitor = window, every, monitor
        self.watch, self.raised = Watch(), []  # type: ignore[var-annotated]
        self._alarm, self._process_group = alarm, process_group
        self._optimizers = [weakref.ref(optimizer) for optimizer in optimizers]
        self._snapshot, self._members_of = snapshot, members
        self._stepped: set[int] = set()
        self._recorded = 0  # rows of the ring on the device
        self._copy: Copy | None = None
        self._source: dict[str, Any] = {"optimizer": None, "hyperparameters": {}}
        self._names: tuple[str, ...] = ()
        self._held: dict[int, int] = {}  # parameters of each optimizer
        self._follow()
        self._host = init(window, (*self._names[1:], *((VARIANCE,) if snapshot.sample < 1 else ())), dtype=np.float32)
        if monitor is not None and not monitor.drained:
            monitor.update(self._reading())  # groups that do not fit are misuse: say so now
        self._hooks: list[Any] = []
        for optimizer in optimizers:
            self._hooks.append(optimizer.register_step_pre_hook(torch.compiler.disable(self._before)))  # type: ignore[no-untyped-call]
            self._hooks.append(optimizer.register_step_post_hook(torch.compiler.disable(self._after)))  # type: ignore[no-untyped-call]

    def read(self) -> Reading:
        """The norms recorded so far, copied to the host; where parameters are sharded, on all processes at once."""
        self._drain()
        self._arrive(wait=True)
        return self._reading()

    def record(self) -> None:
        """Record a step by hand, where none calls hooks: a replayed CUDA graph, or an engine with a ``step`` of its own."""
        self._close()

    def rebase(self) -> None:
        """Measure from the weights as they are now, after they were loaded or set: that was no step."""
        with torch.no_grad():
            self._snapshot.rebase()

    def detach(self) -> None:
        """Take the hooks off and give the memory of the snapshot back; what was recorded stays."""
        if not self._hooks:
            return
        self.read()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        ATTACHED.difference_update(optimizer for ref in self._optimizers if (optimizer := ref()) is not None)
        self._parts: list[Part] = self._snapshot.follow(())

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups that are recorded besides that of all."""
        return self._names[1:]

    def state_dict(self) -> dict[str, Any]:
        """What was recorded, in tensors, numbers and strings of fixed shapes: for ``torch.save`` and ``torch.distributed.checkpoint``.

        It is the same on every process, and whatever their number. The weights it measures from are those of the model.
        """
        self.read()
        ring = self._host
        return {
            "version": VERSION,
            "groups": json.dumps(list(ring.wcdfa_norms)),
            "norms": torch.from_numpy(np.stack(list(ring.wcdfa_norms.values()))),
            "lr": torch.from_numpy(ring.wcdfa_lr.copy()),
            "steps": torch.from_numpy(ring.wcdfa_step.copy()),
            "counts": torch.tensor([int(ring.wcdfa_count), int(ring.wcdfa_skipped)]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, measured from the weights as they are now: load the model first.

        Raises
        ------
        ValueError
            If it is of another version, window or groups, or no such state; nothing is changed then.
        """
        missing = {"version", "groups", "norms", "lr", "steps", "counts"} - state.keys()
        if missing:
            msg = f"the state lacks {', '.join(sorted(missing))}; it is no state_dict of a handle, or not the whole of one"
            raise ValueError(msg)
        if state["version"] != VERSION:
            msg = f"the state is of version {state['version']}, and this release reads {VERSION}"
            raise ValueError(msg)
        names, window = json.loads(state["groups"]), state["norms"].shape[1]
        own = list(self._host.wcdfa_norms)
        if names != own or window != self.window:
            msg = (
                f"the state holds {', '.join(names)} with window={window}, and this handle {', '.join(own)} with window={self.window}: "
                "attach with the same window, groups and mode to go on, or leave the state out to begin anew"
            )
            raise ValueError(msg)
        count, skipped = (int(part) for part in state["counts"])
        self._host = self._host._replace(
            wcdfa_norms={name: row.numpy().copy() for name, row in zip(names, state["norms"].cpu(), strict=True)},
            wcdfa_lr=state["lr"].cpu().numpy().copy(),
            wcdfa_step=state["steps"].cpu().numpy().copy(),
            wcdfa_count=np.asarray(count, dtype=np.int32),
            wcdfa_skipped=np.asarray(skipped, dtype=np.int32),
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

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Before a step: an optimizer that steps again ends a round, and parameters that came or changed are taken in."""
        if id(optimizer) in self._stepped:
            self._close()
        own = [part for group in optimizer.param_groups for part in group["params"]]
        if len(own) != self._held[id(optimizer)] or not self._snapshot.fits(own):
            self._follow()

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """After a step: a round ends when all optimizers have taken one."""
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            return  # replays call no hooks, and are recorded by hand
        self._stepped.add(id(optimizer))
        if all(id(each) in self._stepped for each in self._live()):
            self._close()

    def _follow(self) -> None:
        """Know the parameters that the optimizers hold now."""
        held = {id(each): [part for group in each.param_groups for part in group["params"]] for each in self._live()}
        self._held = {key: len(own) for key, own in held.items()}
        tensors = list({id(part): part for own in held.values() for part in own}.values())
        with torch.no_grad():
            self._parts = self._snapshot.follow(tensors)
        members = self._members_of(tensors)
        if not self._names:
            self._names = tuple(members)
        self._rows = [[i for i in members.get(name, ()) if not self._parts[i].sharded] for name in self._names]
        self._sharded_rows = [[i for i in members.get(name, ()) if self._parts[i].sharded] for name in self._names]
        self._sharded = any(part.sharded for part in self._parts)
        device = self._parts[0].kind[3] if self._parts else torch.device("cpu")
        width = 2 * (len(self._names) + 1) + 1
        if self._recorded:
            self._drain()
        self._ring = torch.zeros((self.every, width), dtype=torch.float32, device=device)

    @torch.no_grad()
    def _close(self) -> None:
        """Write a row of the ring."""
        self._stepped.clear()
        self._arrive(wait=False)
        moved = [part.moved() for part in self._parts]
        row = self._ring[self._recorded]
        cells = [*self._summed(moved, self._rows), *self._summed(moved, self._sharded_rows)]
        row[:-1].copy_(torch.stack(cells))
        first = next(self._live(), None)
        rate = None if first is None else learning_rate(first)
        row[-1:] = math.nan if rate is None else rate
        self._recorded += 1
        if self._recorded == self.every:
            self._drain()
            self._arrive(wait=False)

    def _summed(self, moved: Sequence[Moved], rows: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Σ|ΔW|² of each group, and the variance of that of all."""
        device = self._ring.device

        def total(parts: list[torch.Tensor]) -> torch.Tensor:
            parts = [part.to(device, torch.float32, non_blocking=True) for part in parts]
            return torch.stack(parts).sum() if parts else torch.zeros((), device=device)

        for row in rows:
            yield total([moved[i].square for i in row])
        yield total([variance for i in rows[0] if (variance := moved[i].variance) is not None])

    @torch.no_grad()
    def _drain(self) -> None:
        """Send what is in the ring to the host, summed over the processes first: one collective for all of it."""
        if not self._recorded:
            return
        self._arrive(wait=True)
        rows = self._ring[: self._recorded].clone()
        self._recorded = 0
        if self._sharded:
            half = (rows.shape[1] - 1) // 2
            sharded = rows[:, half : 2 * half].contiguous()
            try:
                torch.distributed.all_reduce(sharded, group=self._process_group)
            except RuntimeError as error:
                msg = f"the norms of sharded parameters could not be summed over the processes, one of which may be gone: {error}"
                raise RuntimeError(msg) from error
            rows[:, half : 2 * half] = sharded
        arrived = None
        if rows.is_cuda:
            host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
            host.copy_(rows, non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
            rows = host
        self._copy = Copy(rows, arrived)
        self._know()

    def _know(self) -> None:
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
        half = (values.shape[1] - 1) // 2
        squares = values[:, :half] + values[:, half : 2 * half]
        real = squares[:, 0] != 0
        fresh, rates = squares[real], values[real, -1]
        if len(fresh):
            columns = dict(zip(self._names, np.sqrt(fresh).T, strict=False))
            if VARIANCE in self._host.wcdfa_norms:
                columns[VARIANCE] = fresh[:, -1]
            count = int(self._host.wcdfa_count)
            self._host = extend(self._host, columns, rates, np.arange(count, count + len(fresh)) + 1)
        self._host = self._host._replace(wcdfa_skipped=self._host.wcdfa_skipped + np.int32(len(real) - len(fresh)))
        if self.monitor is not None:
            for message in self.watch.update(self.monitor, self._reading()):
                self.raised.append(message)
                try:
                    self._alarm(message)
                except Exception:  # whatever it is, it must not end the training run
                    logging.getLogger("wcdfa").exception("the alarm of a monitor failed; training goes on")

    def _reading(self) -> Reading:
        reading = read_ring(self._host)._replace(**self._source)
        groups = dict(reading.groups)
        variance = groups.pop(VARIANCE, None)
        if variance is None:
            return reading
        with np.errstate(all="ignore"):
            return reading._replace(groups=groups, stderr=np.sqrt(variance) / (2 * reading.norms.astype(np.float64) ** 2))


ATTACHED: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
