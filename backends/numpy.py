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
    return math.sqrt(math.fsum(_squares(new, old, "parameters")))


def copy_parameters(tree: Any) -> Any:
    """The same tree with every array copied, so that a step in place cannot change it."""
    if isinstance(tree, Mapping):
        return {key: copy_parameters(part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [copy_parameters(part) for part in tree]
    return np.array(tree)


def _squares(new: Any, old: Any, place: str) -> Iterator[float]:
    for path, a, b in _pairs(new, old, place):
        difference = np.subtract(a, b, dtype=np.float64)
        yield float(np.vdot(difference, difference))
        del path


def _pairs(new: Any, old: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
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
        yield place, a, b


def _is_sequence(tree: Any) -> bool:
    return isinstance(tree, Sequence) and not isinstance(tree, (str, bytes))
