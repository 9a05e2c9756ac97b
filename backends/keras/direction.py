"""Measures the direction of a step of a Keras optimizer on a sample of the coordinates, on any backend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import keras
import numpy as np
from keras import ops

from wcdfa.backends.keras.norms import Layout, Tensor, norm_of, widened_as_stored
from wcdfa.backends.stretches import stretches
from wcdfa.recording.groups import ALL
from wcdfa.recording.sample import sample_of
from wcdfa.recording.side_series import direction_series

if TYPE_CHECKING:
    import torch

ROW = 256  # this many numbers are added at a time: one long sum in float32 would lose digits


class Looked(NamedTuple):
    """What the sample has of one variable."""

    change: Tensor
    now: Tensor


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
        sizes = {path: math.prod(layout.variables[i].shape) for path, i in layout.paths.items()}
        self.sample = sample_of(sizes, coordinates)
        self._paths = {i: path for path, i in layout.paths.items()}
        members = {name: [self._paths[i] for i in each] for name, each in layout.members.items() if name != ALL}
        self._groups = stretches(self.sample, members)
        self._stands_for = sum(sizes.values()) / max(1, self.sample.size)  # numbers of the variables for each of the sample
        self._kept = np.array(self.sample.kept, dtype=np.int32)
        self.names = direction_series(self._groups)

    def look(self, i: int, new: Tensor, old: Tensor, zero: Tensor) -> Looked:
        """What the sample has of the step of the variable at position `i`, from `old` to `new`.

        `zero` is 0 without the compiler knowing it: see `wcdfa.backends.keras.norms.as_stored`.
        """
        places = self.sample.places(self._paths[i])
        if keras.backend.backend() == "torch":
            return Looked(*picked_by_torch()(new, old, places))
        now, before = (widened_as_stored(_picked(each, places), zero) for each in (new, old))
        return Looked(now - before, _compact(now))

    def measured(self, looked: Sequence[Looked], last: Tensor) -> Measured:
        """The direction of a step of which all variables were looked at, after one that changed the sample by `last`."""
        change, now = (ops.concatenate(each) for each in zip(*looked, strict=True))
        change = cast(Tensor, ops.cast(change, "float32"))
        weight_norm = norm_of([now])[0] * math.sqrt(self._stands_for)
        cosines = [cosine(*(_joined(each, places) for each in (change, last))) for places in self._groups.values()]
        numbers = ops.stack([cosine(change, last), weight_norm, *cosines])
        return Measured(change, cast(Tensor, numbers), cast(Tensor, ops.take(change, self._kept, axis=0)))


def cosine(change: Tensor, last: Tensor) -> Tensor:
    """The cosine of two changes of shape (n,), as float32 of shape (); NaN if one of them is 0, not finite or empty.

    >>> round(float(cosine(ops.array([3e-24, 4e-24]), ops.array([4e20, 3e20]))), 6)
    0.96
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from wcdfa.backends.tensorflow.direction import cosine as by_tensorflow  # noqa: PLC0415 - with another backend it need not be there

        return cast(Tensor, ops.cast(by_tensorflow(change, last), "float32"))
    if backend == "torch" and cast("torch.Tensor", change).device.type != "mps":  # which has no float64
        x, y = (cast("torch.Tensor", each).double() for each in (change, last))
        return cast(Tensor, (x.dot(y) / (x.norm() * y.norm())).float())
    a, b = _scaled(change), _scaled(last)
    return cast(Tensor, _sum(a * b) / ops.sqrt(_sum(a * a) * _sum(b * b)))


def _picked(value: Tensor, places: slice) -> Tensor:
    flat = cast("torch.Tensor", value).reshape(-1) if keras.backend.backend() == "torch" else ops.reshape(value, (-1,))
    return cast(Tensor, flat)[places]


def _compact(value: Tensor) -> Tensor:
    """On torch, a slice as an array of its own, while the tensor that it is of is in the cache."""
    return cast(Tensor, cast("torch.Tensor", value).contiguous()) if keras.backend.backend() == "torch" else value


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
