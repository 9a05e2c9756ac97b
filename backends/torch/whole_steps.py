"""Finds the calls of torch's hooks that belong to a whole step of an optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch


class WholeSteps:
    """Distinguishes the outermost step of an optimizer from the steps inside it.

    torch calls the hooks of an optimizer for every class whose ``step`` runs: twice if a subclass calls ``super().step()`` and both
    classes are in use. Only in the outermost call have the parameters moved by a whole step.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._most = {id(optimizer): steps_of(type(optimizer)) for optimizer in optimizers}
        self._running = dict.fromkeys(self._most, 0)

    def begin(self, optimizer: torch.optim.Optimizer) -> bool:
        """Note that a step begins. Returns whether it is the outermost."""
        key = id(optimizer)
        # torch calls no hook when a step raises, so never count more running steps than the classes define
        self._running[key] = min(self._running[key] + 1, self._most[key])
        return self._running[key] == 1

    def end(self, optimizer: torch.optim.Optimizer) -> bool:
        """Note that a step ends. Returns whether it was the outermost."""
        key = id(optimizer)
        self._running[key] = max(self._running[key] - 1, 0)
        return self._running[key] == 0

    def forget(self) -> None:
        """Reset: no step is running, even if an earlier one raised."""
        self._running = dict.fromkeys(self._most, 0)


def steps_of(kind: type[torch.optim.Optimizer]) -> int:
    """How many different ``step`` methods a class and its parents define, so that one may call the next.

    >>> class Decayed(torch.optim.SGD):
    ...     def step(self, closure=None):
    ...         super().step(closure)
    >>> steps_of(torch.optim.SGD), steps_of(torch.optim.AdamW), steps_of(Decayed)
    (1, 1, 2)
    """
    own = {
        inspect.unwrap(vars(each)["step"]) for each in kind.__mro__ if "step" in vars(each) and each is not torch.optim.Optimizer
    }
    return max(1, len(own))
