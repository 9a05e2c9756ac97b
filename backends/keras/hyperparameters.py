"""Recognises a Keras optimizer by its attributes, for `wcdfa.nulls.optimizer_null`; only if it is certain what it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wcdfa.nulls.recognition import UNKNOWN, Known, recognised, written


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
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    if any(getattr(variable, "constraint", None) is not None for variable in variables):
        return UNKNOWN
    name = written(type(optimizer))
    if not name.startswith("keras.") or (optimizer.use_ema and optimizer.ema_overwrite_frequency):
        return UNKNOWN
    found, hyperparameters = recognised(name, vars(optimizer))
    return found, {name: _plain(value) for name, value in hyperparameters.items()}


def _plain(value: object) -> object:
    """Convert numbers of NumPy and tensors to numbers of Python."""
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value if isinstance(value, (bool, int)) else float(value)  # type: ignore[arg-type]  # a number of some library
