"""Recognises a torch optimizer by its param groups, for `wcdfa.nulls.optimizer_null`; only if it is certain what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch

from wcdfa.nulls.recognition import Known, Recognition, difference, not_recognised, recognition, written
from wcdfa.recording.side_series import series_of

Rate: TypeAlias = float | torch.Tensor | None


def described(optimizer: torch.optim.Optimizer) -> Known:
    """Name the optimizer and its hyperparameters; (None, {}) if the null has none that does the same.

    >>> weight = torch.nn.Parameter(torch.zeros(3))
    >>> described(torch.optim.AdamW([weight], betas=(0.9, 0.99)))
    ('adamw', {'betas': (0.9, 0.99), 'eps': 1e-08, 'weight_decay': 0.01})
    >>> described(torch.optim.SGD([weight], lr=0.1, momentum=0.9)), described(torch.optim.Adagrad([weight]))
    (('sgd', {'momentum': 0.9, 'dampening': 0, 'nesterov': False, 'weight_decay': 0}), (None, {}))

    The optimizers of ``wcdfa.nulls.update_rules`` say how torch writes them. Groups of parameters may differ in learning rate and
    weight decay: the decay of the largest group is used. If they differ in anything else, the optimizer is not recognised. A subclass
    counts as another optimizer.
    """
    return recognition_of(optimizer).known


def recognition_of(optimizer: torch.optim.Optimizer) -> Recognition:
    """`described`, with the reason if the optimizer is not recognised.

    >>> weight, bias = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(1))
    >>> recognition_of(torch.optim.AdamW([{"params": [weight], "betas": (0.9, 0.95)}, {"params": [bias]}])).unknown
    'the parameter groups have different betas: (0.9, 0.95) and (0.9, 0.999)'
    """
    groups = [group for group in optimizer.param_groups if group["params"]]
    if not groups:
        return not_recognised(f"{type(optimizer).__name__} has no parameters")
    told = [recognition(written(type(optimizer)), Options(group)) for group in groups]
    main = next(each for each, group in zip(told, groups, strict=True) if group is _largest(groups))
    without_decay = [{**each.hyperparameters, "weight_decay": 0} for each in told]
    if why := next((each.unknown for each in told if each.unknown is not None), None):
        return not_recognised(why)
    if any(each.optimizer != main.optimizer for each in told) or any(each != without_decay[0] for each in without_decay):
        return not_recognised(difference("parameter groups", without_decay))
    return main


class Options(Mapping[str, object]):
    """The options of a group, each made a number when it is asked for: a learning rate that is on a device must not be read."""

    def __init__(self, group: Mapping[str, object]) -> None:
        self._group = group

    def __getitem__(self, name: str) -> object:
        return _plain(self._group[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._group)

    def __len__(self) -> int:
        return len(self._group)


class StepOptions(NamedTuple):
    """What an optimizer takes a step with, as it stands in its largest group of parameters: numbers, or tensors on any device."""

    rate: Rate
    beside: dict[str, object]
    """Momentum and betas, under the names of `wcdfa.recording.side_series`."""


def step_options(optimizer: torch.optim.Optimizer) -> StepOptions:
    """The learning rate, momentum and betas of a step. No tensor is read.

    >>> step_options(torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1, momentum=0.9))
    StepOptions(rate=0.1, beside={'wcdfa_momentum': 0.9})
    """
    group = _largest(optimizer.param_groups)
    return StepOptions(_kept(group.get("lr")), {name: _kept(value) for name, value in series_of(group).items()})


def steps_taken(optimizer: torch.optim.Optimizer) -> int | None:
    """How many steps the optimizer has taken; None if its state does not tell.

    >>> steps_taken(torch.optim.Adam([torch.nn.Parameter(torch.zeros(3))]))
    0

    It reads one number of the state, which waits for the device if it is there.
    """
    group = _largest(optimizer.param_groups)
    states = [optimizer.state[part] for part in group["params"] if optimizer.state.get(part)]
    if not states:  # plain SGD never has any, and nothing to remember either
        return 0
    count = next((state["step"] for state in states if "step" in state), group.get("step", group.get("k")))
    return None if count is None else int(count)


def _largest(groups: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The group with the most parameters."""
    return groups[0] if len(groups) == 1 else max(groups, key=lambda group: sum(part.numel() for part in group["params"]))


def _kept(value: Any) -> Any:
    """The value as it is now: a tensor may be changed in place."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _plain(value: object) -> object:
    """Numbers of what may be tensors: betas, for one."""
    if isinstance(value, (tuple, list)):
        return tuple(_plain(part) for part in value)
    return float(value) if isinstance(value, torch.Tensor) and value.numel() == 1 else value
