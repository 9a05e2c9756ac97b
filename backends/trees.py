"""Walks nested dicts, lists and tuples of arrays: leaves by path, and two trees side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard, TypeVar

Leaf = TypeVar("Leaf")


def is_tree(given: object) -> TypeGuard[Mapping[object, object] | Sequence[object]]:
    """Whether the object is a dict, list or tuple; a string is a leaf."""
    return isinstance(given, Mapping) or (isinstance(given, Sequence) and not isinstance(given, (str, bytes)))


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Path and value of each leaf. If the whole tree is one leaf, its path is "parameters". None is left out.

    >>> list(leaves({"layers": [{"weight": 1.0}], "head": 2.0, "unused": None}))
    [('layers/0/weight', 1.0), ('head', 2.0)]
    """
    if is_tree(tree):
        for key, part in _parts(tree):
            yield from leaves(part, f"{path}/{key}" if path else str(key))
    elif tree is not None:
        yield path or "parameters", tree


def by_path(named: Iterable[tuple[str, Leaf]]) -> dict[str, Leaf]:
    """Leaves by path; if two have the same path, as in ``{"a/b": x, "a": {"b": y}}``, the second is numbered.

    >>> by_path([("a/b", 1.0), ("a/b", 2.0)])
    {'a/b': 1.0, 'a/b (2)': 2.0}
    """
    found: dict[str, Leaf] = {}
    for path, leaf in named:
        name, number = path, 1
        while name in found:
            number += 1
            name = f"{path} ({number})"
        found[name] = leaf
    return found


def pairs(new: object, old: object, place: str = "parameters") -> Iterator[tuple[str, object, object]]:
    """Place and values of each leaf of two trees of the same structure.

    >>> list(pairs({"a": [1.0, 2.0]}, {"a": [3.0, 4.0]}))
    [("parameters['a'][0]", 1.0, 3.0), ("parameters['a'][1]", 2.0, 4.0)]

    Raises
    ------
    ValueError
        If the trees differ in keys, lengths or kinds: the message names the place.
    """
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        _require_same_keys(place, new, old)
        for key in new:
            yield from pairs(new[key], old[key], f"{place}[{key!r}]")
    elif is_tree(new) and is_tree(old) and not isinstance(new, Mapping) and not isinstance(old, Mapping):
        if len(new) != len(old):
            msg = f"{place}: {len(new)} parts against {len(old)}; both trees must hold the same parameters"
            raise ValueError(msg)
        for i, (a, b) in enumerate(zip(new, old, strict=True)):
            yield from pairs(a, b, f"{place}[{i}]")
    elif (new is None) != (old is None):
        msg = f"{place}: None in one tree only; both must hold the same parameters"
        raise ValueError(msg)
    elif new is not None:
        yield place, new, old


def require_shape(place: str, new: Iterable[int], old: Iterable[int]) -> None:
    """Raise a ValueError that names the place, unless both shapes are the same."""
    if tuple(new) != tuple(old):
        msg = f"{place}: shape {tuple(new)} against {tuple(old)}; both trees must hold the same parameters"
        raise ValueError(msg)


def _parts(tree: Mapping[object, object] | Sequence[object]) -> Iterable[tuple[object, object]]:
    return tree.items() if isinstance(tree, Mapping) else enumerate(tree)


def _require_same_keys(place: str, new: Mapping[object, object], old: Mapping[object, object]) -> None:
    if new.keys() != old.keys():
        odd = sorted(map(str, new.keys() ^ old.keys()))
        msg = f"{place}: key(s) {', '.join(odd)} in one tree only; both must hold the same parameters"
        raise ValueError(msg)
