"""What a Keras optimizer does, in the words of `wcdfa.nulls.nulls.optimizer_null`: from its own attributes, and only where that is sure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from wcdfa.nulls.recognition import UNKNOWN, Known, replayable


def described(optimizer: Any, variables: Iterable[Any] = ()) -> Known:
    """Which optimizer it is, and its hyperparameters; (None, {}) where the null has none that does the same.

    >>> import keras
    >>> described(keras.optimizers.AdamW(1e-3, beta_2=0.99, weight_decay=0.1))
    ('adamw', {'betas': (0.9, 0.99), 'eps': 1e-07, 'weight_decay': 0.1})
    >>> described(keras.optimizers.SGD(0.1, momentum=0.9)), described(keras.optimizers.Lion(1e-4))
    (('sgd', {'momentum': 0.9, 'nesterov': False}), (None, {}))

    Keras' weight decay is decoupled for every optimizer, so that Adam with it is AdamW; SGD with both momentum and decay, and RMSprop
    with decay, are nothing that the null knows. Gradients that are clipped, scaled, accumulated or averaged afterwards leave an
    optimizer what it is, and so do variables that are excluded from its weight decay. A subclass is another optimizer.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        A LossScaleOptimizer, or another wrapper with an ``inner_optimizer``, is what it wraps.
    variables : iterable of variables
        That it changes: one with a constraint is moved by more than the optimizer.
    """
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    kind = type(optimizer)
    tell = RECOGNISED.get(kind.__name__) if kind.__module__.partition(".")[0] == "keras" else None
    if tell is None or any(getattr(variable, "constraint", None) is not None for variable in variables):
        return UNKNOWN
    if optimizer.use_ema and optimizer.ema_overwrite_frequency:
        return UNKNOWN
    return replayable(*tell(optimizer, float(optimizer.weight_decay or 0.0)))


def _adam(optimizer: Any, weight_decay: float) -> Known:
    if optimizer.amsgrad:
        return UNKNOWN
    known = {"betas": (float(optimizer.beta_1), float(optimizer.beta_2)), "eps": float(optimizer.epsilon)}
    return ("adamw", {**known, "weight_decay": weight_decay}) if weight_decay else ("adam", known)


def _sgd(optimizer: Any, weight_decay: float) -> Known:
    momentum = float(optimizer.momentum)
    if weight_decay and momentum:
        return UNKNOWN
    known = {"momentum": momentum, "nesterov": bool(optimizer.nesterov and momentum)}
    found: dict[str, object] = {**known, "weight_decay": weight_decay} if weight_decay else {**known}
    return "sgd", found


def _rmsprop(optimizer: Any, weight_decay: float) -> Known:
    if optimizer.centered or weight_decay:
        return UNKNOWN
    # Keras adds epsilon to the mean square, the null to its root: alike where either is much the larger
    eps = math.sqrt(float(optimizer.epsilon))
    return "rmsprop", {"alpha": float(optimizer.rho), "momentum": float(optimizer.momentum), "eps": eps}


RECOGNISED = {"Adam": _adam, "AdamW": _adam, "SGD": _sgd, "RMSprop": _rmsprop}  # on torch a subclass of the same name, in Keras too
