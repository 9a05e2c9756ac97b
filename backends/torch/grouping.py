"""Assigns the parameters of optimizers to groups, by name."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

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
        if groups is not None:
            paths = list(self._paths().values())
            if not paths:
                msg = "groups need names: give model=, or make the optimizer of model.named_parameters()"
                raise ValueError(msg)
            self.names = tuple(members_of(paths, groups))

    def __call__(self, tensors: Sequence[torch.Tensor]) -> Places:
        """Positions by group. A parameter without a name, or in a group that is new, belongs only to the group of all parameters."""
        places: dict[str, list[int]] = {name: [] for name in self.names}
        paths = {} if self.groups is None else self._paths()
        own = name_of(self.groups)
        for i, tensor in enumerate(tensors):
            places[ALL].append(i)
            name = own(paths[id(tensor)]) if id(tensor) in paths else None
            if name in places:
                places[name].append(i)
        return {name: tuple(found) for name, found in places.items()}

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
        return {key: name.replace(".", "/") for key, name in named.items()}
