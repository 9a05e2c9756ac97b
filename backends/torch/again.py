"""Remembers which optimizers and monitors have a handle, and finds it if an optimizer is attached again."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import asdict

import torch

from wcdfa.backends.torch.grouping import Grouping
from wcdfa.backends.torch.handle import Handle
from wcdfa.backends.torch.settings import Settings
from wcdfa.monitor.messages import Alarms
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.support.text import several

ATTACHED: weakref.WeakKeyDictionary[torch.optim.Optimizer, weakref.ref[Handle]] = weakref.WeakKeyDictionary()
FED: weakref.WeakKeyDictionary[WeightChangeDFA, weakref.ref[Handle]] = weakref.WeakKeyDictionary()


def records(reference: weakref.ref[Handle] | None) -> bool:
    """Whether there is a handle that still records."""
    handle = None if reference is None else reference()
    return handle is not None and handle.attached


def handle_of(optimizers: Sequence[torch.optim.Optimizer], settings: Settings, seed: int, grouping: Grouping) -> Handle | None:
    """The handle that these optimizers have already with these settings; None if none of them has one.

    Raises
    ------
    ValueError
        If they have one with other settings, or some of them have one. The message says what differs.
    """
    held = {optimizer: handle for optimizer in optimizers if (handle := recording(optimizer)) is not None}
    if not held:
        return None
    first, handle = next(iter(held.items()))
    why = ""
    if len({*held.values()}) > 1 or len(held) < len(optimizers) or len(handle.optimizers) != len(optimizers):
        why = ", but not together with the same others"
    elif differing := _differing(handle, settings, seed, grouping):
        why = f", with {' and '.join(differing)}"
    if why:
        raise ValueError(already(first, why))
    return handle


def recording(optimizer: torch.optim.Optimizer) -> Handle | None:
    """The handle that records this optimizer."""
    reference = ATTACHED.get(optimizer)
    return reference() if reference is not None and records(reference) else None


def already(optimizer: torch.optim.Optimizer, why: str = "") -> str:
    """What is said of an optimizer that has a handle."""
    return (
        f"this {type(optimizer).__name__} is attached already{why}: use that handle, or detach() it first. To get the handle, attach "
        "again as the first time"
    )


def go_on(
    handle: Handle, monitor: WeightChangeDFA | None, alarm: Callable[[str], object] | None, model: torch.nn.Module | None
) -> None:
    """Go on with a handle that was asked for again: a new monitor and a new alarm take the places of the earlier ones. A note says so."""
    new = monitor is not None and monitor is not handle.monitor
    if new and handle.monitor is not None:
        FED.pop(handle.monitor, None)
    if new and monitor is not None:
        FED[monitor] = weakref.ref(handle)
        handle.feed(monitor)
    if alarm is not None:
        handle.call(Alarms(alarm))
    if model is not None:
        handle.follow(model)
    logging.getLogger("wcdfa").warning(
        "%s attached already, so this is the same handle, with %s so far%s; detach() it first to begin anew",
        " and ".join(type(each).__name__ for each in handle.optimizers) + (" is" if len(handle.optimizers) == 1 else " are"),
        several(handle.steps, "step", "steps"),
        ", and the new monitor takes the place of the earlier one" if new else "",
    )


def _differing(handle: Handle, settings: Settings, seed: int, grouping: Grouping) -> list[str]:
    """The settings in which a handle differs from these, in words."""
    was, now = _told(handle.settings, handle.seed), _told(settings, seed)
    if handle.settings.every == settings.every:  # it follows from the window where it is not given
        del was["every"]
    found = [f"{name}={was[name]} instead of {value}" for name, value in now.items() if was.get(name, value) != value]
    groups = handle.settings.groups, settings.groups
    same = groups[0] == groups[1] or (all(map(callable, groups)) and _members(handle.grouping) == _members(grouping))
    return found + ([] if same else [f"groups={_shown(groups[0])} instead of {_shown(groups[1])}"])


def _told(settings: Settings, seed: int) -> dict[str, str]:
    values = asdict(settings) | {"every": settings.steps_between_copies, "seed": seed}
    del values["groups"]
    if settings.mode == "exact":
        del values["sample"]
    if not settings.direction:
        del values["coordinates"]
    return {name: repr(value) for name, value in values.items()}


def _members(grouping: Grouping) -> dict[str, tuple[int, ...]]:
    held = (ref() for ref in grouping.optimizers)
    return grouping([part for one in held if one is not None for group in one.param_groups for part in group["params"]])


def _shown(groups: object) -> str:
    return getattr(groups, "__qualname__", type(groups).__name__) + "()" if callable(groups) else repr(groups)
