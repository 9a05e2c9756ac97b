"""What a Keras optimizer does, in the words of `wcdfa.nulls.nulls.optimizer_null`: from its own attributes, and only where that is sure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wcdfa.nulls.recognition import UNKNOWN, Known, recognised, written


class Optimizer(Protocol):
    """What is asked of a Keras optimizer."""

    use_ema: bool
    ema_overwrite_frequency: int | None


def described(optimizer: Optimizer, variables: Iterable[object] = ()) -> Known:
    """Which optimizer it is, and its hyperparameters; (None, {}) where the null has none that does the same.

    >>> import keras
    >>> described(keras.optimizers.AdamW(1e-3, beta_2=0.99, weight_decay=0.1))
    ('adamw', {'betas': (0.9, 0.99), 'eps': 1e-07, 'weight_decay': 0.1})
    >>> described(keras.optimizers.SGD(0.1, momentum=0.9)), described(keras.optimizers.Ftrl(1e-4))
    (('sgd', {'momentum': 0.9, 'nesterov': False}), (None, {}))

    The optimizers of ``wcdfa.nulls.update_rules`` say how Keras writes them. Its weight decay is decoupled for every optimizer, so
    that Adam with it is AdamW; SGD with both momentum and decay, and RMSprop with decay, are nothing that the null knows. Gradients
    that are clipped, scaled, accumulated or averaged afterwards leave an optimizer what it is, and so do variables that are excluded
    from its weight decay. A subclass is another optimizer.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        A LossScaleOptimizer, or another wrapper with an ``inner_optimizer``, is what it wraps.
    variables : iterable of variables
        That it changes: one with a constraint is moved by more than the optimizer.
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
    """Python's own numbers of what may be NumPy's or a tensor."""
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value if isinstance(value, (bool, int)) else float(value)  # type: ignore[arg-type]  # a number of some library
