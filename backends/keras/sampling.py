"""Keras 3: takes the sample of the parameters that the direction of the weight change is measured on, with each backend's own functions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

import keras

from wcdfa.kernel.arrays import Array
from wcdfa.recording.direction import Direction, Layout
from wcdfa.recording.protocols import Backend
from wcdfa.recording.sample import Sample

if TYPE_CHECKING:
    from wcdfa.backends.keras.norms import Tensor


def sampled(parameters: Mapping[str, Tensor], sample: Sample) -> Array:
    """The numbers of the sample in one row, in float32 or wider.

    >>> from wcdfa.recording.sample import sample_of
    >>> [float(x) for x in sampled({"w": keras.ops.ones((2, 2))}, sample_of({"w": 4}))]
    [1.0, 1.0, 1.0, 1.0]
    """
    return _own().sampled(dict(parameters), sample)


def direction_of(
    new: Mapping[str, Tensor], old: Mapping[str, Tensor], last: Array | None, norm: Tensor, layout: Layout
) -> Direction:
    """The cosine of the change from old to new parameters with the last one, ‖W‖ and the sketch, on the device."""
    return _own().direction_of(dict(new), dict(old), last, norm, layout)


def _own() -> Backend[Tensor]:
    """The module for the tensors of the backend that Keras uses."""
    name = keras.backend.backend()
    module = f"wcdfa.backends.{name}" if name == "numpy" else f"wcdfa.backends.{name}.sampling"
    return cast("Backend[Tensor]", import_module(module))
