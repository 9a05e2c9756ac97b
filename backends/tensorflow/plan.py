"""The parameters of a recorder: what they are, and whether they are still the same."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.tensorflow.parameters import is_variable, parameters_of
from wcdfa.nulls.recognition import Known
from wcdfa.recording.groups import Groups, Members
from wcdfa.support.numbers import is_number

Given: TypeAlias = "tf.Tensor | tf.Variable"
Rate: TypeAlias = "float | tf.Tensor | tf.Variable | None"
LearningRate: TypeAlias = "Rate | Callable[[tf.Tensor], Rate]"


class Plan:
    """What a recorder knows about the parameters; a plain object, whose contents TensorFlow does not track."""

    def __init__(self, window: int, groups: Groups, lr: LearningRate, source: Known) -> None:
        self.window, self.groups, self.lr, self.source = window, groups, lr, source
        self.members: Members = {}
        self._variables: dict[str, weakref.ref[tf.Variable] | None] = {}

    def remember(self, parameters: Mapping[str, Given]) -> None:
        """Remember which variables these are, without keeping them alive."""
        self._variables = {path: weakref.ref(value) if is_variable(value) else None for path, value in parameters.items()}

    def require_same(self, parameters: Mapping[str, Given], reference: Sequence[tf.Variable]) -> None:
        """Raise a ValueError that says what is different, if anything is."""
        difference = self.difference(parameters, reference)
        if difference is not None:
            msg = f"{difference} since the recorder was built; record the same variables, or begin anew with reset(variables)"
            raise ValueError(msg)

    def difference(
        self, parameters: Mapping[str, Given], reference: Sequence[tf.Variable], same_variables: bool = True
    ) -> str | None:
        """What is different about the parameters, as the beginning of a sentence; None if nothing is."""
        added = [path for path in parameters if path not in self._variables]
        gone = [path for path in self._variables if path not in parameters]
        for paths, what in ((added, "new"), (gone, "gone")):
            if paths:
                return f"parameter(s) {', '.join(map(repr, paths[:3]))}{' …' if len(paths) > 3 else ''} are {what}"
        if list(parameters) != list(self._variables):
            return "the parameters are in another order"
        for (path, value), old in zip(parameters.items(), reference, strict=True):
            if value.dtype != old.dtype or not value.shape.is_compatible_with(old.shape):
                return f"parameter {path!r} is {_described(value)}, and was {_described(old)}"
            known = self._variables[path]
            if same_variables and known is not None and is_variable(value) and known() is not value:
                return f"parameter {path!r} is another variable, of a model that was made anew,"
        return None


def given_parameters(variables: object) -> dict[str, Given]:
    """The parameters that a recorder is given, each a variable or a tensor; a TypeError if there are none."""
    parameters = parameters_of(variables)
    if parameters is None:
        msg = (
            "a recorder takes a list, dict or nest of variables or tensors, or a module with trainable_variables, of which at "
            f"least one is trained and of floating numbers; got {type(variables).__name__}"
        )
        raise TypeError(msg)
    return {path: value if is_variable(value) else tf.convert_to_tensor(value) for path, value in parameters.items()}


def values_of(parameters: Mapping[str, Given]) -> list[tf.Tensor]:
    """Their values now; a ValueError if they have none yet, inside a function that TensorFlow traces."""
    values = []
    for path, source in parameters.items():
        try:
            value = None if tf.is_symbolic_tensor(source) else tf.identity(source)
        except tf.errors.FailedPreconditionError:
            value = None
        if value is None or value.shape != source.shape:  # a variable that a function is yet to fill reads as empty
            msg = (
                f"{path!r} has no value yet while the tf.function is traced; call build(variables) before it, with where it begins"
            )
            raise ValueError(msg)
        values.append(value)
    return values


def shaped_value(value: Given, reference: tf.Variable) -> tf.Tensor:
    """Its value, with a shape that is known, or checked when the function runs."""
    value = tf.convert_to_tensor(value)
    return value if value.shape.is_fully_defined() else tf.ensure_shape(value, reference.shape)


def require_rate(lr: object) -> None:
    """Raise a TypeError unless it is a number or None."""
    if lr is not None and not is_number(lr):
        msg = f"lr must be a number or a tensor of size 1, got {type(lr).__name__}; leave it out where it is not known"
        raise TypeError(msg)


def _described(value: Given) -> str:
    return f"{value.dtype.name} of shape {tuple(value.shape) if value.shape.rank is not None else 'unknown'}"
