"""TensorFlow: takes the sample of the parameters that the direction of the weight change is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.kernel.arrays import Array, Namespace
from wcdfa.recording.direction import Direction, Layout, directed
from wcdfa.recording.sample import Sample

if TYPE_CHECKING:
    from wcdfa.backends.tensorflow.parameters import Values


def sampled(parameters: Mapping[str, Values], sample: Sample) -> tf.Tensor:
    """The numbers of the sample in one row, in float32 or wider; of complex parameters, real and imaginary parts in turn.

    >>> from wcdfa.recording.sample import sample_of
    >>> sampled({"w": tf.ones((2, 2)), "z": tf.constant([2 + 3j])}, sample_of({"w": 4, "z": 2})).numpy().tolist()
    [1.0, 1.0, 1.0, 1.0, 2.0, 3.0]
    """
    rows = [_real(tf.convert_to_tensor(parameters[path]))[sample.places(path)] for path in sample.counts]
    wide = tf.float64 if any(row.dtype == tf.float64 for row in rows) else tf.float32
    return tf.concat([tf.cast(row, wide) for row in rows], axis=0)


def direction_of(
    new: Mapping[str, Values], old: Mapping[str, Values], last: Array | None, norm: tf.Tensor, layout: Layout
) -> Direction:
    """The cosine of the change from old to new parameters with the last one, ‖W‖ and the sketch, on the device."""
    now = sampled(new, layout.sample)
    return directed(now - sampled(old, layout.sample), now, last, norm, layout, cast(Namespace, FUNCTIONS))


class Functions:
    """The functions of TensorFlow that `directed` calls, under the names of the array API standard."""

    __name__ = "tensorflow"
    abs, sqrt, where, isfinite = (
        staticmethod(tf.abs),
        staticmethod(tf.sqrt),
        staticmethod(tf.where),
        staticmethod(tf.math.is_finite),
    )
    reshape, ones_like, astype = staticmethod(tf.reshape), staticmethod(tf.ones_like), staticmethod(tf.cast)
    max, sum, take, stack = (
        staticmethod(tf.reduce_max),
        staticmethod(tf.reduce_sum),
        staticmethod(tf.gather),
        staticmethod(tf.stack),
    )
    float32 = tf.float32

    @staticmethod
    def asarray(value: object, dtype: tf.DType | None = None, device: object = None) -> tf.Tensor:
        """A tensor on the device of the others, which TensorFlow chooses."""
        return tf.convert_to_tensor(value) if dtype is None else tf.cast(value, dtype)


FUNCTIONS = Functions()


def _real(x: tf.Tensor) -> tf.Tensor:
    """The numbers in one row; of complex ones, real and imaginary parts in turn."""
    return tf.reshape(tf.stack([tf.math.real(x), tf.math.imag(x)], axis=-1) if x.dtype.is_complex else x, (-1,))
