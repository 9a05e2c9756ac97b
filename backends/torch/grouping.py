"""Assigns the parameters of optimizers to groups, by name."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterable, Mapping, Sequence

import torch

from wcdfa.backends.torch.device_ring import Places
from wcdfa.recording.groups import ALL, Groups, members_of, name_of


class Grouping:
    """Finds the positions of the tensors of each group, by their current names."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], groups: Groups, model: torch.nn.Module | None) -> None:
        self.optimizers = [weakref.ref(optimizer) for optimizer in optimizers]
        self.model = None if model is None else weakref.ref(model)
        self.groups = groups
        self.names: tuple[str, ...] = (ALL,)
        self._told: set[str] = set()  # groups that were named in a warning
        if groups is not None:
            paths = list(self._paths().values())
            if not paths:
                msg = "groups need names: give model=, or make the optimizer of model.named_parameters()"
                raise ValueError(msg)
            if isinstance(groups, (Mapping, Sequence)):  # its parameters may come later, when a part of the model is unfrozen
                later = () if model is None else (_path(name) for name, _ in model.named_parameters())
                paths = list(dict.fromkeys((*paths, *later)))
            self.names = tuple(members_of(paths, groups))

    def __call__(self, tensors: Sequence[torch.Tensor]) -> Places:
        """Positions by group. A parameter without a name belongs only to the group of all parameters.

        So does one in a group that is new, and a warning says so once.
        """
        places: dict[str, list[int]] = {name: [] for name in self.names}
        paths = {} if self.groups is None else self._paths()
        own, new = name_of(self.groups), []
        for i, tensor in enumerate(tensors):
            places[ALL].append(i)
            name = own(paths[id(tensor)]) if id(tensor) in paths else None
            if name in places:
                places[name].append(i)
            elif name is not None:
                new.append(name)
        self._tell(dict.fromkeys(new))
        return {name: tuple(found) for name, found in places.items()}

    def _tell(self, names: Iterable[str]) -> None:
        """Warn once of groups that came too late."""
        new = [name for name in names if name not in self._told]
        if new:
            logging.getLogger("wcdfa").warning(
                "the parameters of %s came after attach, so they count in the norm of all parameters only: name the group in "
                "groups={name: pattern} with model=, or attach again",
                ", ".join(new),
            )
        self._told.update(new)

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
