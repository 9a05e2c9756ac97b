"""A Keras optimizer that wraps another one and passes everything on to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from wcdfa.backends.keras.norms import Tensor

SETTINGS = (
    *("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "loss_scale_factor", "gradient_accumulation_steps"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency", "_trainable_variables"),
)
AVERAGES = "_model_variables_moving_average"  # the callback SwapEMAWeights reads this attribute


class Delegating(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Passes everything on to ``inner_optimizer``; its own variables come before those of the inner optimizer."""

    def __init__(self, inner_optimizer: keras.optimizers.Optimizer, name: str) -> None:
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer

    @property
    def variables(self) -> list[keras.Variable]:
        """Its own variables, then those of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> keras.Variable:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Tensor | keras.optimizers.schedules.LearningRateSchedule) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> keras.Variable:
        """Steps of the inner optimizer."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as the inner optimizer scales it."""
        scaled: Tensor = self.inner_optimizer.scale_loss(loss)
        return scaled

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Call the same method of the inner optimizer, at the end of training. It is not a step, and is not recorded."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Sequence[keras.Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Exclude variables from the weight decay of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Set its own variables, then those of the inner optimizer, in the order of `variables`."""
        own = len(self._variables)
        super().set_weights(weights[:own])
        self.inner_optimizer.set_weights(weights[own:])

    def __getattr__(self, name: str) -> Any:
        """Any other attribute, such as ``beta_1``, comes from the inner optimizer."""
        if (name.startswith("_") and name != AVERAGES) or name == "inner_optimizer":
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(self.inner_optimizer, name)


def _setting(name: str) -> property:
    def get(self: Delegating) -> object:
        return getattr(self.inner_optimizer, name)

    def put(self: Delegating, value: object) -> None:
        if "inner_optimizer" in vars(self):  # before that, the base class sets its own defaults
            setattr(self.inner_optimizer, name, value)

    return property(get, put, doc="The setting of the inner optimizer.")


for _name in SETTINGS:
    setattr(Delegating, _name, _setting(_name))
