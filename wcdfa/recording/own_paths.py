"""The paths of parameters without what wrappers of a model put into them, so that a depth counts the model's own parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

ADDED = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Parts that ``torch.compile``, FSDP and activation checkpointing add, at any place."""
OUTER = (("params",), ("base_model", "model"))
"""What stands in front of every path in the variables of flax, and in a model of PEFT."""
ONLY = "module"
"""What DistributedDataParallel, DataParallel and averaged models add: the only part of the wrapper."""

Parts = tuple[str, ...]


def own_paths(paths: Sequence[str]) -> dict[str, str]:
    """Each path with the path that it has in the model itself.

    >>> own_paths(["module/_orig_mod/encoder/weight", "module/_orig_mod/head/weight"])
    {'module/_orig_mod/encoder/weight': 'encoder/weight', 'module/_orig_mod/head/weight': 'head/weight'}
    >>> own_paths(["module/weight", "head/weight"])["module/weight"]  # a part of the model that has this name
    'module/weight'
    """
    parts = {path: _without_added(path) for path in paths}
    below = _below(parts.values())
    parts = {path: tuple(_without_only(own, below)) for path, own in parts.items()}
    for outer in OUTER:
        if all(len(own) > len(outer) and own[: len(outer)] == outer for own in parts.values()):
            parts = {path: own[len(outer) :] for path, own in parts.items()}
    return {path: "/".join(own) for path, own in parts.items()}


def _without_added(path: str) -> Parts:
    *parts, name = path.split("/")
    return (*(part for part in parts if part not in ADDED), name)


def _without_only(own: Parts, below: dict[Parts, set[str]]) -> Iterable[str]:
    """The parts of a path, without those that are the only part of what holds them and say so."""
    for place, part in enumerate(own):
        if part != ONLY or place == len(own) - 1 or below[own[:place]] != {ONLY}:
            yield part


def _below(paths: Iterable[Parts]) -> dict[Parts, set[str]]:
    """The parts that follow each beginning of a path."""
    found: dict[Parts, set[str]] = defaultdict(set)
    for path in paths:
        for place, part in enumerate(path):
            found[path[:place]].add(part)
    return found
