"""Keras 3: finds the parameters of models and measures how far they moved, for `wcdfa.WeightChangeDFA.update`. Users import from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import keras
from keras import ops

from wcdfa.backends.keras.callback import WeightChangeCallback
from wcdfa.backends.keras.norms import Tensor, copied_value, is_trained, path_of, square_of, stacked, value_of
from wcdfa.backends.keras.optimizer import monitored, read
from wcdfa.backends.keras.recorder import Monitored
from wcdfa.backends.keras.sampling import direction_of, sampled
from wcdfa.backends.trees import by_path, is_tree, leaves
from wcdfa.monitor.messages import DriftWarning

if TYPE_CHECKING:
    import jax

__all__ = [
    "DriftWarning",
    "Monitored",
    "WeightChangeCallback",
    "copied",
    "direction_of",
    "group_norms",
    "monitored",
    "parameters_of",
    "read",
    "sampled",
]


def parameters_of(given: object) -> dict[str, Tensor] | None:
    """The values of the trainable variables of a model, layer or nest of Keras variables, by path; None for anything else.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="head")], name="net")
    >>> {path: tuple(value.shape) for path, value in parameters_of(model).items()}
    {'net/head/kernel': (3, 1), 'net/head/bias': (1,)}

    Raises
    ------
    ValueError
        If there are no trainable variables, or they hold no values, as on JAX while ``fit`` runs.
    """
    if isinstance(given, keras.Layer):
        variables, what = given.trainable_variables, given.name
    elif is_tree(given) and any(isinstance(leaf, keras.Variable) for _, leaf in leaves(given)):
        variables = [leaf for _, leaf in leaves(given) if getattr(leaf, "trainable", False)]
        what = f"the {type(given).__name__}"
    else:
        return None
    variables = [variable for variable in variables if is_trained(variable)]
    if not variables:
        msg = f"{what} has no trainable variables: call the model on a batch, or build it, first. Are all its layers frozen?"
        raise ValueError(msg)
    return by_path((path_of(variable), value_of(variable)) for variable in variables)


def copied(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy the tensors: later assignments do not change them, and JAX does not delete them when ``fit`` donates the originals to a step."""
    if keras.backend.backend() == "jax":
        return {path: ops.copy(value) for path, value in parameters.items()}
    return {path: copied_value(value) for path, value in parameters.items()}


def group_norms(new: Mapping[str, Tensor], old: Mapping[str, Tensor], members: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """‖new − old‖ over each named group of paths; the results stay on the device.

    >>> new, old = {"w": ops.ones(4), "b": ops.ones(1)}, {"w": ops.zeros(4), "b": ops.ones(1)}
    >>> {name: float(norm) for name, norm in group_norms(new, old, {"all": ("w", "b"), "bias": ("b",)}).items()}
    {'all': 2.0, 'bias': 0.0}
    """
    if keras.backend.backend() == "jax":
        from wcdfa.backends.jax.norms import group_norms as compiled  # noqa: PLC0415 - with another backend JAX need not be installed

        before, after = (cast("dict[str, jax.Array]", dict(each)) for each in (old, new))
        return dict(compiled(after, before, members))
    used = {path for paths in members.values() for path in paths}
    found = stacked({path: square_of(new[path], old[path]) for path in used}, list(members.values()))
    return {name: found[i] for i, name in enumerate(members)}
