"""What is known of an optax optimizer: named by the user, or injected into its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from wcdfa.optimizers import rule_of

Plain = dict[str, dict[str, Any]]
"""Hyperparameters by the name of the optimizer, as arrays, so that they can be part of a state; prefixed, so that
``optax.tree.get(state, "weight_decay")`` still finds one value."""

PREFIX = "wcdfa_"
# optimizer, what is injected besides the learning rate, and the states of its chain, all of them: others inject the same, as SM3 and
# LAMB do. What is no number, such as nesterov=True, leaves no trace in the state, and is not seen.
INJECTED: tuple[tuple[str, set[str], tuple[str, ...]], ...] = (
    ("adamw", {"b1", "b2", "eps", "eps_root", "weight_decay"}, ("ScaleByAdamState", "EmptyState", "EmptyState")),
    ("adam", {"b1", "b2", "eps", "eps_root"}, ("ScaleByAdamState", "EmptyState")),
    ("rmsprop", {"decay", "eps", "initial_scale"}, ("ScaleByRms", "EmptyState", "EmptyState")),
    ("rmsprop", {"decay", "eps", "initial_scale", "momentum"}, ("ScaleByRms", "EmptyState", "TraceState")),
    ("sgd", set(), ("EmptyState", "EmptyState")),
    ("sgd", {"momentum"}, ("TraceState", "EmptyState")),
)


def packed(optimizer: str | None, hyperparameters: Mapping[str, Any]) -> Plain:
    """What the user named, checked, as the arrays of a state.

    >>> packed("adamw", {"b1": 0.9, "b2": 0.99})
    {'wcdfa_adamw': {'wcdfa_betas': array([0.9 , 0.99], dtype=float32)}}

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.replay.optimizer_norms`; or if there are hyperparameters and no optimizer.
    """
    if optimizer is None:
        if hyperparameters:
            msg = f"{', '.join(hyperparameters)} belongs to an optimizer; name it with optimizer="
            raise TypeError(msg)
        return {}
    named = _translated(optimizer, hyperparameters)
    rule_of(optimizer, named)
    arrays = {PREFIX + name: np.asarray(value, dtype=_dtype(value)) for name, value in named.items() if value is not None}
    return {PREFIX + optimizer: arrays}


def unpacked(known: Plain, *, batched: bool) -> tuple[str | None, dict[str, Any]]:
    """The optimizer and its hyperparameters again, as plain numbers; of an ensemble, arrays with its axes."""
    if not known:
        return None, {}
    ((name, arrays),) = known.items()
    optimizer = name.removeprefix(PREFIX)
    values = _translated(optimizer, {key.removeprefix(PREFIX): np.asarray(value) for key, value in arrays.items()})
    return optimizer, values if batched else {key: plain(value) for key, value in values.items()}


def plain(value: Any) -> Any:
    """A number, or a tuple of numbers, with the digits that single precision has."""
    if np.ndim(value):
        return tuple(plain(part) for part in value)
    return bool(value) if np.asarray(value).dtype.kind == "b" else float(f"{float(value):.7g}")


def injected(opt_state: Any) -> Plain:
    """The hyperparameters of the one optimizer made with ``optax.inject_hyperparams``, if it is one that wcdfa can replay.

    Under the names of optax, and still where they are: `unpacked` translates what has been copied to the host.
    """
    found = list(_injected(opt_state))
    if len(found) != 1:
        return {}
    values = {name: value for name, value in found[0].hyperparams.items() if name != "learning_rate"}
    inner = found[0].inner_state
    states = tuple(type(part).__name__ for part in inner) if isinstance(inner, tuple) else ()
    for optimizer, names, chain in INJECTED:
        if set(values) == names and len(states) == len(chain) and all(map(str.startswith, states, chain)):
            known = {name: value for name, value in values.items() if name not in ("eps_root", "initial_scale")}
            return {PREFIX + optimizer: {PREFIX + name: value for name, value in known.items()}}
    return {}


def learning_rate(opt_state: Any) -> Any:
    """The learning rate of the last step, where exactly one is injected; else None."""
    rates = [state.hyperparams["learning_rate"] for state in _injected(opt_state) if "learning_rate" in state.hyperparams]
    return rates[0] if len(rates) == 1 else None


def _injected(opt_state: Any) -> Iterator[Any]:
    def inside(node: Any) -> bool:
        return isinstance(getattr(node, "hyperparams", None), Mapping) and hasattr(node, "inner_state")

    yield from (leaf for leaf in jax.tree.leaves(opt_state, is_leaf=inside) if inside(leaf))


def _translated(optimizer: str, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """The names of optax as those of torch, which wcdfa uses."""
    named = dict(hyperparameters)
    if optimizer in ("adam", "adamw") and ("b1" in named or "b2" in named):
        first, second = named.pop("b1", 0.9), named.pop("b2", 0.999)
        named["betas"] = (first, second) if isinstance(first, float) and isinstance(second, float) else _pair(first, second)
    if optimizer == "rmsprop" and "decay" in named:
        named["alpha"] = named.pop("decay")
    return named


def _pair(first: Any, second: Any) -> Any:
    return np.stack([np.asarray(first), np.asarray(second)], axis=-1)


def _dtype(value: Any) -> Any:
    return np.bool_ if isinstance(value, (bool, np.bool_)) else np.float32
