"""torch: ‖ΔW‖ of every step of an optimizer, by hooks on it; and of modules and tensors as they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from wcdfa.backends.torch_handle import ATTACHED, Handle, Places
from wcdfa.backends.torch_norms import copied, delta_norm, group_norms, parameters_of
from wcdfa.backends.torch_snapshot import Snapshot
from wcdfa.cadence import whole
from wcdfa.groups import ALL, Groups, checked, members_of
from wcdfa.monitor import WeightChangeDFA

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
    process_group: Any = None,
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

    Several optimizers attached together have one norm for each round, in which each of them takes a step; a round also ends before
    one of them steps again. Attach them one by one to have a series of each.

    Parameters
    ----------
    *optimizers : torch.optim.Optimizer
        Also inside the wrappers of accelerate, Lightning or DeepSpeed.
    monitor : WeightChangeDFA, optional
        Is given the norms each time they reach the host.
    mode : "exact" or "sample"
        "exact" keeps a copy of the parameters. "sample" keeps every 64th number of each large tensor, from a place that the seed
        decides, and all of the small ones: unbiased, with ``stderr`` in the reading.
    sample : float
        The share of the numbers that "sample" keeps.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.groups.members_of`, by their names ("encoder/0/weight").
    model : torch.nn.Module, optional
        Whose names the parameters have. Not needed where the optimizer was made of ``model.named_parameters()``.
    window : int
        Norms that are kept.
    every : int, optional
        Steps after which the norms are copied to the host; a fifth of the window by default. The same on all processes.
    snapshot : "device" or "cpu"
        Where the copy of "exact" is kept; on the CPU it is pinned, and steps take longer.
    alarm : callable, optional
        Called with what is to be said of a change of regime or a drift of α. Default: logged as a warning of the logger "wcdfa". What
        it raises is logged, and training goes on.
    process_group : torch.distributed.ProcessGroup, optional
        Over which sharded parameters (FSDP2, DTensor) are summed, in one collective every so many steps: attach and read on every
        process of it. Default: all processes.

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
        if optimizer in ATTACHED or sum(each is optimizer for each in found) > 1:
            msg = f"this {type(optimizer).__name__} is attached already: use that handle, or detach() it first"
            raise ValueError(msg)
    if mode not in ("exact", "sample"):
        msg = f"mode must be 'exact' or 'sample', got {mode!r}"
        raise ValueError(msg)
    if snapshot not in ("device", "cpu"):
        msg = f"snapshot must be 'device' or 'cpu', got {snapshot!r}"
        raise ValueError(msg)
    if not 0 < sample <= 1:
        msg = f"sample must be a share above 0 and at most 1, got {sample}; 1/64 is usual"
        raise ValueError(msg)
    window = whole("window", window, "a whole number of norms (500 is the default)")
    every = max(1, window // 5) if every is None else whole("every", every, "a whole number of steps")
    if every > window:
        msg = f"every={every} steps lie between two copies to the host, and window={window} norms are kept: make the window larger"
        raise ValueError(msg)
    handle = Handle(
        found,
        Snapshot(sample if mode == "sample" else 1.0, seed, on_cpu=snapshot == "cpu"),
        _Grouping(found, checked(groups), model),
        window=window,
        every=every,
        monitor=monitor,
        alarm=alarm or logging.getLogger("wcdfa").warning,
        process_group=process_group,
    )
    ATTACHED.update(found)
    return handle


class _Grouping:
    """From tensors to the places of those in each group, by the names they have."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], groups: Groups, model: torch.nn.Module | None) -> None:
        self.groups = groups
        self.names: dict[int, str] = {}
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                self.names |= {id(part): name for part, name in zip(group["params"], group.get("param_names", ()), strict=False)}
        if model is not None:
            self.names |= {id(part): name for name, part in model.named_parameters()}
        if groups is not None and not self.names:
            msg = "groups need names: give model=, or make the optimizer of model.named_parameters()"
            raise ValueError(msg)
        self.model = model

    def __call__(self, tensors: Sequence[torch.Tensor]) -> Places:
        """Places by group; a parameter without a name belongs to that of all alone."""
        if self.groups is None:
            return {ALL: tuple(range(len(tensors)))}
        paths = {self.names[id(part)].replace(".", "/"): i for i, part in enumerate(tensors) if id(part) in self.names}
        members = {name: tuple(paths[path] for path in part) for name, part in members_of(list(paths), self.groups).items()}
        return members | {ALL: tuple(range(len(tensors)))}


def _bare(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer inside the wrappers of trainers, which have it as their attribute ``optimizer``."""
    inner = optimizer
    while hasattr(inner, "optimizer"):
        inner = inner.optimizer
    if not isinstance(inner, torch.optim.Optimizer):
        msg = f"attach takes optimizers of torch, got {type(optimizer).__name__}; of anything else, give norms or the module to update()"
        raise TypeError(msg)
    return inner
