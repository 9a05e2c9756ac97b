"""Finds the optimizers whose steps are recorded: inside wrappers, and in classes whose step torch gives no hooks."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import torch

from wcdfa.backends.torch.own_steps import OwnSteps, standing_for

INNER = ("optimizer", "base_optimizer", "_base_optimizer", "_optimizer")
"""The attributes in which wrappers hold the optimizer that they wrap."""
TRAINERS = ("accelerate", "lightning", "pytorch_lightning", "lightning_fabric")
"""Packages whose wrappers move no weights of their own: the step of the optimizer inside is the one to record."""


def optimizers_in(given: object) -> list[torch.optim.Optimizer]:
    """The optimizers of torch whose steps are those of the given one, with hooks on their step.

    >>> optimizers_in(torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1))[0].defaults["lr"]
    0.1

    Raises
    ------
    TypeError, ValueError
        If there are none.
    """
    inner = given
    for _ in range(9):
        layers = _layers_of(inner)
        if layers:
            return [own for each in layers for own in optimizers_in(each)]
        if isinstance(inner, torch.optim.Optimizer) and takes_hooks(inner):
            return [_hooked(inner)]
        if type(inner).__module__.startswith("deepspeed") and "Zero" in type(inner).__name__:
            msg = "DeepSpeed's ZeRO hides which numbers a process holds: give norms of its own to WeightChangeDFA.update"
            raise ValueError(msg)
        own = None if type(inner).__module__.partition(".")[0] in TRAINERS else standing_for(inner)
        if own is not None:
            return [own]
        inner = next((held for name in INNER if (held := getattr(inner, name, None)) is not None), None)
    msg = (
        f"attach takes optimizers of torch, got {type(given).__name__}, which has no step() and param_groups as they do; "
        "for anything else, give norms or the module to update()"
    )
    raise TypeError(msg)


def _layers_of(given: object) -> list[torch.optim.Optimizer]:
    """The optimizers that transformers gives each layer, behind a dummy that it shows to the trainer; else none."""
    held = getattr(given, "optimizer_dict", None)
    each = list({id(own): own for own in held.values()}.values()) if isinstance(held, dict) else []
    return each if all(isinstance(own, torch.optim.Optimizer) for own in each) else []


def takes_hooks(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimizer takes hooks. The wrapper of accelerate is an Optimizer too, but does not."""
    try:
        optimizer.register_step_post_hook(lambda *_: None).remove()
    except AttributeError:
        return False
    return True


def held_inside(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, torch.optim.Optimizer]]:
    """The optimizers in the attributes of another one, which may be called in its place, with the name of the attribute."""
    outer = optimizer.given if isinstance(optimizer, OwnSteps) else optimizer
    for name, held in getattr(outer, "__dict__", {}).items():
        if isinstance(held, torch.optim.Optimizer) and held is not optimizer and takes_hooks(held):
            yield name, held


def parameters_in(optimizers: Sequence[torch.optim.Optimizer]) -> set[int]:
    """The ids of the parameters that the optimizers hold."""
    return {id(part) for each in optimizers for group in each.param_groups for part in group["params"]}


def _hooked(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer, with hooks on its step. torch puts them there in the ``__init__`` of the base class, which some never call."""
    if getattr(type(optimizer).step, "hooked", False):
        return optimizer
    own = vars(optimizer).get("step")
    if own is None:
        optimizer._patch_step_function()
        return optimizer

    @functools.wraps(own)  # a scheduler of the learning rate has put it there, and holds the step without hooks
    def step(_: object, *args: object, **kwargs: object) -> object:
        return own(*args, **kwargs)

    hooked = functools.partial(torch.optim.Optimizer.profile_hook_step(step), optimizer)
    optimizer.step = functools.update_wrapper(hooked, own)  # type: ignore[assignment, method-assign]
    return optimizer
