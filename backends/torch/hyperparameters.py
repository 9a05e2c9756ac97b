"""What a torch optimizer does, in the words of `wcdfa.nulls.nulls.optimizer_null`: from its param groups, and only where that is sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from wcdfa.nulls.recognition import UNKNOWN, Known, replayable


def described(optimizer: torch.optim.Optimizer) -> Known:
    """Which optimizer it is, and its hyperparameters; (None, {}) where the null has none that does the same.

    >>> weight = torch.nn.Parameter(torch.zeros(3))
    >>> described(torch.optim.AdamW([weight], betas=(0.9, 0.99)))
    ('adamw', {'betas': (0.9, 0.99), 'eps': 1e-08, 'weight_decay': 0.01})
    >>> described(torch.optim.SGD([weight], lr=0.1, momentum=0.9)), described(torch.optim.Adagrad([weight]))
    (('sgd', {'momentum': 0.9, 'dampening': 0, 'nesterov': False, 'weight_decay': 0}), (None, {}))

    Groups of parameters may differ in learning rate and weight decay: the decay is that of the group with the most numbers. Where
    they differ in anything else there is no one answer. A subclass is another optimizer.
    """
    tell = RECOGNISED.get(type(optimizer))
    groups = [group for group in optimizer.param_groups if group["params"]]
    if tell is None or not groups:
        return UNKNOWN
    told = [tell(group) for group in groups]
    largest = max(range(len(groups)), key=lambda i: sum(part.numel() for part in groups[i]["params"]))
    name, found = told[largest]
    for other, each in told:
        if other != name or {**each, "weight_decay": 0} != {**found, "weight_decay": 0}:
            return UNKNOWN
    return replayable(name, found)


def learning_rate(optimizer: torch.optim.Optimizer) -> Any:
    """That of the group with the most numbers, as it is now: a number, a tensor that may be on a device, or None."""
    groups = optimizer.param_groups
    largest = groups[0] if len(groups) == 1 else max(groups, key=lambda group: sum(part.numel() for part in group["params"]))
    rate = largest.get("lr")
    return rate.detach().clone() if isinstance(rate, torch.Tensor) else rate


def _picked(group: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: _plain(group[name]) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(float(part) for part in value)  # betas may be tensors
    return float(value) if isinstance(value, torch.Tensor) else value


def _adam(group: Mapping[str, Any]) -> Known:
    if group["amsgrad"] or group["maximize"]:
        return UNKNOWN
    name = "adamw" if group.get("decoupled_weight_decay") else "adam"
    return name, _picked(group, "betas", "eps", "weight_decay")


def _adamw(group: Mapping[str, Any]) -> Known:
    return UNKNOWN if group["amsgrad"] or group["maximize"] else ("adamw", _picked(group, "betas", "eps", "weight_decay"))


def _sgd(group: Mapping[str, Any]) -> Known:
    return UNKNOWN if group["maximize"] else ("sgd", _picked(group, "momentum", "dampening", "nesterov", "weight_decay"))


def _rmsprop(group: Mapping[str, Any]) -> Known:
    if group["centered"] or group.get("maximize"):
        return UNKNOWN
    return "rmsprop", _picked(group, "alpha", "eps", "momentum", "weight_decay")


RECOGNISED: dict[type, Callable[[Mapping[str, Any]], Known]] = {
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adamw,
    torch.optim.SGD: _sgd,
    torch.optim.RMSprop: _rmsprop,
}
