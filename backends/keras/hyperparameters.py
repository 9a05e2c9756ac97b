"""Recognises a Keras optimizer by its attributes, for `wcdfa.nulls.optimizer_null`; only if it is certain what it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import keras

from wcdfa.nulls.recognition import Known, Recognition, not_recognised, recognition, written
from wcdfa.recording.side_series import BETA1, BETA2, MOMENTUM


class Optimizer(Protocol):
    """The attributes of a Keras optimizer that are read here."""

    use_ema: bool
    ema_overwrite_frequency: int | None


def described(optimizer: Optimizer, variables: Iterable[object] = ()) -> Known:
    """Name the optimizer and its hyperparameters; (None, {}) if the null has none that does the same.

    >>> import keras
    >>> described(keras.optimizers.AdamW(1e-3, beta_2=0.99, weight_decay=0.1))
    ('adamw', {'betas': (0.9, 0.99), 'eps': 1e-07, 'weight_decay': 0.1})
    >>> described(keras.optimizers.SGD(0.1, momentum=0.9)), described(keras.optimizers.Ftrl(1e-4))
    (('sgd', {'momentum': 0.9, 'nesterov': False}), (None, {}))

    The optimizers of ``wcdfa.nulls.update_rules`` say how Keras writes them. In Keras, weight decay is decoupled for every optimizer, so
    Adam with weight decay is AdamW. The null does not know SGD with both momentum and decay, nor RMSprop with decay. An optimizer is
    still recognised if gradients are clipped, scaled or accumulated, weights are averaged afterwards, or variables are excluded from
    weight decay. A subclass counts as another optimizer.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        For a LossScaleOptimizer, or another wrapper with an ``inner_optimizer``, the optimizer inside is named.
    variables : iterable of variables
        The variables that it changes. If one has a constraint, more than the optimizer moves it.
    """
    return recognition_of(optimizer, variables).known


def recognition_of(optimizer: Optimizer, variables: Iterable[object] = ()) -> Recognition:
    """`described`, with the reason if the optimizer is not recognised.

    >>> import keras
    >>> recognition_of(keras.optimizers.Ftrl(1e-4)).unknown
    'Ftrl is not an optimizer that wcdfa can replay'
    """
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    name = written(type(optimizer))
    if any(getattr(variable, "constraint", None) is not None for variable in variables):
        return not_recognised("variables have constraints, which move them after each step of the optimizer")
    if not name.startswith("keras."):
        return not_recognised(f"{type(optimizer).__name__} is not an optimizer that wcdfa can replay")
    if optimizer.use_ema and optimizer.ema_overwrite_frequency:
        often = f"every {optimizer.ema_overwrite_frequency} steps"
        return not_recognised(f"{type(optimizer).__name__} overwrites the weights with their moving average {often}")
    found = recognition(name, vars(optimizer))
    return found._replace(hyperparameters={name: _plain(value) for name, value in found.hyperparameters.items()})


def variables_of(optimizer: object) -> dict[str, keras.Variable | float]:
    """Momentum and betas by side series, if one of them is a variable, so that it may change during training; else none."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    named = {MOMENTUM: "momentum", BETA1: "beta_1", BETA2: "beta_2"}
    found = {series: getattr(optimizer, name, None) for series, name in named.items()}
    known = {series: value for series, value in found.items() if value is not None}
    return known if any(isinstance(value, keras.Variable) for value in known.values()) else {}


def _plain(value: object) -> object:
    """Convert numbers of NumPy and tensors to numbers of Python."""
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value if isinstance(value, (bool, int)) else float(value)  # type: ignore[arg-type]  # a number of some library
