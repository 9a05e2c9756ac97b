"""Assigns the parameters of optimizers to groups, by name."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Mapping, Sequence

import torch

from wcdfa.backends.torch.device_ring import Places
from wcdfa.recording.groups import ALL, Groups, is_allowed, members_of, name_of


class Grouping:
    """Finds the positions of the tensors of each group, by their current names."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], groups: Groups, model: torch.nn.Module | None) -> None:
        self.optimizers = [weakref.ref(optimizer) for optimizer in optimizers]
        self.model = None if model is None else weakref.ref(model)
        self.groups = groups
        self.names: tuple[str, ...] = (ALL,)
        """The groups so far; the group of all parameters comes first."""
        self.grows = groups is not None and not isinstance(groups, (Mapping, Sequence))
        """Whether a parameter that comes later may bring a group of its own."""
        self._refused: set[str] = set()  # names that were refused with a warning
        if groups is not None:
            paths = list(self._paths().values())
            if not paths:
                msg = "groups need names: give model=, or make the optimizer of model.named_parameters()"
                raise ValueError(msg)
            known = paths if self.grows else self._known(paths)  # a named group may be that of a part which is unfrozen later
            members = members_of(known, groups)
            own = name_of(groups, self._known(paths))
            self.names = tuple(dict.fromkeys([ALL, *filter(None, map(own, paths))])) if self.grows else tuple(members)

    def __call__(self, tensors: Sequence[torch.Tensor]) -> Places:
        """Positions by group. A parameter without a name belongs only to the group of all parameters.

        A group that is new comes after the others.
        """
        places: dict[str, list[int]] = {name: [] for name in self.names}
        paths = {} if self.groups is None else self._paths()
        own = name_of(self.groups, self._known(list(paths.values())))
        for i, tensor in enumerate(tensors):
            places[ALL].append(i)
            name = own(paths[id(tensor)]) if id(tensor) in paths else None
            if name is not None and self._allowed(name):
                places.setdefault(name, []).append(i)
        self.names = tuple(places)
        return {name: tuple(found) for name, found in places.items()}

    def _allowed(self, name: str) -> bool:
        """Whether a new group can have this name; if not, a warning says so once, because training goes on."""
        if is_allowed(name):
            return True
        if str(name) not in self._refused:
            logging.getLogger("wcdfa").warning(
                "parameters came for a group that cannot be called %r, so they count in the norm of all parameters only", name
            )
        self._refused.add(str(name))
        return False

    def _known(self, paths: list[str]) -> list[str]:
        """These paths, and those of all other parameters of the model, which show what wrappers have added."""
        model = None if self.model is None else self.model()
        return paths if model is None else list(dict.fromkeys([*paths, *(_path(name) for name, _ in model.named_parameters())]))

    def _paths(self) -> dict[int, str]:
        named: dict[int, str] = {}
        for optimizer in (ref() for ref in self.optimizers):
            for group in optimizer.param_groups if optimizer is not None else ():
                named |= {id(part): name for part, name in zip(group["params"], group.get("param_names", ()), strict=False)}
        model = None if self.model is None else self.model()
        if model is not None:
            held = {
                id(part) for ref in self.optimizers if (each := ref()) for group in each.param_groups for part in group["params"]
            }
            named |= {id(part): name for name, part in model.named_parameters() if id(part) in held}
        return {key: _path(name) for key, name in named.items()}


def _path(name: str) -> str:
    """The name of a parameter in torch as a path."""
    return name.replace(".", "/")
