"""TensorFlow: a recorder of ‖ΔW‖ for custom training loops."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped]

from wcdfa.backends.tensorflow.direction import Coordinates, DirectionVariables
from wcdfa.backends.tensorflow.norms import as_stored, copied, delta_norm, group_norms, unconverted
from wcdfa.backends.tensorflow.parameters import parameters_of
from wcdfa.backends.tensorflow.plan import (
    Given,
    LearningRate,
    Plan,
    Rate,
    given_parameters,
    numbers_of,
    require_rate,
    shaped_value,
    values_of,
)
from wcdfa.backends.tensorflow.ring import Layout, RingVariables
from wcdfa.nulls.update_rules import named as named_optimizer
from wcdfa.recording.groups import ALL, Groups, checked, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import init
from wcdfa.recording.ring import read as read_ring
from wcdfa.recording.sample import COORDINATES
from wcdfa.support.numbers import whole

__all__ = ["NormRecorder", "copied", "delta_norm", "group_norms", "parameters_of"]


class NormRecorder(tf.Module):  # type: ignore[misc]
    """Records ‖ΔW‖ of every step of a custom training loop, in variables on the device of the parameters.

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

    Give `read()` to `wcdfa.WeightChangeDFA.update` at any time, or call its ``verdict``.

    ``tf.train.Checkpoint(recorder=recorder)`` holds the norms and the values that the next change is measured from, so a restored run
    goes on as if it had not stopped. If a checkpoint has the weights but no recorder, call `build` after restoring it, so that the jump
    is not recorded as a step.

    It keeps one copy of the parameters on their devices, because TensorFlow assigns in place.

    Parameters
    ----------
    variables : list, dict, nest, or anything with ``trainable_variables``, optional
        The tensors and variables to measure. Those that are not trained, or hold no floating or complex numbers, are left out. The first
        change is measured from their current values. Without this argument it is measured from the values at the first `record`, which
        then records nothing. If that is inside a ``tf.function``, it is measured from the values before the first call, and the
        function is traced twice.
    window : int
        How many norms are kept, at 4 bytes each and 4 for the learning rate.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`. The path of a parameter is its path in the nest, or
        is made of the attributes that lead to it; for a variable in a flat list it is the name.
    optimizer : str, optional
        The optimizer of the loop, as a name of `wcdfa.nulls.update_rules.OPTIMIZERS`; the verdict compares α with its null.
    lr : float, scalar tensor or variable, or schedule, optional
        Learning rate of each step, unless `record` is given one. A schedule is called with the number of calls so far.
    gradients : bool
        Record ‖g‖ too, of the gradients that each `record` is then given.
    direction : bool
        Record the direction of ΔW too: its cosine with that of the step before (of all parameters and of each group), ‖W‖, and a few
        coordinates of it. It is measured on a sample, all numbers up to 65,536 or else one in about 64 (`wcdfa.recording.sample.sample_of`),
        of which the last ΔW is kept, in float32. A step that follows one that was not finite, or a `build`, has no cosine.
    coordinates : int
        How many coordinates of ΔW are kept of each step, 64 to 256, at 4 bytes each.
    **hyperparameters
        Hyperparameters of the optimizer, as in `wcdfa.nulls.replay.optimizer_norms`. Momentum and betas may be variables, whose values
        are then recorded at each step.

    Raises
    ------
    ValueError, TypeError
        If an option is unknown, or the optimizer has no such hyperparameter; if there are no variables, or they have no values.
    """

    reference: list[tf.Variable]  # made with the first parameters; a checkpoint that was restored earlier waits for them
    ring: RingVariables
    direction: DirectionVariables | None

    def __init__(
        self,
        variables: object = None,
        *,
        window: int = 500,
        groups: Groups = None,
        optimizer: str | None = None,
        lr: LearningRate = None,
        gradients: bool = False,
        direction: bool = True,
        coordinates: int = COORDINATES,
        **hyperparameters: float | bool | tf.Variable | tuple[float | tf.Variable, float | tf.Variable],
    ) -> None:
        super().__init__("wcdfa_recorder")
        window = whole("window", window, "a whole number of norms (500 is the default)")
        if optimizer is not None:
            named_optimizer(optimizer, numbers_of(hyperparameters))
        elif hyperparameters:
            msg = f"{', '.join(hyperparameters)} belongs to an optimizer; name it with optimizer="
            raise TypeError(msg)
        if not callable(lr):
            require_rate(lr)
        if not isinstance(gradients, bool):
            msg = f"gradients must be True or False, got {gradients!r}; give the gradients themselves to record"
            raise TypeError(msg)
        if not isinstance(direction, bool):
            msg = f"direction must be True or False, got {direction!r}"
            raise TypeError(msg)
        coordinates = whole("coordinates", coordinates, "a whole number of coordinates of the sketch (64 is the default)")
        self.layout = Layout(window, coordinates if direction else None)
        self._plan = Plan(window, checked(groups), lr, (optimizer, dict(hyperparameters)), gradients)
        if variables is not None:
            self.build(variables)

    @property
    def built(self) -> bool:
        """Whether the recorder knows the parameters."""
        return bool(self._plan.members)

    @unconverted
    def build(self, variables: object) -> None:
        """Measure the next change from the current values of the variables. Recorded norms are kept.

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
            If they are not the variables that it was built with, or have no values.
        """
        with tf.init_scope():
            parameters = given_parameters(variables)
            if self.built:
                self._plan.require_same(parameters, self.reference)
                for reference, value in zip(self.reference, values_of(parameters), strict=True):
                    reference.assign(value)
                if self.direction is not None:
                    self.direction.forget()
            else:
                self._make(parameters)

    @unconverted
    def reset(self, variables: object) -> None:
        """Forget all norms, and start over with these variables, which may be different ones.

        If they are different, trace each ``tf.function`` that calls `record` again: it would go on recording the old ones.

        Raises
        ------
        ValueError, TypeError
            As `NormRecorder`; nothing is forgotten then.
        """
        with tf.init_scope():
            parameters = given_parameters(variables)
            if self.built and self._plan.difference(parameters, self.reference, same_variables=False) is None:
                self._plan.remember(parameters)
                self.ring.clear()
                if self.direction is not None:
                    self.direction.clear()
                self.build(variables)
            else:
                self.layout.restored = None
                self._make(parameters)

    @unconverted
    def record(self, variables: object, lr: Rate = None, gradients: object = None) -> None:
        """Record how far the variables have moved since the last call: eagerly, in a ``tf.function`` or under XLA.

        Call it once per optimizer step, after the step. With a ``tf.distribute.Strategy``, call it outside ``strategy.run``; a
        variable that is mirrored on several devices then counts once. Asynchronous training, as with parameter servers, has no
        steps and is not supported. A change of 0 means that no step was taken: it is counted as skipped.

        Parameters
        ----------
        variables : as in `NormRecorder`
        lr : float, scalar tensor or variable, optional
            Learning rate of the step.
        gradients : nest of tensors, optional
            The gradients of the step as the optimizer used them, after clipping; only with the option ``gradients=True``.

        Raises
        ------
        ValueError
            If parameters were added, removed, resized or replaced. Nothing is recorded then; `reset` starts over with them.
        RuntimeError
            If it is called inside ``strategy.run``, because each replica would record.
        TypeError
            If there are no variables, the learning rate is not a number, or gradients are missing or not expected.
        """
        if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
            msg = "record was called inside strategy.run, where each replica would record the step: call it after strategy.run returns"
            raise RuntimeError(msg)
        require_rate(lr)
        beside = self._plan.beside(gradients)
        if not self.built:
            goes_on = self.layout.restored is not None and "parameters" in self.layout.restored
            self.build(variables)
            if tf.executing_eagerly() and not goes_on:
                return
        parameters = given_parameters(variables)
        self._plan.require_same(parameters, self.reference)
        zero = self.ring.count < 0
        new = {
            path: as_stored(shaped_value(value, old), zero)
            for (path, value), old in zip(parameters.items(), self.reference, strict=True)
        }
        norms = group_norms(new, dict(zip(new, self.reference, strict=True)), self._plan.members)
        self.ring.write([norms[name] for name in self._plan.members], self._rate(lr), beside)
        if self.direction is not None:
            self.direction.write(list(new.values()), self.reference, norms[ALL])
        for reference, value in zip(self.reference, new.values(), strict=True):
            reference.assign(value)

    def read(self) -> Reading:
        """Copy the norms recorded so far to the host.

        Raises
        ------
        TypeError
            If it is called inside a ``tf.function``.
        """
        if not tf.executing_eagerly():
            msg = "read was called inside a tf.function, where there are no numbers yet; call it outside"
            raise TypeError(msg)
        beside = {} if not self.built or self.direction is None else self.direction.copied()
        ring = self.ring.copied(list(self._plan.members), beside) if self.built else init(self._plan.window, dtype=np.float32)
        optimizer, hyperparameters = self._plan.source_now()
        unknown = None if optimizer else "NormRecorder was not told the optimizer: NormRecorder(…, optimizer=…) names it"
        return read_ring(ring)._replace(optimizer=optimizer, hyperparameters=hyperparameters, unknown=unknown)

    def _make(self, parameters: dict[str, Given]) -> None:
        members, values = members_of(list(parameters), self._plan.groups), values_of(parameters)
        self.layout.describe(parameters, members)
        self._plan.members = members
        self._plan.remember(parameters)
        self.ring = RingVariables(self._plan.window, len(members), self._plan.side_series)
        self.direction = self._made_direction(parameters)
        reference = []
        for value, source in zip(values, parameters.values(), strict=True):
            with tf.device(source.device):
                reference.append(tf.Variable(value, trainable=False, name="reference"))
        self.reference = reference

    def _made_direction(self, parameters: dict[str, Given]) -> DirectionVariables | None:
        """The rings of the direction; None if it is not recorded, or there are no numbers."""
        if self.layout.coordinates is None:
            return None
        coordinates = Coordinates(parameters, self._plan.members, self.layout.coordinates)
        return DirectionVariables(coordinates, self._plan.window) if coordinates.sample.size else None

    def _rate(self, lr: Rate) -> Rate:
        chosen = self._plan.lr if lr is None else lr
        rate = chosen(self.ring.count + self.ring.skipped) if callable(chosen) else chosen
        return math.nan if rate is None else rate
