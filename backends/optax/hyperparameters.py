"""What is known of an optax optimizer: named by the user, or injected into its state."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax

from wcdfa.nulls.update_rules import named as named_optimizer

Plain = dict[str, dict[str, Any]]
"""Hyperparameters by the name of the optimizer, as arrays, so that they can be part of a state; prefixed, so that
``optax.tree.get(state, "weight_decay")`` still finds one value."""

PREFIX = "wcdfa_"
INJECTED = PREFIX + "injected_"
# by factory: what wcdfa calls it, and the numbers that are injected besides the learning rate
FACTORIES: dict[Any, tuple[str, set[str]]] = {
    optax.adam: ("adam", {"b1", "b2", "eps", "eps_root"}),
    optax.adamw: ("adamw", {"b1", "b2", "eps", "eps_root", "weight_decay"}),
    optax.rmsprop: ("rmsprop", {"decay", "eps", "initial_scale", "momentum"}),
    optax.sgd: ("sgd", {"momentum"}),
}
DTYPES = {"accumulator_dtype", "mu_dtype"}  # which do not matter here
CLIPPING = ("clip.", "clip_by_global_norm.", "clip_by_block_rms.", "adaptive_grad_clip.")  # before an optimizer leave it what it is


def packed(optimizer: str | None, hyperparameters: Mapping[str, Any]) -> Plain:
    """What the user named, checked, as the arrays of a state.

    >>> packed("adamw", {"b1": 0.9, "b2": 0.99})
    {'wcdfa_adamw': {'wcdfa_betas': array([0.9 , 0.99], dtype=float32)}}

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.nulls.replay.optimizer_norms`; or if there are hyperparameters and no optimizer.
    """
    if optimizer is None:
        if hyperparameters:
            msg = f"{', '.join(hyperparameters)} belongs to an optimizer; name it with optimizer="
            raise TypeError(msg)
        return {}
    named = _translated(optimizer, hyperparameters)
    named_optimizer(optimizer, named)
    arrays = {PREFIX + name: np.asarray(value, dtype=_dtype(value)) for name, value in named.items() if value is not None}
    return {PREFIX + optimizer: arrays}


def seen(tx: Any) -> Plain:
    """Which optimizer with injected hyperparameters tx is, where it is surely one of `FACTORIES` and nothing else but clipped.

    >>> seen(optax.inject_hyperparams(optax.sgd)(0.1, momentum=0.9, nesterov=True)), seen(optax.lion(0.1))
    ({'wcdfa_injected_sgd': {'wcdfa_nesterov': array(True)}}, {})

    optax tells it by what its functions refer to. Their names may change: then nothing is recognised, and the user names it.
    """
    update = tx.update
    name, held = getattr(update, "__qualname__", ""), _held(update)
    if name.startswith("inject_hyperparams."):
        return _of_factory(**{key: held.get(key) for key in ("inner_factory", "other_hps", "sched_hps")})
    if name.startswith("chain."):
        parts = [part for part in held.get("update_fns", ()) if not _innermost(part).startswith(CLIPPING)]
        return seen(optax.GradientTransformation(tx.init, parts[0])) if len(parts) == 1 else {}
    for wrapper, inner in (
        ("with_extra_args_support.", "tx"),
        ("apply_if_finite.", "inner"),
        ("MultiSteps.", "_opt"),
        ("monitor.", "inner"),
    ):
        if name.startswith(wrapper) and inner in held:
            return seen(held[inner])
    return {}


def _held(function: Any) -> dict[str, Any]:
    """What a function was made with, or the object whose method it is."""
    if inspect.ismethod(function):
        return dict(getattr(function.__self__, "__dict__", {}))
    return dict(inspect.getclosurevars(function).nonlocals) if inspect.isfunction(function) else {}


def _innermost(update: Any) -> str:
    """The name of an update function, without what only adds extra arguments to it."""
    inner = _held(update).get("tx")
    name: str = getattr(update, "__qualname__", "")
    return _innermost(inner.update) if name.startswith("with_extra_args_support.") and inner is not None else name


def _of_factory(inner_factory: Any, other_hps: Any, sched_hps: Any) -> Plain:
    known = FACTORIES.get(inner_factory) if inspect.isfunction(inner_factory) else None
    if known is None or other_hps is None or sched_hps is None:
        return {}
    optimizer, names = known
    options = {name: value for name, value in other_hps.items() if name not in {"eps_in_sqrt", *DTYPES}}
    nesterov = bool(options.pop("nesterov", False))
    if any(options[name] not in (None, False) for name in options) or not set(sched_hps) <= names | {"learning_rate"}:
        return {}
    if not nesterov:
        return {INJECTED + optimizer: {}}
    return {INJECTED + optimizer: {PREFIX + "nesterov": np.asarray(True)}} if optimizer == "sgd" else {}


def merged(given: Plain, state: Any) -> Plain:
    """What was named, or else what was seen, with its numbers out of the state, still where they are and as optax calls them."""
    for key, options in given.items():
        if key.startswith(INJECTED):
            found = list(_injected(state))
            if len(found) != 1:
                return {}
            optimizer, names = key.removeprefix(INJECTED), {"b1", "b2", "eps", "weight_decay", "momentum", "decay"}
            numbers = {PREFIX + name: value for name, value in found[0].hyperparams.items() if name in names}
            return {PREFIX + optimizer: {**numbers, **options}}
    return given


def unpacked(known: Plain) -> tuple[str | None, dict[str, Any]]:
    """The optimizer and its hyperparameters again, as plain numbers; of an ensemble, in arrays with its axes."""
    if not known:
        return None, {}
    ((name, arrays),) = known.items()
    optimizer = name.removeprefix(PREFIX)
    values = _translated(optimizer, {key.removeprefix(PREFIX): np.asarray(value) for key, value in arrays.items()})
    return optimizer, {key: _by_member(value, np.ndim(value) - (key == "betas")) for key, value in values.items()}


def _by_member(values: Any, axes: int) -> Any:
    if axes == 0:
        return plain(values)
    members = np.empty(np.shape(values)[:axes], dtype=object)  # of floats and tuples, which the null takes; float32 it does not
    for index in np.ndindex(members.shape):
        members[index] = plain(values[index])
    return members


def plain(value: Any) -> Any:
    """A number, or a tuple of numbers, with the digits that single precision has."""
    if np.ndim(value):
        return tuple(plain(part) for part in value)
    return bool(value) if np.asarray(value).dtype.kind == "b" else float(f"{float(value):.7g}")


def learning_rate(opt_state: Any) -> Any:
    """The learning rate of the last step, where exactly one is injected; else None."""
    rates = [state.hyperparams["learning_rate"] for state in _injected(opt_state) if "learning_rate" in state.hyperparams]
    return rates[0] if len(rates) == 1 else None


def schedule_count(opt_state: Any) -> Any:
    """How often the one schedule in a state has been called; None where there is none, or more."""
    counts = [leaf.count for leaf in jax.tree.leaves(opt_state, is_leaf=_is_scheduled) if _is_scheduled(leaf)]
    return counts[0] if len(counts) == 1 else None


def _is_scheduled(node: Any) -> bool:
    return isinstance(node, optax.ScaleByScheduleState)


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
