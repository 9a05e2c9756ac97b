"""Notices that a handle records nothing, because no step is called or none moves the weights, and says so once."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.hooks import RemovableHandle

from wcdfa.backends.torch.optimizers import held_inside, parameters_in
from wcdfa.support.text import several

BY_HAND = "or call handle.record() after each step"


class Unseen:
    """What is known of the steps until the first norm is recorded.

    Parameters
    ----------
    optimizers : list of torch.optim.Optimizer
        The optimizers that are recorded.
    patience : int
        After how many steps that move nothing to say so.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], patience: int) -> None:
        self._names, self._patience = " and ".join(dict.fromkeys(type(each).__name__ for each in optimizers)), patience
        self._seen = self._told = self._moved = False
        self._still = 0  # steps that moved nothing, though their learning rate was not 0
        self._known = self._resting = 0  # steps whose norm is known, and those with a learning rate of 0
        self._inside: dict[str, int] = {}  # steps of optimizers in the attributes of those that are recorded
        self._hooks = [hook for each in optimizers for hook in self._watched(each)]

    @property
    def waiting(self) -> bool:
        """Whether no step was seen yet, and nothing was said about it."""
        return not (self._seen or self._told)

    def seen(self) -> bool:
        """A step of the optimizers is called, or is recorded by hand. Returns whether it is the first."""
        first = not self._seen
        if first:
            self._seen = True
            self.forget()
        return first

    def forget(self) -> None:
        """Watch the optimizers inside no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def arrived(self, norms: npt.NDArray[np.floating], rates: npt.NDArray[np.floating]) -> None:
        """Norms have come to the host, 0 where nothing has moved, with the learning rate of each, NaN where unknown."""
        self._moved = self._moved or bool((norms != 0).any())
        self._still += int(np.sum((norms == 0) & (rates != 0)))
        self._known += len(norms)
        self._resting += int(np.sum(rates == 0))

    def after_step(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """After a step, while the gradients are there: say it if no step so far has moved anything, and something should have."""
        if self._told or self._moved or self._still < self._patience:
            return
        why = _standstill(optimizers)
        self._still = 0
        if why:
            steps = several(self._known, "step", "steps")
            resting = f" ({self._resting:,} with a learning rate of 0)" if self._resting else ""
            self._say("%s: %s since attach%s moved no weight that is measured: %s", self._names, steps, resting, why)

    def asked(self, distance: float) -> None:
        """The norms are read, and this is how far the weights have moved since `attach`."""
        if self.waiting and distance > 0:
            self._say(
                "the weights have moved by %.3g since attach, but no call of %s.step was seen, so nothing is recorded. If they were "
                "loaded, all is well; if they were trained, attach the optimizer whose step the loop calls%s, %s",
                *(distance, self._names, "".join(f", such as optimizer.{name}" for name in self._inside), BY_HAND),
            )

    def _watched(self, optimizer: torch.optim.Optimizer) -> list[RemovableHandle]:
        """Count the steps of the optimizers in the attributes of another, which hold parameters of it."""
        hooks = []
        for name, inner in held_inside(optimizer):
            if parameters_in([inner]) & parameters_in([optimizer]):
                self._inside[name] = 0
                count = torch.compiler.disable(lambda *_, name=name: self._stepped_inside(name))  # type: ignore[no-untyped-call]
                hooks.append(inner.register_step_post_hook(count))
        return hooks

    def _stepped_inside(self, name: str) -> None:
        self._inside[name] += 1
        if self.waiting and self._inside[name] >= self._patience:
            self._say(
                "optimizer.%s has taken %s, and no call of %s.step was seen, so nothing is recorded: attach(optimizer.%s), %s",
                *(name, several(self._inside[name], "step", "steps"), self._names, name, BY_HAND),
            )

    def _say(self, message: str, *values: object) -> None:
        self._told = True
        logging.getLogger("wcdfa").warning(message, *values)


def _standstill(optimizers: Sequence[torch.optim.Optimizer]) -> str | None:
    """Why the optimizers move nothing; None if that is as it should be: all is frozen, or a GradScaler refuses the gradients."""
    parts = [part for each in optimizers for group in each.param_groups for part in group["params"]]
    if not any(part.requires_grad for part in parts):
        return None
    gradients = [part.grad for part in parts if part.grad is not None]
    if not gradients:
        return (
            "none of the parameters has a gradient after the last step. If backward() was not called, or for another copy of the model, make the "
            f"optimizer of the parameters that are trained; if another optimizer moves them, attach that, {BY_HAND}"
        )
    largest = max(float(_largest(gradient)) for gradient in gradients)
    if not math.isfinite(largest):
        return None
    if largest == 0:
        return "every gradient of the last step is 0"
    return (
        "not all gradients of the last step are 0. Their parameters may have a learning rate of 0, the optimizer may have reached its "
        "tolerance, the steps may be too small for the numbers that the weights are stored in (or, below 1e-150, for their squares), or the "
        f"weights are moved elsewhere: then attach the optimizer that does it, {BY_HAND}"
    )


def _largest(gradient: torch.Tensor) -> torch.Tensor:
    """The largest absolute value of a gradient on this process; 0 if it has no numbers."""
    own = getattr(gradient, "_local_tensor", gradient).detach()
    own = own.coalesce().values() if own.is_sparse else own
    return own.abs().max() if own.numel() else torch.zeros(())
