"""Keras optimizers that record ‖ΔW‖: `monitored` makes one, and `read` takes out what it recorded."""

from __future__ import annotations

import keras

from wcdfa.backends.keras.recorder import Monitored
from wcdfa.recording.groups import Groups
from wcdfa.recording.reading import Reading


def monitored(
    optimizer: keras.optimizers.Optimizer | str | dict[str, object],
    *,
    window: int = 500,
    groups: Groups = None,
    name: str | None = None,
) -> keras.optimizers.Optimizer:
    """The same optimizer, recording ‖ΔW‖ of every step in variables of its own, on the device.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(monitored(keras.optimizers.SGD(0.1)), loss="mse")  # the one argument
    >>> history = model.fit(keras.ops.ones((8, 3)), keras.ops.zeros((8, 1)), batch_size=4, verbose=0)
    >>> reading = read(model)
    >>> reading.count, reading.optimizer, reading.lr.round(3)
    (2, 'sgd', array([0.1, 0.1], dtype=float32))

    It records the change of the variables as they are stored, at every step: also at those inside one call with
    ``steps_per_execution``, compiled or not, on TensorFlow, JAX and torch. A step that changes nothing, as while gradients are
    accumulated, is counted as skipped; one that is not finite is a gap. The ring travels with ``.keras`` files, weights and
    checkpoints; import ``wcdfa.backends.keras.parameters`` where they are loaded. To go on without it, compile with its
    ``inner_optimizer``.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer, or what `keras.optimizers.get` takes
        Built or not. A LossScaleOptimizer, given or made by ``mixed_float16``, goes around the recorder: the optimizer inside it is
        monitored, and the steps that it refuses are neither recorded nor counted.
    window : int
        Norms that are kept, 4 bytes each, and as much for the learning rate.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`, by the paths of the variables. Most begin with the
        name of the model: in "net/dense/kernel", ``groups=2`` is one group for each layer.
    name : str, optional

    Returns
    -------
    keras.optimizers.Optimizer
        To compile a model with, or for a loop of your own, whose ``apply`` or ``stateless_apply`` it then calls.

    Raises
    ------
    ValueError, TypeError
        If it is monitored already or not an optimizer, or an option is unknown.
    """
    if isinstance(optimizer, (str, dict)):
        optimizer = keras.optimizers.get(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        msg = f"monitored takes an optimizer of Keras, or the name of one, got {type(optimizer).__name__}; e.g. monitored('adam')"
        raise TypeError(msg)
    if (already := found(optimizer)) is not None:
        msg = f"{optimizer.name} is monitored already, with window={already.window}: use it as it is"
        raise ValueError(msg)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # inside, where the steps that it refuses never come, and where compile() still sees that losses are scaled
        inner = optimizer.inner_optimizer = Monitored(optimizer.inner_optimizer, window, groups, name)
        if optimizer.built:
            inner.build(inner._trainable_variables)
        return optimizer
    return Monitored(optimizer, window, groups, name)


def read(optimizer: keras.optimizers.Optimizer | keras.Model) -> Reading:
    """The norms that a `monitored` optimizer has recorded, copied to the host.

    >>> read(monitored("adam")).count
    0

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer or keras.Model
        However the recorder is wrapped. While ``fit`` runs, ask with ``self.model`` of a callback.

    Raises
    ------
    ValueError
        If it does not record, or its variables hold no values: inside a compiled function, or on JAX while ``fit`` runs.
    """
    recorder = found(getattr(optimizer, "optimizer", optimizer))
    if recorder is None:
        kind = type(getattr(optimizer, "optimizer", optimizer)).__name__
        msg = f"{kind} is not, and does not hold, one monitored optimizer: compile with optimizer=monitored(...), of wcdfa.backends.keras.parameters, around it"
        raise ValueError(msg)
    return recorder.read()


def found(optimizer: keras.optimizers.Optimizer | None) -> Monitored | None:
    """The recorder in an optimizer, however deep; None if there is none, or several in a MultiOptimizer."""
    while optimizer is not None and not isinstance(optimizer, Monitored):
        inside = [recorder for each in getattr(optimizer, "optimizers", ()) if (recorder := found(each)) is not None]
        optimizer = inside[0] if len(inside) == 1 else getattr(optimizer, "inner_optimizer", None)
    return optimizer
