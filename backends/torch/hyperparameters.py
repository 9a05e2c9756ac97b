"""Recognises a torch optimizer by its param groups, for `wcdfa.nulls.optimizer_null`; only if it is certain what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import torch

from wcdfa.nulls.recognition import UNKNOWN, Known, recognised, written

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
    groups = [group for group in optimizer.param_groups if group["params"]]
    if not groups:
        return UNKNOWN
    told = [recognised(written(type(optimizer)), Options(group)) for group in groups]
    largest = max(range(len(groups)), key=lambda i: sum(part.numel() for part in groups[i]["params"]))
    name, found = told[largest]
    for other, each in told:
        if other != name or {**each, "weight_decay": 0} != {**found, "weight_decay": 0}:
            return UNKNOWN
    return name, found


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


def learning_rate(optimizer: torch.optim.Optimizer) -> Rate:
    """The current learning rate of the largest group of parameters: a number, a tensor on any device, or None."""
    groups = optimizer.param_groups
    largest = groups[0] if len(groups) == 1 else max(groups, key=lambda group: sum(part.numel() for part in group["params"]))
    rate: Rate = largest.get("lr")
    return rate.detach().clone() if isinstance(rate, torch.Tensor) else rate


def _plain(value: object) -> object:
    """Numbers of what may be tensors: betas, for one."""
    if isinstance(value, (tuple, list)):
        return tuple(_plain(part) for part in value)
    return float(value) if isinstance(value, torch.Tensor) and value.numel() == 1 else value
