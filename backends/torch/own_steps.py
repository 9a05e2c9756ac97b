"""Gives hooks to the step of an optimizer that is not one of torch's, such as one that combines several."""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeGuard

import torch


class Steps(Protocol):
    """What an optimizer of another kind must have."""

    param_groups: list[dict[str, Any]]

    def step(self, *args: Any, **kwargs: Any) -> object:
        """Move the weights."""


class OwnSteps(torch.optim.Optimizer):
    """Stands for an optimizer of another kind: its groups of parameters, its state, and hooks around its step."""

    def __init__(self, given: Steps) -> None:
        # the __init__ of the base class is not called: it would copy the groups
        self._given = weakref.ref(given)
        self._running = False
        self.defaults = {}
        self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks = OrderedDict(), OrderedDict()
        self._patch_step_function()

    @property
    def given(self) -> Steps | None:
        """The optimizer that this one stands for; None if it is gone."""
        return self._given()

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Those of the other."""
        return [] if self.given is None else list(self.given.param_groups)

    @property
    def state(self) -> Mapping[Any, Any]:  # type: ignore[override]
        """That of the other, if it has one like torch's."""
        state = getattr(self.given, "state", None)
        return state if isinstance(state, Mapping) else {}

    def passed(self, plain: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Call the other's step between the hooks; inside a step that is running already, without them."""
        if self._running:
            return plain(self.given, *args, **kwargs)
        self._plain = plain
        return self.step(*args, **kwargs)

    def step(self, *args: Any, **kwargs: Any) -> Any:
        """Call the other's step. The base class calls the hooks around it."""
        self._running = True
        try:
            return self._plain(self.given, *args, **kwargs)
        finally:
            self._running = False


STANDING: dict[int, OwnSteps] = {}
"""What stands for each optimizer of another kind, by the id of that, as long as it lives."""


def standing_for(given: object) -> OwnSteps | None:
    """Stand for an optimizer of another kind.

    None if it has no groups of parameters or no step, or its class does not let the step be changed.
    """
    if not _is_like_torchs(given):
        return None
    found = STANDING.get(id(given))
    if found is None:
        try:
            found = type(type(given).__name__, (OwnSteps,), {"__module__": type(given).__module__})(given)
            weakref.finalize(given, STANDING.pop, id(given), None)
            _pass_on(type(given))
        except (TypeError, AttributeError):
            return None
        STANDING[id(given)] = found
    return found


def _is_like_torchs(given: object) -> TypeGuard[Steps]:
    groups = getattr(given, "param_groups", None)
    each = groups if isinstance(groups, (list, tuple)) else ()
    whole = bool(each) and all(isinstance(group, dict) and "params" in group for group in each)
    return whole and callable(getattr(type(given), "step", None)) and "step" not in getattr(given, "__dict__", {})


def _pass_on(kind: type[Steps]) -> None:
    """From now on a class passes its step to what stands for the object, if anything does."""
    plain = kind.step
    if hasattr(plain, "passes_on"):
        return

    @functools.wraps(plain)
    def step(self: Steps, *args: object, **kwargs: object) -> object:
        standing = STANDING.get(id(self))
        return plain(self, *args, **kwargs) if standing is None else standing.passed(plain, args, kwargs)

    step.passes_on = True  # type: ignore[attr-defined]
    kind.step = step  # type: ignore[method-assign]
