"""Remembers the parameters of a recorder, and checks that they are still the same."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.tensorflow.norms import own_square, root
from wcdfa.backends.tensorflow.parameters import is_variable, parameters_of
from wcdfa.nulls.recognition import Known
from wcdfa.recording.groups import Groups, Members
from wcdfa.recording.side_series import GRADIENTS, series_of
from wcdfa.support.numbers import is_number

Given: TypeAlias = "tf.Tensor | tf.Variable"
Rate: TypeAlias = "float | tf.Tensor | tf.Variable | None"
LearningRate: TypeAlias = "Rate | Callable[[tf.Tensor], Rate]"


class Plan:
    """What a recorder knows about its parameters. It is a plain object, so TensorFlow does not track it."""

    def __init__(self, window: int, groups: Groups, lr: LearningRate, source: Known, gradients: bool) -> None:
        self.window, self.groups, self.lr, self.source = window, groups, lr, source
        self.gradients = gradients
        named = series_of(source[1])
        self.varying = named if any(is_variable(value) for value in named.values()) else {}
        self.members: Members = {}
        self._variables: dict[str, weakref.ref[tf.Variable] | None] = {}

    @property
    def side_series(self) -> tuple[str, ...]:
        """What is recorded beside the norms: the gradient norm, and momentum and betas if one of them is a variable."""
        return (*([GRADIENTS] if self.gradients else []), *self.varying)

    def beside(self, gradients: object) -> dict[str, Rate]:
        """The numbers of the side series for a step.

        Raises
        ------
        TypeError
            If there are no gradients although they are to be recorded, or the other way round, or they are no tensors.
        """
        now = {name: tf.convert_to_tensor(value) for name, value in self.varying.items()}
        if self.gradients != (gradients is not None):
            msg = (
                "this recorder has gradients=True: give record the gradients of the step, record(variables, gradients=…)"
                if self.gradients
                else "record was given gradients, and this recorder has gradients=False: make it with gradients=True"
            )
            raise TypeError(msg)
        return {GRADIENTS: gradient_norm(gradients), **now} if self.gradients else now

    def source_now(self) -> Known:
        """The optimizer and its hyperparameters, as numbers."""
        optimizer, hyperparameters = self.source
        return optimizer, numbers_of(hyperparameters)

    def remember(self, parameters: Mapping[str, Given]) -> None:
        """Remember which variables these are, without keeping them alive."""
        self._variables = {path: weakref.ref(value) if is_variable(value) else None for path, value in parameters.items()}

    def require_same(self, parameters: Mapping[str, Given], reference: Sequence[tf.Variable]) -> None:
        """Raise a ValueError if anything is different; it says what."""
        difference = self.difference(parameters, reference)
        if difference is not None:
            msg = f"{difference} since the recorder was built; record the same variables, or start over with reset(variables)"
            raise ValueError(msg)

    def difference(
        self, parameters: Mapping[str, Given], reference: Sequence[tf.Variable], same_variables: bool = True
    ) -> str | None:
        """The difference between the parameters, as the beginning of a sentence; None if there is none."""
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
                return f"parameter {path!r} is another variable, of a new model,"
        return None


def numbers_of(hyperparameters: Mapping[str, object]) -> dict[str, object]:
    """The hyperparameters with the current values of those that are variables."""

    def now(value: object) -> object:
        if isinstance(value, (tuple, list)):
            return tuple(map(now, value))
        return float(f"{float(cast(tf.Variable, value).numpy()):.7g}") if is_variable(value) else value

    return {name: now(value) for name, value in hyperparameters.items()}


def gradient_norm(gradients: object) -> tf.Tensor:
    """The norm of a nest of gradients; None in it, of a variable that has none, counts as 0."""
    try:
        return root([own_square(each) for each in tf.nest.flatten(gradients) if each is not None])
    except (TypeError, ValueError) as error:
        msg = f"gradients must be what tf.GradientTape.gradient returns, a list or nest of tensors: {error}"
        raise TypeError(msg) from error


def given_parameters(variables: object) -> dict[str, Given]:
    """The parameters given to a recorder, each a variable or a tensor; raises a TypeError if there are none."""
    parameters = parameters_of(variables)
    if parameters is None:
        msg = (
            "a recorder takes a list, dict or nest of variables or tensors, or a module with trainable_variables, of which at "
            f"least one is trained and of floating numbers; got {type(variables).__name__}"
        )
        raise TypeError(msg)
    return {path: value if is_variable(value) else tf.convert_to_tensor(value) for path, value in parameters.items()}


def values_of(parameters: Mapping[str, Given]) -> list[tf.Tensor]:
    """The current values; raises a ValueError if one has no value yet, inside a function that TensorFlow traces."""
    values = []
    for path, source in parameters.items():
        try:
            value = None if tf.is_symbolic_tensor(source) else tf.identity(source)
        except tf.errors.FailedPreconditionError:
            value = None
        if value is None or value.shape != source.shape:  # a variable that the function has not filled yet reads as empty
            msg = f"{path!r} has no value yet while the tf.function is traced; call build(variables) before it, with the values at the start"
            raise ValueError(msg)
        values.append(value)
    return values


def shaped_value(value: Given, reference: tf.Variable) -> tf.Tensor:
    """The value, with the shape of the reference; an unknown shape is checked when the function runs."""
    value = tf.convert_to_tensor(value)
    return value if value.shape.is_fully_defined() else tf.ensure_shape(value, reference.shape)


def require_rate(lr: object) -> None:
    """Raise a TypeError unless `lr` is a number or None."""
    if lr is not None and not is_number(lr):
        msg = f"lr must be a number or a tensor of size 1, got {type(lr).__name__}; leave it out if it is not known"
        raise TypeError(msg)


def _described(value: Given) -> str:
    return f"{value.dtype.name} of shape {tuple(value.shape) if value.shape.rank is not None else 'unknown'}"
