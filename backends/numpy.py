"""‖ΔW‖ of parameters held as NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np


def delta_norm(new: Any, old: Any) -> float:
    """Euclidean norm ‖new − old‖ over all arrays of two parameter trees of the same structure.

    >>> delta_norm({"w": [1.0, 2.0], "b": 5.0}, {"w": [1.0, 0.0], "b": 5.0})
    2.0

    Trees are dicts, lists and tuples of arrays, nested at will, or one array. Differences are taken and summed in float64; an empty
    tree has norm 0.0.

    Raises
    ------
    ValueError
        If the trees differ in keys, lengths or shapes: the message names the place.
    """
    return math.sqrt(math.fsum(_square(a, b) for a, b in _pairs(new, old, "parameters")))


def parameters_of(tree: Any) -> dict[str, Any] | None:
    """Arrays of a tree by path, such as "layers/0/weight"; None if it is no tree of numbers."""
    if not (isinstance(tree, (Mapping, np.ndarray)) or _is_sequence(tree)):
        return None
    leaves = dict(_leaves(tree, ""))
    numbers = all(isinstance(leaf, (int, float, np.number)) or _is_array(leaf) for leaf in leaves.values())
    return {path: np.asarray(leaf) for path, leaf in leaves.items()} if leaves and numbers else None


def copied(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Each array copied, so that a step in place cannot change it."""
    return {path: np.array(part) for path, part in parameters.items()}


def group_norms(new: Mapping[str, Any], old: Mapping[str, Any], members: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """‖new − old‖ over the parameters of each group."""
    squares = {path: _square(new[path], old[path]) for path in new}
    return {name: math.sqrt(math.fsum(squares[path] for path in paths)) for name, paths in members.items()}


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key in tree:
            yield from _leaves(tree[key], f"{path}/{key}" if path else str(key))
    elif _is_sequence(tree):
        for i, part in enumerate(tree):
            yield from _leaves(part, f"{path}/{i}" if path else str(i))
    elif tree is not None:
        yield path or "parameters", tree


def _square(new: Any, old: Any) -> float:
    difference = np.subtract(new, old, dtype=np.promote_types(np.result_type(new, old), np.float64))
    return float(np.vdot(difference, difference).real)


def _pairs(new: Any, old: Any, place: str) -> Iterator[tuple[Any, Any]]:
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        if new.keys() != old.keys():
            odd = sorted(map(str, new.keys() ^ old.keys()))
            msg = f"{place}: key(s) {', '.join(odd)} in one tree only; both must hold the same parameters"
            raise ValueError(msg)
        for key in new:
            yield from _pairs(new[key], old[key], f"{place}[{key!r}]")
    elif _is_sequence(new) and _is_sequence(old):
        if len(new) != len(old):
            msg = f"{place}: {len(new)} parts against {len(old)}; both trees must hold the same parameters"
            raise ValueError(msg)
        for i, (a, b) in enumerate(zip(new, old, strict=True)):
            yield from _pairs(a, b, f"{place}[{i}]")
    else:
        a, b = np.asarray(new), np.asarray(old)
        if a.shape != b.shape:
            msg = f"{place}: shape {a.shape} against {b.shape}; both trees must hold the same parameters"
            raise ValueError(msg)
        yield a, b


def _is_sequence(tree: Any) -> bool:
    return isinstance(tree, Sequence) and not isinstance(tree, (str, bytes))


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iufcb"
