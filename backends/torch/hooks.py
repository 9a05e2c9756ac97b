"""torch: ‖ΔW‖ of every step of an optimizer, by hooks on it; and of modules and tensors as they are."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

from wcdfa.backends.torch.handle import Handle, Places
from wcdfa.backends.torch.norms import copied, delta_norm, group_norms, parameters_of
from wcdfa.backends.torch.snapshot import Snapshot
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.recording.groups import ALL, Groups, checked, members_of, name_of
from wcdfa.support.numbers import is_number, whole

__all__ = ["Handle", "attach", "copied", "delta_norm", "group_norms", "parameters_of"]


def attach(
    *optimizers: Any,
    monitor: WeightChangeDFA | None = None,
    mode: str = "exact",
    sample: float = 1 / 64,
    groups: Groups = None,
    model: torch.nn.Module | None = None,
    window: int = 500,
    every: int | None = None,
    snapshot: str = "device",
    seed: int = 0,
    alarm: Callable[[str], Any] | None = None,
) -> Handle:
    """Record ‖ΔW‖ of every step of an optimizer from now on; nothing else in the loop changes.

    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> handle = attach(optimizer)
    >>> for _ in range(3):
    ...     loss = model(torch.ones(8, 3)).square().mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     optimizer.zero_grad()
    >>> handle.read().count, handle.read().optimizer
    (3, 'sgd')

    What is recorded is the change of the parameters as they are stored since the last step, or since they were attached; after loading
    weights call ``handle.rebase()``. A step that changes nothing, such as one that a GradScaler refuses, is counted as skipped; one
    that is not finite is a gap. Nothing is read from the device while it trains: every so many steps the norms are copied to the host
    without waiting for them.

    Parameters that are sharded by FSDP2, or DTensors, are summed over their processes, in one collective each time: attach on all
    of them, with the same settings, and give the monitor to one.

    Several optimizers attached together have one norm for each round, in which each of them takes a step; a round also ends before
    one of them steps again, or when ``record()`` is called. Attach them one by one to have a series of each.

    Parameters
    ----------
    *optimizers : torch.optim.Optimizer
        Also inside the wrappers of accelerate and Lightning.
    monitor : WeightChangeDFA, optional
        Is given the norms each time they reach the host. After a restart, load its state and that of the handle.
    mode : "exact" or "sample"
        "exact" keeps a copy of the parameters. "sample" keeps every 64th number of each large tensor, from a place that the seed
        decides, and all of the small ones: unbiased, with ``stderr`` in the reading. Not for sparse gradients of embeddings, of which
        a step may touch nothing that is sampled, and counts as skipped.
    sample : float
        The share of the numbers that "sample" keeps.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`, by their names ("encoder/0/weight").
    model : torch.nn.Module, optional
        Whose names the parameters have. Not needed where the optimizer was made of ``model.named_parameters()``.
    window : int
        Norms that are kept.
    every : int, optional
        Steps after which the norms are copied to the host; a fifth of the window by default.
    snapshot : "device" or "cpu"
        Where the copy of "exact" is kept; on the CPU it is pinned, and steps take longer.
    alarm : callable, optional
        Called with what is to be said of a change of regime or a drift of α. Default: logged as a warning of the logger "wcdfa". What
        it raises is logged, and training goes on.

    Raises
    ------
    TypeError, ValueError
        If an optimizer is none, has no hooks or is attached already, or an option is none.
    """
    found = [_bare(optimizer) for optimizer in optimizers]
    if not found:
        msg = "attach needs an optimizer: attach(optimizer)"
        raise TypeError(msg)
    for optimizer in found:
        if _handle_of(ATTACHED, optimizer) is not None or sum(each is optimizer for each in found) > 1:
            msg = f"this {type(optimizer).__name__} is attached already: use that handle, or detach() it first"
            raise ValueError(msg)
    require_monitor(monitor, groups)
    if alarm is not None and not callable(alarm):
        msg = f"alarm must be a callable that takes a message, got {type(alarm).__name__}"
        raise TypeError(msg)
    if model is not None and not isinstance(model, torch.nn.Module):
        msg = f"model must be a torch.nn.Module, whose names the parameters have, got {type(model).__name__}"
        raise TypeError(msg)
    window, every = settings(mode=mode, sample=sample, window=window, every=every, snapshot=snapshot)
    handle = Handle(
        found,
        Snapshot(sample if mode == "sample" else 1.0, seed, on_cpu=snapshot == "cpu"),
        _Grouping(found, checked(groups), model),
        window=window,
        every=every,
        monitor=monitor,
        alarms=Alarms("log" if alarm is None else alarm),
    )
    known = {ALL, *handle.group_names}
    if monitor is not None and monitor.n_samples and {ALL, *monitor.reading().groups} != known:
        handle.detach()
        msg = f"the monitor holds norms of the groups {', '.join(monitor.reading().groups) or 'none'}, and here are {', '.join(sorted(known))}"
        raise ValueError(msg)
    ATTACHED.update(dict.fromkeys(found, weakref.ref(handle)))
    if monitor is not None:
        FED[monitor] = weakref.ref(handle)
    return handle


def settings(*, mode: str, sample: float, window: int, every: int | None, snapshot: str) -> tuple[int, int]:
    """See that these are settings of `attach`; returns the window, and the number of steps between two copies to the host."""
    if mode not in ("exact", "sample"):
        msg = f"mode must be 'exact' or 'sample', got {mode!r}"
        raise ValueError(msg)
    if snapshot not in ("device", "cpu"):
        msg = f"snapshot must be 'device' or 'cpu', got {snapshot!r}"
        raise ValueError(msg)
    if not is_number(sample) or not 0 < sample <= 1:
        msg = f"sample must be a share above 0 and at most 1, got {sample!r}; 1/64 is usual"
        raise ValueError(msg)
    window = whole("window", window, "a whole number of norms (500 is the default)")
    every = max(1, window // 5) if every is None else whole("every", every, "a whole number of steps")
    if every > window:
        msg = f"every={every} steps lie between two copies to the host, and window={window} norms are kept: make the window larger"
        raise ValueError(msg)
    return window, every


ATTACHED: weakref.WeakKeyDictionary[torch.optim.Optimizer, weakref.ref[Handle]] = weakref.WeakKeyDictionary()
FED: weakref.WeakKeyDictionary[WeightChangeDFA, weakref.ref[Handle]] = weakref.WeakKeyDictionary()


def _handle_of(known: Any, key: Any) -> Handle | None:
    """The handle that records it, if one does."""
    handle: Handle | None = known[key]() if key in known else None
    return handle if handle is not None and handle.attached else None


def require_monitor(monitor: Any, groups: Groups) -> None:
    """See that a monitor can be given what is recorded."""
    if monitor is None:
        return
    if not isinstance(monitor, WeightChangeDFA):
        msg = f"monitor must be a WeightChangeDFA, got {type(monitor).__name__}"
        raise TypeError(msg)
    if monitor.groups is not None and groups is None:
        msg = "the monitor has groups=, and nothing of groups is recorded: give them to attach(...) instead"
        raise ValueError(msg)
    if _handle_of(FED, monitor) is not None:
        msg = "the monitor is fed by another handle: detach() that first, or attach the optimizers together"
        raise ValueError(msg)


class _Grouping:
    """From tensors to the places of those in each group, by the names that they have now."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], groups: Groups, model: torch.nn.Module | None) -> None:
        self.optimizers = [weakref.ref(optimizer) for optimizer in optimizers]
        self.model = None if model is None else weakref.ref(model)
        self.groups = groups
        self.names: tuple[str, ...] = (ALL,)
        if groups is not None:
            paths = list(self._paths().values())
            if not paths:
                msg = "groups need names: give model=, or make the optimizer of model.named_parameters()"
                raise ValueError(msg)
            self.names = tuple(members_of(paths, groups))

    def __call__(self, tensors: Sequence[torch.Tensor]) -> Places:
        """Places by group; a parameter without a name, or of a group that is new, belongs to that of all alone."""
        places: dict[str, list[int]] = {name: [] for name in self.names}
        paths = {} if self.groups is None else self._paths()
        own = name_of(self.groups)
        for i, tensor in enumerate(tensors):
            places[ALL].append(i)
            name = own(paths[id(tensor)]) if id(tensor) in paths else None
            if name in places:
                places[name].append(i)
        return {name: tuple(found) for name, found in places.items()}

    def _paths(self) -> dict[int, str]:
        named: dict[int, str] = {}
        for optimizer in (ref() for ref in self.optimizers):
            for group in optimizer.param_groups if optimizer is not None else ():
                named |= {id(part): name for part, name in zip(group["params"], group.get("param_names", ()), strict=False)}
        model = None if self.model is None else self.model()
        if model is not None:
            held = {
                id(part) for ref in self.optimizers if (each := ref()) for group in each.param_groups for part in group["params"]
            }
            named |= {id(part): name for name, part in model.named_parameters() if id(part) in held}
        return {key: name.replace(".", "/") for key, name in named.items()}


def _bare(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer inside the wrappers of trainers, which have it as their attribute ``optimizer``, and no hooks."""
    inner = optimizer
    for _ in range(9):
        if isinstance(inner, torch.optim.Optimizer) and hasattr(inner, "_optimizer_step_post_hooks"):
            return inner
        if type(inner).__module__.startswith("deepspeed") and "Zero" in type(inner).__name__:
            msg = "DeepSpeed's ZeRO hides which numbers a process holds: give norms of its own to WeightChangeDFA.update"
            raise ValueError(msg)
        inner = getattr(inner, "optimizer", None)
    msg = (
        f"attach takes optimizers of torch, got {type(optimizer).__name__}; of anything else, give norms or the module to update()"
    )
    raise TypeError(msg)
