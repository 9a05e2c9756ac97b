"""NumPy: computes ‖ΔW‖ of parameters in arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.backends.trees import by_path, is_tree, leaves, pairs, require_shape
from wcdfa.kernel.arrays import NUMPY, Array
from wcdfa.recording.direction import Direction, Layout, directed
from wcdfa.recording.sample import Sample

Arrays = dict[str, npt.NDArray[np.inexact]]


def delta_norm(new: object, old: object) -> float:
    """Euclidean norm ‖new − old‖ over all arrays of two parameter trees of the same structure.

    >>> delta_norm({"w": [1.0, 2.0], "b": 5.0}, {"w": [1.0, 0.0], "b": 5.0})
    2.0

    A tree is one array, or dicts, lists and tuples of arrays, nested to any depth. Differences are taken and summed in float64. None is
    left out; an empty tree has norm 0.0.

    Raises
    ------
    ValueError
        If the trees differ in keys, lengths or shapes: the message names the place.
    """
    squares = []
    for place, new_leaf, old_leaf in pairs(new, old):
        a, b = np.asarray(new_leaf), np.asarray(old_leaf)
        require_shape(place, a.shape, b.shape)
        squares.append(_square(a, b))
    return math.sqrt(math.fsum(squares))


def parameters_of(tree: object) -> Arrays | None:
    """Arrays of floating or complex numbers by path, such as "layers/0/weight"; None for anything but a tree of NumPy arrays.

    >>> list(parameters_of({"layers": [{"weight": np.zeros((2, 3)), "steps": np.array(7)}]}))
    ['layers/0/weight']

    Integers are left out: they are not trained, and a counter among them would dominate the norm.
    """
    if not is_tree(tree) and not isinstance(tree, np.ndarray):
        return None
    found = by_path(leaves(tree))
    if not all(isinstance(leaf, (int, float, np.number, np.ndarray)) for leaf in found.values()):
        return None
    return {path: leaf for path, leaf in found.items() if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc"} or None


def copied(parameters: Mapping[str, npt.NDArray[np.inexact]]) -> Arrays:
    """Copy each array, so that a step in place cannot change it."""
    return {path: np.array(part) for path, part in parameters.items()}


def group_norms(
    new: Mapping[str, npt.NDArray[np.inexact]], old: Mapping[str, npt.NDArray[np.inexact]], members: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """‖new − old‖ over the parameters of each group."""
    squares = {path: _square(new[path], old[path]) for path in new}
    return {name: math.sqrt(math.fsum(squares[path] for path in paths)) for name, paths in members.items()}


def sampled(parameters: Mapping[str, npt.NDArray[np.inexact]], sample: Sample) -> npt.NDArray[np.floating]:
    """The numbers of the sample in one row, in float32 or wider; of complex parameters, real and imaginary parts in turn."""
    rows = [_real(parameters[path])[sample.places(path)] for path in sample.counts]
    return np.concatenate([row.astype(np.promote_types(row.dtype, np.float32)) for row in rows])


def direction_of(
    new: Mapping[str, npt.NDArray[np.inexact]],
    old: Mapping[str, npt.NDArray[np.inexact]],
    last: Array | None,
    norm: float,
    layout: Layout,
) -> Direction:
    """The cosine of the change from old to new parameters with the last one, ‖W‖ and the sketch."""
    now = sampled(new, layout.sample)
    with np.errstate(all="ignore"):
        return directed(now - sampled(old, layout.sample), now, last, norm, layout, NUMPY)


def _real(array: npt.NDArray[np.inexact]) -> npt.NDArray[np.floating]:
    """The numbers in one row; of complex ones, real and imaginary parts in turn."""
    row = np.ravel(array)
    return row.view(row.real.dtype) if row.dtype.kind == "c" else row


def _square(new: npt.NDArray[np.generic], old: npt.NDArray[np.generic]) -> float:
    difference = np.subtract(new, old, dtype=np.promote_types(np.result_type(new, old), np.float64))
    return float(np.vdot(difference, difference).real)
