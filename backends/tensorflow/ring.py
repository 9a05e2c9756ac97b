"""The ring of a recorder in ``tf.Variable``s, and its description in a checkpoint."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import numpy.typing as npt
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.recording.groups import Members
from wcdfa.recording.ring import Ring
from wcdfa.support.text import several

if TYPE_CHECKING:
    from wcdfa.backends.tensorflow.parameters import Values
    from wcdfa.backends.tensorflow.plan import Rate


class RingVariables(tf.Module):  # type: ignore[misc]
    """The last norms of each group, oldest first and padded with NaN in front, in variables that are not trained.

    >>> ring = RingVariables(window=3, groups=1)
    >>> for norm in (1.0, 0.0, 2.0):
    ...     ring.write([tf.constant(norm)])
    >>> ring.norms.numpy().ravel(), int(ring.count), int(ring.skipped)
    (array([nan,  1.,  2.], dtype=float32), 2, 1)

    Counts have 64 bits, because TensorFlow keeps smaller integers off the GPU and XLA does not take variables from two devices.
    """

    def __init__(self, window: int, groups: int, side_series: Sequence[str] = ()) -> None:
        super().__init__("wcdfa_ring")
        self.norms = tf.Variable(tf.fill((window, groups), math.nan), trainable=False, name="norms")
        self.lr = tf.Variable(tf.fill((window,), math.nan), trainable=False, name="lr")
        self.count = tf.Variable(tf.zeros((), tf.int64), trainable=False, name="count")
        self.skipped = tf.Variable(tf.zeros((), tf.int64), trainable=False, name="skipped")
        if side_series:  # variables of their own, so that checkpoints without them fit
            unknown = tf.fill((window,), math.nan)
            self.beside = {name: tf.Variable(unknown, trainable=False, name=name) for name in side_series}

    @property
    def _side(self) -> dict[str, tf.Variable]:
        return getattr(self, "beside", {})

    def write(self, norms: Sequence[tf.Tensor], lr: Rate = math.nan, beside: Mapping[str, Rate] | None = None) -> None:
        """Add one norm of each group, the group of all parameters first; a 0 is counted as skipped, and a norm that is not finite becomes NaN.

        Raises
        ------
        ValueError, TypeError
            If the learning rate is not a number.
        """
        row = tf.stack([tf.cast(norm, tf.float32) for norm in norms])
        real = tf.not_equal(row[0], 0)
        row = tf.where(tf.math.is_finite(row), row, math.nan)
        # all norms move up by one, so no position has to be computed, with integer arithmetic that a GPU may lack
        self.norms.assign(tf.where(real, tf.concat([self.norms[1:], row[tf.newaxis]], axis=0), self.norms))
        for series, value in [(self.lr, lr), *((self._side[name], value) for name, value in (beside or {}).items())]:
            number = tf.reshape(tf.cast(value, tf.float32), (1,))
            series.assign(tf.where(real, tf.concat([series[1:], number], axis=0), series))
        self.count.assign_add(tf.cast(real, tf.int64))
        self.skipped.assign_add(tf.cast(tf.logical_not(real), tf.int64))

    def clear(self) -> None:
        """Forget all norms."""
        self.norms.assign(tf.fill(self.norms.shape, math.nan))
        for series in (self.lr, *self._side.values()):
            series.assign(tf.fill(series.shape, math.nan))
        self.count.assign(0)
        self.skipped.assign(0)

    def copied(self, names: Sequence[str], more: Mapping[str, npt.NDArray[np.float32]] | None = None) -> Ring:
        """Copy the ring to the host, in the form that `wcdfa.recording.ring.read` takes, with more series that are oldest first too.

        >>> from wcdfa.recording.ring import read
        >>> read(RingVariables(window=3, groups=2).copied(["all", "head"])).groups
        {'head': array([], dtype=float32)}
        """
        count, window = int(self.count.numpy()), self.lr.shape[0]
        series = [self.norms.numpy(), self.lr.numpy(), np.arange(count - window, count) + 1]
        side = {name: values.numpy() for name, values in self._side.items()} | dict(more or {})
        series += side.values()
        # the order of a ring that is written at count % window
        norms, lr, steps, *beside = (np.roll(values, count % window, axis=0) for values in series)
        return Ring(
            wcdfa_norms={name: norms[:, number] for number, name in enumerate(names)} | dict(zip(side, beside, strict=True)),
            wcdfa_lr=lr,
            wcdfa_step=steps,
            wcdfa_count=np.asarray(count),
            wcdfa_skipped=self.skipped.numpy(),
        )


class Description(TypedDict, total=False):
    """Describes a ring. Parameters and groups are missing until they are known."""

    window: int
    parameters: list[str]  # dtype and shape of each
    groups: list[list[int]]  # positions of the parameters of each group
    coordinates: int  # of the direction; missing if it is not recorded


class Layout(tf.train.experimental.PythonState):  # type: ignore[misc]
    """Describes the ring of a recorder. It is written into checkpoints, and compared before a checkpoint is restored.

    >>> layout = Layout(window=5)
    >>> layout.deserialize('{"window": 7}')
    Traceback (most recent call last):
        ...
    ValueError: the checkpoint holds a ring of 7 norms, and this recorder has window=5: use window=7 to go on, or start over by ...
    """

    def __init__(self, window: int, coordinates: int | None = None) -> None:
        super().__init__()
        self.own: Description = {"window": window} if coordinates is None else {"window": window, "coordinates": coordinates}
        self.restored: Description | None = None

    @property
    def coordinates(self) -> int | None:
        """How many coordinates of each change are recorded at most; None if the direction is not."""
        return self.own.get("coordinates")

    def describe(self, parameters: Mapping[str, Values], members: Members) -> None:
        """Note the parameters and their groups by position, because Keras numbers the names differently in each model.

        Raises
        ------
        ValueError
            If a checkpoint with other parameters was restored before.
        """
        places = {path: number for number, path in enumerate(parameters)}
        own: Description = {
            **self.own,
            "parameters": [f"{value.dtype.name}{list(value.shape)}" for value in parameters.values()],
            "groups": [[places[path] for path in paths] for paths in members.values()],
        }
        _require_fit(self.restored, own, list(parameters))
        self.own, self.restored = own, None

    def serialize(self) -> str:
        """The description as JSON."""
        return json.dumps(self.own)

    def deserialize(self, string_value: str | bytes) -> None:
        """Compare with a checkpoint; TensorFlow calls this before it restores any variable.

        Raises
        ------
        ValueError
            If the checkpoint has another window, other parameters, groups or coordinates: the message says which.
        """
        found = json.loads(string_value)
        _require_fit(found, self.own, [])
        if "parameters" not in self.own:
            self.restored = found  # the variables are restored when they are made


WITHOUT = "start over by restoring with a tf.train.Checkpoint that has no recorder in it"


def _require_fit(held: Description | None, own: Description, paths: list[str]) -> None:
    """Raise a ValueError if the checkpoint does not match the recorder; it says what the checkpoint holds."""
    if held is None:
        return
    if held["window"] != own["window"]:
        msg = (
            f"the checkpoint holds a ring of {held['window']} norms, and this recorder has window={own['window']}: "
            f"use window={held['window']} to go on, or {WITHOUT}"
        )
        raise ValueError(msg)
    if held.get("coordinates", own.get("coordinates")) != own.get("coordinates", held.get("coordinates")):
        msg = (
            f"the checkpoint holds {held['coordinates']} coordinates of each change, and this recorder has "
            f"coordinates={own['coordinates']}: use coordinates={held['coordinates']} to go on, direction=False to do without, or {WITHOUT}"
        )
        raise ValueError(msg)
    if "parameters" not in own or "parameters" not in held:
        return
    before, now = held["parameters"], own["parameters"]
    if before != now:
        place = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
        a, b = (each[place] if place < len(each) else "nothing" for each in (before, now))
        msg = (
            f"the checkpoint holds {several(len(before), 'parameter', 'parameters')} and this recorder {len(now)}, which differ from number {place} on: {a} "
            f"against {b}{f', {paths[place]!r}' if place < len(paths) else ''}; build the model of the checkpoint, or {WITHOUT}"
        )
        raise ValueError(msg)
    if held["groups"] != own["groups"]:
        msg = (
            f"the checkpoint holds {len(held['groups']) - 1} groups of parameters, and this recorder {len(own['groups']) - 1} or "
            f"others: use the groups that the checkpoint was made with, or {WITHOUT}"
        )
        raise ValueError(msg)
