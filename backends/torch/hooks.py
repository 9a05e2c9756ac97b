"""torch: `attach` records ‖ΔW‖ of every step of an optimizer through its hooks."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence

import torch

from wcdfa.backends.torch.again import ATTACHED, FED, already, go_on, handle_of, recording, records
from wcdfa.backends.torch.grouping import Grouping
from wcdfa.backends.torch.handle import Handle
from wcdfa.backends.torch.norms import copied, delta_norm, group_norms, parameters_of
from wcdfa.backends.torch.optimizers import optimizers_in, parameters_in
from wcdfa.backends.torch.same_settings import require_same_settings
from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.snapshot import Snapshot
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.recording.groups import ALL, Groups, may_follow
from wcdfa.recording.sample import COORDINATES

__all__ = ["Handle", "attach", "copied", "delta_norm", "group_norms", "parameters_of"]


def attach(
    *optimizers: object,
    monitor: WeightChangeDFA | None = None,
    mode: str = "exact",
    sample: float = 1 / 64,
    groups: Groups = None,
    model: torch.nn.Module | None = None,
    window: int = 500,
    every: int | None = None,
    snapshot: str = "device",
    seed: int = 0,
    alarm: Callable[[str], object] | None = None,
    gradients: bool = False,
    direction: bool = True,
    coordinates: int = COORDINATES,
) -> Handle:
    """Record ‖ΔW‖ of every step of an optimizer from now on. Nothing else in the training loop changes.

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

    It records the change that a step has applied to the weights. What changes them between two steps is left out, and said once:
    swapping them for an average and back, loading, clipping. Once training has begun, a change through ``parameter.data`` cannot be
    seen and counts as part of the next step unless ``handle.rebase()`` is called after it; what the given model loads by
    ``load_state_dict`` is always seen. The replay of a CUDA graph calls no hooks: call ``handle.record()`` after it. A step that
    changes nothing, such as one that a GradScaler refuses, is counted as skipped; a norm that is not finite is a gap. If no step is
    called, or none moves the weights, a warning says so once, with the way out. Training never waits for the norms: every `every`
    steps they are copied from the device in the background.

    Parameters that are sharded by FSDP2, and other DTensors, are summed over their processes: attach on all of them with the same
    settings, and give the monitor to one. No step waits for another process. The norms are summed when all processes call
    ``read()`` at the same step, which also feeds the monitor: call it every 100 steps, say. A process may leave out a step.

    Several optimizers attached together give one norm for each round in which every one of them takes a step. A round also ends
    before one of them steps again, or when ``record()`` is called. Attach them one by one to get a series for each.

    Attach the same optimizers again, as a cell of a notebook does that is run twice, to get the same handle, with a note in the
    log; a new monitor or alarm takes the place of the earlier one.

    Parameters
    ----------
    *optimizers : torch.optim.Optimizer
        The optimizers to record. Wrappers of accelerate and Lightning may be around them. Objects of another class with ``step()``
        and ``param_groups`` are taken too.
    monitor : WeightChangeDFA, optional
        Receives the norms each time they reach the host. After a restart, load its state and the state of the handle.
    mode : "exact" or "sample"
        "exact" keeps a copy of the parameters. "sample" keeps every 64th number of each large tensor, starting where
        the seed decides, and small tensors completely. It is unbiased, and the reading has a ``stderr``. Do not use it with sparse
        gradients of embeddings: a step that touches no sampled number counts as skipped.
    sample : float
        The share of the numbers that "sample" keeps.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`, by their names ("encoder/0/weight"). With a
        depth or a callable, a group may also come later, when its first parameter is added; its norms are NaN before.
    model : torch.nn.Module, optional
        The model that gives the parameters their names, and whose loading of weights is noticed. Names are also known if the
        optimizer was made from ``model.named_parameters()``.
    window : int
        How many norms are kept.
    every : int, optional
        The norms are copied to the host after this many steps. Default: a fifth of the window.
    snapshot : "device" or "cpu"
        Where the copy of "exact" is kept; on the CPU it is in pinned memory, and steps take longer.
    alarm : callable, optional
        Called with a message when the regime changes or α drifts. Default: log it as a warning of the logger "wcdfa". If it raises
        an error, the error is logged and training goes on.
    gradients : bool
        Record ‖g‖ too, the norm of the gradients that the optimizers use for a step, after clipping and unscaling. It costs one
        more sum over the parameters.
    direction : bool
        Record the direction of the weight change too: the cosine of each change with the last one, ‖W‖, and some coordinates of
        each change. It is measured on a sample of the parameters, about one number in 64, or all up to 65,536.
    coordinates : int
        How many coordinates of each change to keep; 64 to 256 make sense.

    Raises
    ------
    TypeError, ValueError
        If one of the optimizers is not an optimizer of torch or has no hooks, is attached already with other settings or other
        optimizers, or an option is unknown; if processes that share parameters give different settings. A process that does not
        attach within 30 s is not compared, with a warning.
    """
    found = optimizers_of(optimizers)
    if alarm is not None and not callable(alarm):
        msg = f"alarm must be a callable that takes a message, got {type(alarm).__name__}"
        raise TypeError(msg)
    if model is not None and not isinstance(model, torch.nn.Module):
        msg = f"model must be the torch.nn.Module that names the parameters, got {type(model).__name__}"
        raise TypeError(msg)
    settings = Settings(
        window=window,
        mode=mode,
        sample=sample,
        groups=groups,
        snapshot=snapshot,
        every=every,
        gradients=gradients,
        direction=direction,
        coordinates=coordinates,
    )
    grouping = Grouping(found, settings.groups, model)
    handle = handle_of(found, settings, seed, grouping)
    if handle is None or monitor is not handle.monitor:
        require_monitor(monitor, groups)
        _require_fitting(monitor, grouping.names)
    if model is not None and not parameters_in(found) & {id(part) for part in model.parameters()}:
        logging.getLogger("wcdfa").warning(
            "none of the parameters that are optimized is one of the model's: if the optimizer was made of another copy of the model, no "
            "step moves this one. Make it of model.parameters() after the last change of the model"
        )
    if handle is not None:
        go_on(handle, monitor, alarm, model)
        return handle
    require_same_settings(found, settings, seed, grouping.names[1:])
    handle = Handle(
        found,
        Snapshot(settings.share, seed, on_cpu=snapshot == "cpu"),
        grouping,
        settings,
        seed,
        monitor=monitor,
        alarms=Alarms("log" if alarm is None else alarm),
    )
    ATTACHED.update(dict.fromkeys(found, weakref.ref(handle)))
    if monitor is not None:
        FED[monitor] = weakref.ref(handle)
    return handle


def optimizers_of(given: Sequence[object]) -> list[torch.optim.Optimizer]:
    """The optimizers of torch whose steps are those of the given ones. Raises as `attach` if there are none, or one is there twice."""
    found = [own for optimizer in given for own in optimizers_in(optimizer)]
    if not found:
        msg = "attach needs an optimizer: attach(optimizer)"
        raise TypeError(msg)
    for optimizer in found:
        if sum(each is optimizer for each in found) > 1:
            raise ValueError(already(optimizer))
    return found


def require_unattached(given: Sequence[object]) -> None:
    """Raise a ValueError if one of these optimizers has a handle that records."""
    for optimizer in optimizers_of(given):
        if recording(optimizer) is not None:
            raise ValueError(already(optimizer))


def _require_fitting(monitor: WeightChangeDFA | None, names: Sequence[str]) -> None:
    """Raise a ValueError if the monitor holds norms of other groups."""
    held = set() if monitor is None or not monitor.n_samples else {ALL, *monitor.reading().groups}
    if held and not may_follow({ALL, *names}, held):
        msg = (
            f"the monitor holds norms of {', '.join(sorted(held))}, but this handle has {', '.join(sorted({ALL, *names}))}: give the "
            "groups that it was made with, or a new monitor"
        )
        raise ValueError(msg)


def require_monitor(monitor: WeightChangeDFA | None, groups: Groups) -> None:
    """Raise a TypeError or ValueError unless the monitor can take norms of these groups."""
    if monitor is None:
        return
    if not isinstance(monitor, WeightChangeDFA):
        msg = f"monitor must be a WeightChangeDFA, got {type(monitor).__name__}"
        raise TypeError(msg)
    if monitor.groups is not None and groups is None:
        msg = "the monitor has groups=, but no groups are recorded: give them to attach(...) instead"
        raise ValueError(msg)
    if records(FED.get(monitor)):
        msg = "the monitor is fed by another handle: detach() that first, or attach the optimizers together"
        raise ValueError(msg)
