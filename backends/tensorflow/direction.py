"""The direction of the weight change in ``tf.Variable``s: its cosine with the last one, ‖W‖, and a few of its coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.tensorflow.norms import own_square, widened
from wcdfa.backends.tensorflow.parameters import Values
from wcdfa.recording.direction import Layout
from wcdfa.recording.groups import ALL, Members
from wcdfa.recording.side_series import SKETCH, direction_series


class DirectionVariables(tf.Module):  # type: ignore[misc]
    """The direction of the last steps, oldest first and padded with NaN in front, and ΔW of the sample at the last step.

    >>> direction = DirectionVariables(Coordinates({"w": tf.zeros(2)}, {"all": ("w",)}, 64), window=3)
    >>> for new in ([3.0, 4.0], [4.0, 3.0]):
    ...     direction.write([tf.constant(new)], [tf.zeros(2)], tf.constant(5.0))
    >>> direction.numbers.numpy()[1:].round(2).tolist(), direction.sketch.numpy()[2].tolist()
    ([[nan, 5.0], [0.9599999785423279, 5.0]], [4.0, 3.0])
    """

    def __init__(self, coordinates: Coordinates, window: int) -> None:
        super().__init__("wcdfa_direction")
        self._coordinates = coordinates
        # groups by position, as in the ring: Keras numbers their names differently in each model
        self.numbers = _unknown((window, 2 + len(coordinates.groups)), "numbers")
        self.sketch = _unknown((window, len(coordinates.sample.kept)), "sketch")
        self.change = _unknown((coordinates.sample.size,), "change")

    def write(self, new: Sequence[Values], old: Sequence[Values], norm: tf.Tensor) -> None:
        """Add the step from `old` to `new`, whose norm is given.

        Nothing is added if it is 0. If it is not finite, the next step has no cosine.
        """
        norm, last = tf.cast(norm, tf.float32), self.change.value()
        real, now = tf.not_equal(norm, 0), self._coordinates.sampled(new)
        change = tf.cast(now - self._coordinates.sampled(old), tf.float32)
        gap = tf.where(tf.math.is_finite(norm), 0.0, math.nan)
        cosines = [tf.cast(each, tf.float32) + gap for each in self._coordinates.cosines(change, last)]
        weight_norm = tf.cast(tf.sqrt(own_square(now) * self._coordinates.stands_for), tf.float32)
        _shift(self.numbers, tf.stack([cosines[0], weight_norm, *cosines[1:]]), real)
        _shift(self.sketch, tf.gather(change, self._coordinates.sample.kept), real)
        self.change.assign(tf.where(real, change + gap, last))

    def forget(self) -> None:
        """Forget the last step, so that the next one has no cosine."""
        self.change.assign(tf.fill(self.change.shape, math.nan))

    def clear(self) -> None:
        """Forget all steps."""
        for variable in (self.numbers, self.sketch, self.change):
            variable.assign(tf.fill(variable.shape, math.nan))

    def copied(self) -> dict[str, npt.NDArray[np.float32]]:
        """The series on the host, oldest first, by their names."""
        numbers, names = self.numbers.numpy(), direction_series(self._coordinates.groups)
        return {name: numbers[:, i] for i, name in enumerate(names)} | {SKETCH: self.sketch.numpy()}


class Coordinates:
    """The coordinates of parameters, and of each group, that the direction is measured on. A plain object, so TensorFlow does not track it."""

    def __init__(self, parameters: Mapping[str, Values], members: Members, coordinates: int) -> None:
        sizes = {
            path: math.prod(value.shape) * (2 if tf.as_dtype(value.dtype).is_complex else 1) for path, value in parameters.items()
        }
        found = Layout(sizes, {name: paths for name, paths in members.items() if name != ALL}, coordinates)
        self.sample, self.groups, self.stands_for = found.sample, found.spans, found.weight

    def sampled(self, values: Sequence[Values]) -> tf.Tensor:
        """The numbers of the sample, float32 or wider, shape (sample,); a complex number counts as two."""
        parts = [self._of(path, value) for (path, count), value in zip(self.sample.counts.items(), values, strict=True) if count]
        wide = tf.float64 if any(part.dtype == tf.float64 for part in parts) else tf.float32
        return tf.concat([tf.cast(part, wide) for part in parts], axis=0)

    def cosines(self, change: tf.Tensor, last: tf.Tensor) -> list[tf.Tensor]:
        """The cosine of all parameters, then that of each group."""
        return [cosine(change, last), *(cosine(_joined(change, each), _joined(last, each)) for each in self.groups.values())]

    def _of(self, path: str, value: Values) -> tf.Tensor:
        x = tf.convert_to_tensor(value)
        if x.dtype.is_complex:
            x = tf.stack([tf.math.real(x), tf.math.imag(x)], axis=-1)
        return widened(tf.reshape(x, (-1,))[self.sample.places(path)])


def cosine(change: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """The cosine of two changes of shape (n,), in float64; NaN if one of them is 0, not finite or empty.

    >>> round(float(cosine(tf.constant([3e-24, 4e-24]), tf.constant([4e20, 3e20]))), 6)
    0.96
    """
    a, b = (tf.cast(each, tf.float64) for each in (change, last))
    along, lengths = tf.reduce_sum(a * b), tf.sqrt(tf.reduce_sum(a * a)) * tf.sqrt(tf.reduce_sum(b * b))
    return along / lengths


def _shift(series: tf.Variable, row: tf.Tensor, real: tf.Tensor) -> None:
    """Move all rows up by one and put this one last; what is not finite in it becomes NaN."""
    finite = tf.where(tf.math.is_finite(row), row, math.nan)
    series.assign(tf.where(real, tf.concat([series[1:], finite[tf.newaxis]], axis=0), series))


def _joined(change: tf.Tensor, places: Sequence[slice]) -> tf.Tensor:
    return tf.concat([change[:0], *(change[each] for each in places)], axis=0)


def _unknown(shape: tuple[int, ...], name: str) -> tf.Variable:
    return tf.Variable(tf.fill(shape, math.nan), trainable=False, name=name)
