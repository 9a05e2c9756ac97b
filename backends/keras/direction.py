"""Measures the direction of a step of a Keras optimizer on a sample of the coordinates, on any backend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import keras
import numpy as np
from keras import ops

from wcdfa.backends.keras.norms import Layout, Tensor, norm_of, widened_as_stored
from wcdfa.recording.direction import Layout as SampleLayout
from wcdfa.recording.groups import ALL
from wcdfa.recording.side_series import direction_series

if TYPE_CHECKING:
    import torch

ROW = 256  # this many numbers are added at a time: one long sum in float32 would lose digits


class Looked(NamedTuple):
    """What the sample has of one variable, after the step and before it, float32 or wider."""

    now: Tensor
    before: Tensor


class Measured(NamedTuple):
    """The direction of one step."""

    change: Tensor
    """ΔW of the sample, float32, shape (sample,); NaN if the norm of the step is not finite."""
    numbers: Tensor
    """Cosine, weight norm and the cosine of each group, float32, in the order of the names."""
    sketch: Tensor
    """ΔW of the coordinates that are kept, float32, shape (K,)."""


class Direction:
    """Knows the sample of the variables of a layout. It is a plain object, so Keras does not track its variables."""

    def __init__(self, layout: Layout, coordinates: int) -> None:
        sizes = {path: math.prod(layout.variables[i].shape) for path, i in layout.paths.items()}
        path_at = {i: path for path, i in layout.paths.items()}
        members = {name: [path_at[i] for i in each] for name, each in layout.members.items() if name != ALL}
        found = SampleLayout(sizes, members, coordinates)
        self.sample, self._groups, self._scale = found.sample, found.spans, math.sqrt(found.weight)
        self._places = {i: self.sample.places(path) for path, i in layout.paths.items()}
        self._index: Tensor | None = None
        self._kept = np.array(self.sample.kept, dtype=np.int64 if keras.backend.backend() == "torch" else np.int32)
        self.names = direction_series(self._groups)

    def look(self, i: int, new: Tensor, old: Tensor, zero: Tensor) -> Looked:
        """What the sample has of the step of the variable at position `i`, from `old` to `new`.

        `zero` is 0 without the compiler knowing it: see `wcdfa.backends.keras.norms.as_stored`.
        """
        places = self._places[i]
        if keras.backend.backend() == "torch":
            from wcdfa.backends.keras.direction_torch import looked_at  # noqa: PLC0415 - with another backend torch need not be there

            return Looked(*cast("tuple[Tensor, Tensor]", looked_at(cast("torch.Tensor", new), cast("torch.Tensor", old), places)))
        return Looked(*(widened_as_stored(cast(Tensor, ops.reshape(each, (-1,)))[places], zero) for each in (new, old)))

    def measured(self, looked: Sequence[Looked], last: Tensor, norm: Tensor) -> Measured:
        """The direction of a step of which all variables were looked at, after one that changed the sample by `last`.

        There is no cosine if the norm of the step is not finite.
        """
        now, before = (_joined(each) for each in zip(*looked, strict=True))  # and then the difference: XLA computes less twice
        change = cast(Tensor, ops.cast(now - before, "float32"))
        groups = [
            [_joined([each[place] for place in places] or [each[:0]]) for each in (change, last)]
            for places in self._groups.values()
        ]
        cosines = [cosine(change, last), *(cosine(*each) for each in groups)]
        gap = ops.where(ops.isfinite(norm), ops.zeros_like(norm), math.nan)
        weight_norm = ops.multiply(norm_of([now])[0], self._scale)
        numbers = ops.stack([cosines[0] + gap, weight_norm, *(each + gap for each in cosines[1:])])
        return Measured(change + gap, cast(Tensor, numbers), self._sketch(change))

    def _sketch(self, change: Tensor) -> Tensor:
        """The coordinates that are kept; on torch by an index that is on the device already."""
        if keras.backend.backend() != "torch":
            return cast(Tensor, ops.take(change, self._kept, axis=0))
        if self._index is None:
            self._index = ops.convert_to_tensor(self._kept)
        return cast(Tensor, cast("torch.Tensor", change).index_select(0, cast("torch.Tensor", self._index)))


def cosine(change: Tensor, last: Tensor) -> Tensor:
    """The cosine of two changes of shape (n,), as float32 of shape (); NaN if one of them is 0, not finite or empty.

    >>> round(float(cosine(ops.array([3e-24, 4e-24]), ops.array([4e20, 3e20]))), 6)
    0.96
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from wcdfa.backends.tensorflow.direction import cosine as by_tensorflow  # noqa: PLC0415 - with another backend it need not be there

        return cast(Tensor, ops.cast(by_tensorflow(change, last), "float32"))
    if backend == "torch":
        from wcdfa.backends.keras.direction_torch import cosine as by_torch  # noqa: PLC0415 - nor torch

        return cast(Tensor, by_torch(cast("torch.Tensor", change), cast("torch.Tensor", last)))
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


def _joined(parts: Sequence[Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    if keras.backend.backend() == "torch":
        from wcdfa.backends.keras.direction_torch import joined as by_torch  # noqa: PLC0415 - with another backend torch need not be there

        return cast(Tensor, by_torch(cast("Sequence[torch.Tensor]", parts)))
    return cast(Tensor, ops.concatenate(parts))
