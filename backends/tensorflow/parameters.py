"""TensorFlow: finds the parameters of a module, a Keras model or a nest, by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.trees import by_path, is_tree, leaves

Values: TypeAlias = "tf.Tensor | tf.Variable | npt.NDArray[np.inexact]"


def parameters_of(given: object) -> dict[str, Values] | None:
    """The trained variables and the floating or complex tensors of a module or nest, by path; None if it has neither.

    >>> list(parameters_of({"layers": [tf.Variable([1.0, 2.0])], "step": tf.Variable(3)}))
    ['layers/0']

    A variable that occurs twice is given once.
    """
    found = list(_named(given))
    if not any(tf.is_tensor(_underlying(leaf)) for _, leaf in found):
        return None
    kept: dict[int, tuple[str, Values]] = {}
    for path, leaf in found:
        if _is_trained(leaf):
            leaf = _underlying(leaf)
            kept.setdefault(id(leaf), (path, leaf))
    return by_path(kept.values()) or None


def _named(given: object) -> Iterator[tuple[str, object]]:
    """Path and value of each leaf, and of each trainable variable of a module."""
    if not is_tree(given):
        yield from _expanded("", given)
        return
    flat = not isinstance(given, Mapping)
    for path, leaf in leaves(given):
        own = flat and "/" not in path and is_variable(_underlying(leaf))
        yield from _expanded(_name(leaf) if own else path, leaf)


def _expanded(path: str, leaf: object) -> Iterator[tuple[str, object]]:
    trained = getattr(leaf, "trainable_variables", None)
    if not isinstance(trained, Sequence):
        yield path or "parameters", leaf
        return
    names = dict(_attributes(leaf, "", set())) if isinstance(leaf, tf.Module) else {}
    for variable in trained:
        name = names.get(id(variable), _name(variable))
        yield f"{path}/{name}" if path else name, variable


def _attributes(node: object, path: str, seen: set[int]) -> Iterator[tuple[int, str]]:
    """The variables of a module, each once, by the attributes that lead to them."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if is_variable(node):
        yield id(node), path
    elif isinstance(node, tf.Module) or is_tree(node):
        parts: Iterable[tuple[object, object]]
        if isinstance(node, tf.Module):  # without the attributes that TensorFlow keeps for itself
            parts = ((key, part) for key, part in sorted(vars(node).items()) if not key.startswith(("_self_", "_TF_")))
        else:
            parts = node.items() if isinstance(node, Mapping) else enumerate(node)
        for key, part in parts:
            yield from _attributes(part, f"{path}/{key}" if path else str(key), seen)


def _name(variable: object) -> str:
    """The path of a Keras variable; the name of a TensorFlow variable, without the number of the output."""
    return str(getattr(variable, "path", None) or getattr(variable, "name", "")).partition(":")[0] or "parameters"


def _underlying(leaf: object) -> Values:
    """The TensorFlow variable inside a Keras variable; anything else unchanged."""
    value = None if is_variable(leaf) else getattr(leaf, "value", None)
    return value if is_variable(value) else leaf


def is_variable(leaf: object) -> bool:
    """Whether the leaf is a TensorFlow variable, mirrored or not."""
    return isinstance(leaf, tf.Variable)


def _is_trained(leaf: object) -> bool:
    """Whether the leaf holds floating or complex numbers and is not frozen."""
    if not getattr(leaf, "trainable", True):
        return False
    try:
        dtype = tf.as_dtype(getattr(leaf, "dtype", object))
    except (AttributeError, TypeError):
        return False
    return bool(dtype.is_floating or dtype.is_complex)
