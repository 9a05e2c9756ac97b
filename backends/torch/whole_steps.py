"""Finds the calls of torch's hooks that belong to a whole step of an optimizer."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Sequence

import torch


class Call(dict[str, object]):
    """The keyword arguments of a step, which live as long as the call and, unlike a dict, say when they are gone."""


class WholeSteps:
    """Distinguishes the outermost step of an optimizer from the steps inside it.

    torch calls the hooks of an optimizer for every class whose ``step`` runs: twice where a subclass calls ``super().step()`` and
    both classes are in use. Only the outermost call has moved the parameters by a whole step. torch calls no hook at the end of a step
    that raises: such a call is over when its arguments are gone.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._most = {id(optimizer): steps_of(type(optimizer)) for optimizer in optimizers}
        self.forget()

    def begin(self, optimizer: torch.optim.Optimizer, kwargs: dict[str, object]) -> tuple[bool, dict[str, object]]:
        """Note that a step begins; returns whether it is the outermost, and the arguments that it must be called with."""
        most = self._most[id(optimizer)]
        if most == 1:  # no other step can be running
            return True, kwargs
        call, running = Call(kwargs), self._running[id(optimizer)]
        # those of an exception that is kept are not gone: never believe that more steps are running than the classes define
        running[:] = [*(each for each in running if each() is not None), weakref.ref(call)][-most:]
        return len(running) == 1, call

    def end(self, optimizer: torch.optim.Optimizer, kwargs: dict[str, object]) -> bool:
        """Note that a step with these arguments ends; returns whether it was the outermost."""
        running = self._running[id(optimizer)]
        place = next((i for i, each in enumerate(running) if each() is kwargs), 0)
        del running[place:]
        return place == 0

    def forget(self) -> None:
        """Say that no step is running, whatever an earlier one that raised has left behind."""
        self._running: dict[int, list[weakref.ref[Call]]] = {key: [] for key in self._most}


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
