"""The four optimizers, with the rate of each, and what wcdfa compares them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import optax

from studies.regimes.resnet import Tree
from wcdfa.backends.optax import monitor
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import named

ADAM_SHARE = 0.2
"""Rate of Adam, for what is no matrix inside the network, in the rate of Muon."""
OF_THE_REST = ("symbols", "positions", "out", "bias", "stem", "norm")


class Known(NamedTuple):
    """An optimizer of the study."""

    title: str
    make: Callable[[float], optax.GradientTransformation]
    rule: Optimizer
    rates: dict[str, float]
    """By network, as found on pilot seeds."""


def _muon(rate: float) -> optax.GradientTransformation:
    factory = optax.inject_hyperparams(optax.contrib.muon, static_args=("muon_weight_dimension_numbers",))
    return factory(rate, muon_weight_dimension_numbers=as_matrices, adam_learning_rate=ADAM_SHARE * rate)


KNOWN = {
    "sgd": Known(
        "SGD", lambda rate: optax.inject_hyperparams(optax.sgd)(rate), named("sgd", {}), {"resnet": 0.1, "transformer": 0.2}
    ),
    "momentum": Known(
        "SGD, momentum 0.9",
        lambda rate: optax.inject_hyperparams(optax.sgd)(rate, momentum=0.9),
        named("sgd", {"momentum": 0.9}),
        {"resnet": 0.02, "transformer": 0.05},
    ),
    "adamw": Known(
        "AdamW(0.9, 0.99)",
        lambda rate: optax.inject_hyperparams(optax.adamw)(rate, b1=0.9, b2=0.99),
        named("adamw", {"betas": (0.9, 0.99), "weight_decay": 1e-4}),
        {"resnet": 0.002, "transformer": 0.003},
    ),
    "muon": Known("Muon", _muon, named("muon", {"weight_decay": 0.0}), {"resnet": 0.01, "transformer": 0.01}),
}
SHAPES = {"resnet": (36, 4), "transformer": (8, 8)}
"""The matrix that stands for all in the null of Muon."""


def recorded(optimizer: str, rate: float, steps: int) -> optax.GradientTransformationExtraArgs:
    """The optimizer inside the recorder."""
    named_one = {"optimizer": "muon", "momentum": 0.95, "weight_decay": 0.0} if optimizer == "muon" else {}
    return monitor(KNOWN[optimizer].make(rate), window=steps, **named_one)  # type: ignore[arg-type]


def with_rate(state: optax.OptState, optimizer: str, rate: jax.Array) -> optax.OptState:
    """The state with another learning rate."""
    more = {"adam_learning_rate": ADAM_SHARE * rate} if optimizer == "muon" else {}
    changed: optax.OptState = optax.tree.set(state, learning_rate=rate, **more)
    return changed


def as_matrices(weights: Tree) -> Tree:
    """How Muon sees each parameter: convolutions as matrices from all their inputs to their outputs, stacked layers one by one."""

    def seen(path: tuple[jax.tree_util.DictKey, ...], weight: jax.Array) -> optax.contrib.MuonDimensionNumbers | None:
        if any(part in str(path[-1].key) for part in OF_THE_REST):
            return None
        inputs = (weight.ndim - 2,) if weight.ndim < 4 else tuple(range(weight.ndim - 4, weight.ndim - 1))
        return optax.contrib.MuonDimensionNumbers(inputs, weight.ndim - 1)

    found: Tree = jax.tree_util.tree_map_with_path(seen, weights)
    return found
