"""Measures the direction of a step of a Keras optimizer on a sample of the coordinates, on any backend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from keras import ops

from wcdfa.backends.keras.norms import Layout, Tensor, Values, as_stored, change_of, norm_of
from wcdfa.backends.stretches import stretches
from wcdfa.recording.groups import ALL
from wcdfa.recording.sample import sample_of
from wcdfa.recording.side_series import direction_series

ROW = 256  # this many numbers are added at a time: one long sum in float32 would lose digits


class Measured(NamedTuple):
    """The direction of one step."""

    change: Tensor
    """ΔW of the sample, float32, shape (sample,)."""
    numbers: Tensor
    """Cosine, weight norm and the cosine of each group, float32, in the order of the names."""
    sketch: Tensor
    """ΔW of the coordinates that are kept, float32, shape (K,)."""


class Direction:
    """Knows the sample of the variables of a layout. It is a plain object, so Keras does not track its variables."""

    def __init__(self, layout: Layout, coordinates: int) -> None:
        self._places = layout.paths
        sizes = {path: math.prod(layout.variables[i].shape) for path, i in layout.paths.items()}
        self.sample = sample_of(sizes, coordinates)
        path_at = {i: path for path, i in layout.paths.items()}
        members = {name: [path_at[i] for i in each] for name, each in layout.members.items() if name != ALL}
        self._groups = stretches(self.sample, members)
        self._kept = np.array(self.sample.kept, dtype=np.int32)
        self.names = direction_series(self._groups)

    def measured(self, new: Values, old: Values, last: Tensor, zero: Tensor) -> Measured:
        """The direction of the step from `old` to `new`, after a step that changed the sample by `last`.

        `zero` is 0 without the compiler knowing it: see `wcdfa.backends.keras.norms.as_stored`.
        """
        change = cast(Tensor, ops.concatenate([self._change(path, new, old, zero) for path, n in self.sample.counts.items() if n]))
        weight_norm = norm_of(new[i] for i in self._places.values())[0]
        cosines = [cosine(*(_joined(each, places) for each in (change, last))) for places in self._groups.values()]
        numbers = ops.stack([cosine(change, last), weight_norm, *cosines])
        return Measured(change, cast(Tensor, numbers), cast(Tensor, ops.take(change, self._kept, axis=0)))

    def _change(self, path: str, new: Values, old: Values, zero: Tensor) -> Tensor:
        i, places = self._places[path], self.sample.places(path)
        after, before = (ops.reshape(each[i], (-1,))[places] for each in (new, old))
        return cast(Tensor, ops.cast(change_of(as_stored(after, zero), before), "float32"))


def cosine(change: Tensor, last: Tensor) -> Tensor:
    """The cosine of two changes of shape (n,), as float32 of shape (); NaN if one of them is 0, not finite or empty.

    >>> float(cosine(ops.array([3e-24, 4e-24]), ops.array([4e20, 3e20])))
    0.96
    """
    a, b = _scaled(change), _scaled(last)
    return cast(Tensor, _sum(a * b) / ops.sqrt(_sum(a * a) * _sum(b * b)))


def _scaled(change: Tensor) -> Tensor:
    """Divided by the largest number, so that squares neither underflow nor overflow; 0 stays 0."""
    if not math.prod(change.shape):
        return change
    largest = ops.max(ops.abs(change))
    return cast(Tensor, change / ops.where(largest > 0, largest, ops.ones_like(largest)))


def _sum(terms: Tensor) -> Tensor:
    n = math.prod(terms.shape)
    if n <= ROW:
        return cast(Tensor, ops.sum(terms))
    whole = n // ROW * ROW
    rows = ops.sum(ops.reshape(terms[:whole], (-1, ROW)), axis=1)
    return cast(Tensor, ops.sum(rows) + ops.sum(terms[whole:]))


def _joined(change: Tensor, places: Sequence[slice]) -> Tensor:
    """These stretches of the change as one array; it is empty if there are none."""
    parts = [change[each] for each in places] or [change[:0]]
    return cast(Tensor, parts[0] if len(parts) == 1 else ops.concatenate(parts))
