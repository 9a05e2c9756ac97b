"""Notices that a model loads weights, so that no step is blamed for it, and that an optimizer moves weights which the model has lost."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Collection

import torch
from torch.utils.hooks import RemovableHandle


class Loads:
    """Whether a model, or a part of it, has loaded a ``state_dict``. It keeps neither the model nor its parameters alive."""

    def __init__(self) -> None:
        self.seen = False
        """Whether weights were loaded since `take`."""
        self._hooks: list[RemovableHandle] = []
        self._own: weakref.WeakKeyDictionary[torch.nn.Module, frozenset[int]] = weakref.WeakKeyDictionary()
        self._told = False

    def watch(self, model: torch.nn.Module) -> None:
        """Notice what the model loads from now on, and each part of it that has parameters; what is watched already stays so."""
        for part in model.modules():
            own = _ids(part)
            if own and part not in self._own:
                self._hooks.append(part.register_load_state_dict_post_hook(Hook(self)))  # type: ignore[no-untyped-call]
                self._own[part] = own

    def take(self, held: Collection[int]) -> None:
        """Note that the weights are measured as they are now. `held` are the ids of the parameters that the optimizers have."""
        self.seen = False
        lost = [type(part).__name__ for part, own in self._own.items() if own & set(held) and not own & _ids(part)]
        if lost and not self._told:
            self._told = True
            logging.getLogger("wcdfa").warning(
                "loading has put new parameters into the model (%s), as load_state_dict(assign=True) does, and the optimizer still moves "
                "the old ones: make the optimizer after loading, of model.parameters(), and attach that",
                ", ".join(dict.fromkeys(lost)),
            )

    def forget(self) -> None:
        """Watch no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._own.clear()


class Hook:
    """Called after a module has loaded weights. A copied or saved model has a hook that does nothing.

    >>> import copy
    >>> loads, model = Loads(), torch.nn.Linear(2, 1)
    >>> loads.watch(model)
    >>> other = copy.deepcopy(model)
    >>> _ = other.load_state_dict(model.state_dict())
    >>> loads.seen
    False
    >>> _ = model.load_state_dict(other.state_dict())
    >>> loads.seen
    True
    """

    def __init__(self, loads: Loads) -> None:
        self._loads = weakref.ref(loads)

    def __call__(self, module: torch.nn.Module, keys: object) -> None:
        """Note that weights were loaded."""
        loads = self._loads()
        if loads is not None:
            loads.seen = True

    def __reduce__(self) -> tuple[object, ...]:
        """Something from the standard library that takes anything and does nothing, so that a saved model needs no wcdfa."""
        return getattr, (contextlib.nullcontext(), "__exit__")


def _ids(module: torch.nn.Module) -> frozenset[int]:
    return frozenset(map(id, module.parameters(recurse=False)))
