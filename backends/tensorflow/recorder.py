"""TensorFlow: ‖ΔW‖ of every step of a custom training loop, recorded in variables; and of tensors and variables as they are."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.tensorflow.norms import as_stored, copied, delta_norm, group_norms, is_variable, parameters_of, unconverted
from wcdfa.backends.tensorflow.ring import Layout, RingVariables
from wcdfa.nulls.update_rules import named as named_optimizer
from wcdfa.recording.groups import Groups, Members, checked, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import init
from wcdfa.recording.ring import read as read_ring
from wcdfa.support.numbers import is_number, whole

__all__ = ["NormRecorder", "copied", "delta_norm", "group_norms", "parameters_of"]


class NormRecorder(tf.Module):  # type: ignore[misc]
    """‖ΔW‖ of every step of a custom training loop, recorded where the variables are, in variables.

    >>> weights = tf.Variable([3.0, 4.0])
    >>> recorder = NormRecorder([weights], optimizer="sgd", lr=0.1)
    >>> @tf.function
    ... def step():
    ...     weights.assign_sub(0.1 * weights)  # a training step, and then
    ...     recorder.record([weights])
    >>> for _ in range(3):
    ...     step()
    >>> recorder.read().norms.round(3)
    array([0.5  , 0.45 , 0.405], dtype=float32)

    Give `read()` to `wcdfa.WeightChangeDFA.update` at any time, or ask it for its verdict.

    ``tf.train.Checkpoint(recorder=recorder)`` carries all that was recorded and what the next change is measured from: a run that
    is restored goes on as if it had not stopped. Where a checkpoint has the weights and no recorder, call `build` after it is
    restored: the jump is no step.

    It keeps one copy of the parameters, on their devices: TensorFlow assigns in place, and leaves nothing to compare with.

    Parameters
    ----------
    variables : list, dict, nest, or anything with ``trainable_variables``, optional
        Tensors and variables; those that are not trained or not of floating or complex numbers are left out. The first change is
        measured from their values now. Without them, from those at the first `record`, which then records nothing; or, where that
        is inside a ``tf.function``, which is then traced twice, from those before it is called first.
    window : int
        Norms that are kept, 4 bytes each, and as much for the learning rate.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`. The path of a parameter is that in the nest or of the
        attributes that lead to it; of variables in a flat list, the name of each.
    optimizer : "adam", "adamw", "rmsprop" or "sgd", optional
        What makes the steps, for the null that the verdict is measured against.
    lr : float, scalar tensor or variable, or schedule, optional
        Learning rate, recorded at each step that is given none. A schedule is called with the number of calls so far.
    **hyperparameters
        Of the optimizer, as in `wcdfa.nulls.replay.optimizer_norms`.

    Raises
    ------
    ValueError, TypeError
        If an option is none, or a hyperparameter not one of the optimizer; if the variables are none, or have no values.
    """

    reference: list[tf.Variable]  # set once there are parameters: a checkpoint restored before then waits for them
    ring: RingVariables

    def __init__(
        self,
        variables: Any = None,
        *,
        window: int = 500,
        groups: Groups = None,
        optimizer: str | None = None,
        lr: Any = None,
        **hyperparameters: Any,
    ) -> None:
        super().__init__("wcdfa_recorder")
        window = whole("window", window, "a whole number of norms (500 is the default)")
        if optimizer is not None:
            named_optimizer(optimizer, hyperparameters)
        elif hyperparameters:
            msg = f"{', '.join(hyperparameters)} belongs to an optimizer; name it with optimizer="
            raise TypeError(msg)
        if not callable(lr):
            _require_rate(lr)
        self.layout = Layout(window)
        self._plan = _Plan(window, checked(groups), lr, {"optimizer": optimizer, "hyperparameters": hyperparameters})
        if variables is not None:
            self.build(variables)

    @property
    def built(self) -> bool:
        """Whether it knows the parameters."""
        return bool(self._plan.members)

    @unconverted
    def build(self, variables: Any) -> None:
        """Measure the next change from the values that the variables have now. Norms that were recorded are kept.

        >>> weights = tf.Variable([3.0])
        >>> recorder = NormRecorder([weights])
        >>> _ = weights.assign([5.0])  # not a step: weights were loaded, say
        >>> recorder.build([weights])
        >>> _ = weights.assign([6.0])
        >>> recorder.record([weights])
        >>> recorder.read().norms
        array([1.], dtype=float32)

        Raises
        ------
        ValueError
            If they are not those that it was built with, or have no values.
        """
        with tf.init_scope():
            parameters = _given(variables)
            if self.built:
                self._plan.require_same(parameters, self.reference)
                for reference, value in zip(self.reference, _values(parameters), strict=True):
                    reference.assign(value)
            else:
                self._make(parameters)

    @unconverted
    def reset(self, variables: Any) -> None:
        """Forget all norms, and begin anew with these variables, which may be others.

        Trace a ``tf.function`` that recorded others again: as it is, it goes on with those and is not read any more.

        Raises
        ------
        ValueError, TypeError
            As `NormRecorder`; nothing is forgotten then.
        """
        with tf.init_scope():
            parameters = _given(variables)
            if self.built and self._plan.difference(parameters, self.reference, same_variables=False) is None:
                self._plan.remember(parameters)
                self.ring.clear()
                self.build(variables)
            else:
                self.layout.restored = None
                self._make(parameters)

    @unconverted
    def record(self, variables: Any, lr: Any = None) -> None:
        """Record how far the variables have moved since the last call: eagerly, in a ``tf.function`` or under XLA.

        Call it once per optimizer step, after the step. With a ``tf.distribute.Strategy``, call it outside ``strategy.run``; a
        variable that is mirrored on several devices then counts once. Asynchronous training, as with parameter servers, has no
        steps. A change of 0 was no step: it is counted, and not recorded.

        Parameters
        ----------
        variables : as in `NormRecorder`
        lr : float, scalar tensor or variable, optional
            Learning rate of the step.

        Raises
        ------
        ValueError
            If parameters were added, removed, resized or made anew; nothing is recorded then, and `reset` begins anew with them.
        RuntimeError
            If it is called inside ``strategy.run``, where each replica would record.
        TypeError
            If the variables or the learning rate are none.
        """
        if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
            msg = (
                "record was called inside strategy.run, and each replica would record the step: call it after strategy.run returns"
            )
            raise RuntimeError(msg)
        _require_rate(lr)
        if not self.built:
            goes_on = self.layout.restored is not None and "parameters" in self.layout.restored
            self.build(variables)
            if tf.executing_eagerly() and not goes_on:
                return
        parameters = _given(variables)
        self._plan.require_same(parameters, self.reference)
        zero = self.ring.count < 0
        new = {
            path: as_stored(_whole(value, old), zero) for (path, value), old in zip(parameters.items(), self.reference, strict=True)
        }
        norms = group_norms(new, dict(zip(new, self.reference, strict=True)), self._plan.members)
        self.ring.write([norms[name] for name in self._plan.members], self._rate(lr))
        for reference, value in zip(self.reference, new.values(), strict=True):
            reference.assign(value)

    def read(self) -> Reading:
        """The norms recorded so far, copied to the host.

        Raises
        ------
        TypeError
            If it is called inside a ``tf.function``.
        """
        if not tf.executing_eagerly():
            msg = "read was called inside a tf.function, where there are no numbers yet; call it outside"
            raise TypeError(msg)
        ring = self.ring.copied(list(self._plan.members)) if self.built else init(self._plan.window, dtype=np.float32)
        return read_ring(ring)._replace(**self._plan.source)

    def _make(self, parameters: dict[str, Any]) -> None:
        members, values = members_of(list(parameters), self._plan.groups), _values(parameters)
        self.layout.describe(parameters, members)
        self._plan.members = members
        self._plan.remember(parameters)
        self.ring = RingVariables(self._plan.window, len(members))
        reference = []
        for value, source in zip(values, parameters.values(), strict=True):
            with tf.device(source.device):
                reference.append(tf.Variable(value, trainable=False, name="reference"))
        self.reference = reference

    def _rate(self, lr: Any) -> Any:
        lr = self._plan.lr if lr is None else lr
        if callable(lr):
            lr = lr(self.ring.count + self.ring.skipped)
        return math.nan if lr is None else lr


class _Plan:
    """What a recorder knows besides its variables; no attribute of it, so that TensorFlow does not track it."""

    def __init__(self, window: int, groups: Groups, lr: Any, source: dict[str, Any]) -> None:
        self.window, self.groups, self.lr, self.source = window, groups, lr, source
        self.members: Members = {}
        self._variables: dict[str, weakref.ref[Any] | None] = {}

    def remember(self, parameters: Mapping[str, Any]) -> None:
        """Know the variables themselves again, without keeping them alive."""
        self._variables = {path: weakref.ref(value) if is_variable(value) else None for path, value in parameters.items()}

    def require_same(self, parameters: Mapping[str, Any], reference: Sequence[Any]) -> None:
        """Raise a ValueError that says what is different."""
        difference = self.difference(parameters, reference)
        if difference is not None:
            msg = f"{difference} since the recorder was built; record the same variables, or begin anew with reset(variables)"
            raise ValueError(msg)

    def difference(self, parameters: Mapping[str, Any], reference: Sequence[Any], same_variables: bool = True) -> str | None:
        """What is different about the parameters, in words; None if nothing is."""
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


def _given(variables: Any) -> dict[str, Any]:
    """The parameters of what a recorder is given, each a variable or a tensor."""
    parameters = parameters_of(variables)
    if parameters is None:
        msg = (
            "a recorder takes a list, dict or nest of variables or tensors, or a module with trainable_variables, of which at "
            f"least one is trained and of floating numbers; got {type(variables).__name__}"
        )
        raise TypeError(msg)
    return {path: value if is_variable(value) else tf.convert_to_tensor(value) for path, value in parameters.items()}


def _values(parameters: Mapping[str, Any]) -> list[tf.Tensor]:
    """What they are now; a ValueError where they are nothing yet, inside a function that TensorFlow traces."""
    values = []
    for path, source in parameters.items():
        try:
            value = None if tf.is_symbolic_tensor(source) else tf.identity(source)
        except tf.errors.FailedPreconditionError:
            value = None
        if value is None or value.shape != source.shape:  # a variable that a function has yet to fill reads as empty
            msg = (
                f"{path!r} has no value yet while the tf.function is traced; call build(variables) before it, with where it begins"
            )
            raise ValueError(msg)
        values.append(value)
    return values


def _whole(value: Any, reference: tf.Variable) -> tf.Tensor:
    """Its value, of a shape that is known or is looked at when the function runs."""
    value = tf.convert_to_tensor(value)
    return value if value.shape.is_fully_defined() else tf.ensure_shape(value, reference.shape)


def _require_rate(lr: Any) -> None:
    if lr is not None and not is_number(lr):
        msg = f"lr must be a number or a tensor of size 1, got {type(lr).__name__}; leave it out where it is not known"
        raise TypeError(msg)


def _described(value: Any) -> str:
    return f"{value.dtype.name} of shape {tuple(value.shape) if value.shape.rank is not None else 'unknown'}"
