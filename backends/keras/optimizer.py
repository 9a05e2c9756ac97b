"""Keras optimizers that record ‖ΔW‖: `monitored` makes one, and `read` returns the norms."""

from __future__ import annotations

from functools import partial

import keras

from wcdfa.backends.keras.recorder import Monitored
from wcdfa.recording.groups import Groups
from wcdfa.recording.reading import Reading
from wcdfa.recording.sample import COORDINATES


def monitored(
    optimizer: keras.optimizers.Optimizer | str | dict[str, object],
    *,
    window: int = 500,
    groups: Groups = None,
    name: str | None = None,
    gradients: bool = False,
    direction: bool = True,
    coordinates: int = COORDINATES,
) -> keras.optimizers.Optimizer:
    """Wrap an optimizer so that it records ‖ΔW‖ of every step, in its own variables on the device.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(monitored(keras.optimizers.SGD(0.1)), loss="mse")  # all that changes
    >>> history = model.fit(keras.ops.ones((8, 3)), keras.ops.zeros((8, 1)), batch_size=4, verbose=0)
    >>> reading = read(model)
    >>> reading.count, reading.optimizer, reading.lr.round(3)
    (2, 'sgd', array([0.1, 0.1], dtype=float32))

    It records the applied change of every step, including those inside one call with ``steps_per_execution``, compiled or not, on
    TensorFlow, JAX and torch. A step that changes nothing, for example while gradients accumulate, is counted as skipped; a norm that is
    not finite is a gap. The recorded norms are saved in ``.keras`` files, weights and checkpoints; import
    ``wcdfa.backends.keras.parameters`` before you load them. To go on without recording, compile with the ``inner_optimizer``.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer, or what `keras.optimizers.get` takes
        Built or not. If it is a LossScaleOptimizer, given or made by ``mixed_float16``, the optimizer inside it is monitored; steps
        that it refuses are neither recorded nor counted.
    window : int
        How many norms are kept, at 4 bytes each and 4 for the learning rate.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`, by the paths of the variables. Most paths begin with
        the name of the model, such as "net/dense/kernel", so ``groups=2`` makes one group for each layer.
    name : str, optional
    gradients : bool
        Record ‖g‖ too, the norm of the gradients that enter the optimizer: after loss scaling, but before its own ``clipnorm``. It costs
        one more sum over the variables, and 4 bytes for each step of the window. Not with ``gradient_accumulation_steps``.
    direction : bool
        Record the direction of ΔW too: its cosine with that of the step before (of all parameters and of each group), ‖W‖, and a few
        coordinates of it. It is measured on a sample, all numbers up to 65,536 or else one in about 64 (`wcdfa.recording.sample.sample_of`),
        of which the last ΔW is kept, in float32. A step that follows one that was not finite has no cosine.
    coordinates : int
        How many coordinates of ΔW are kept of each step, 64 to 256, at 4 bytes each.

    Returns
    -------
    keras.optimizers.Optimizer
        Compile a model with it, or call its ``apply`` or ``stateless_apply`` in a loop of your own.

    Raises
    ------
    ValueError, TypeError
        If the optimizer is monitored already, or is not an optimizer, or an option is unknown.
    """
    if isinstance(optimizer, (str, dict)):
        optimizer = keras.optimizers.get(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        msg = f"monitored takes an optimizer of Keras, or the name of one, got {type(optimizer).__name__}; e.g. monitored('adam')"
        raise TypeError(msg)
    if (already := found(optimizer)) is not None:
        msg = f"{optimizer.name} is monitored already, with window={already.window}: use it unchanged"
        raise ValueError(msg)
    made = partial(
        Monitored,
        window=window,
        groups=groups,
        name=name,
        gradients=gradients,
        direction=direction,
        coordinates=coordinates,
    )
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # inside the LossScaleOptimizer: refused steps never get there, and compile() still sees that losses are scaled
        inner = optimizer.inner_optimizer = made(optimizer.inner_optimizer)
        if optimizer.built:
            inner.build(inner._trainable_variables)
        return optimizer
    return made(optimizer)


def read(optimizer: keras.optimizers.Optimizer | keras.Model) -> Reading:
    """Copy the norms that a `monitored` optimizer has recorded to the host.

    >>> read(monitored("adam")).count
    0

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer or keras.Model
        The recorder may be wrapped in others. While ``fit`` runs, give the ``self.model`` of a callback.

    Raises
    ------
    ValueError
        If it does not record, or its variables hold no values, as inside a compiled function or on JAX while ``fit`` runs.
    """
    recorder = found(getattr(optimizer, "optimizer", optimizer))
    if recorder is None:
        kind = type(getattr(optimizer, "optimizer", optimizer)).__name__
        msg = f"{kind} is not, and does not hold, one monitored optimizer: compile with optimizer=monitored(...), of wcdfa.backends.keras.parameters, around it"
        raise ValueError(msg)
    return recorder.read()


def found(optimizer: keras.optimizers.Optimizer | None) -> Monitored | None:
    """Find the recorder in an optimizer, at any depth; None if there is none, or several in a MultiOptimizer."""
    while optimizer is not None and not isinstance(optimizer, Monitored):
        inside = [recorder for each in getattr(optimizer, "optimizers", ()) if (recorder := found(each)) is not None]
        optimizer = inside[0] if len(inside) == 1 else getattr(optimizer, "inner_optimizer", None)
    return optimizer
