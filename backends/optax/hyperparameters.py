"""Finds out which optimizer optax runs: the user names it, or its hyperparameters are injected into the state.

``optax.inject_hyperparams`` keeps the learning rate and other numbers in the state. The factory that it was given, one of
`factories`, tells which optimizer they belong to. optax has a ``monitor`` of its own, which records something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from types import CodeType
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
import numpy.typing as npt
import optax

from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.spelling import Source, Spelling
from wcdfa.nulls.update_rules import OPTIMIZERS, named
from wcdfa.recording.side_series import series_of

Plain = Mapping[str, Mapping[str, jax.Array | npt.NDArray[np.generic]]]
"""Hyperparameters by the name of the optimizer. They are arrays, so that they can be part of a state, and have a prefix, so that
``optax.tree.get(state, "weight_decay")`` still finds one value."""
Factory = Callable[..., optax.GradientTransformation]

PREFIX = "wcdfa_"
INJECTED = PREFIX + "injected_"
REGISTERED: list[tuple[Factory, str, Spelling]] = []


def register(factory: Factory, optimizer: str, hyperparameters: Mapping[str, str | tuple[str, str]]) -> None:
    """Make an optimizer factory of your own known, so that it is recognised inside ``optax.inject_hyperparams``.

    >>> def halved(learning_rate, decay):
    ...     return optax.sgd(learning_rate / 2, decay)
    >>> register(halved, "sgd", {"momentum": "decay"})
    >>> seen(optax.inject_hyperparams(halved)(0.1, decay=0.9))
    {'wcdfa_injected_sgd': {}}

    Parameters
    ----------
    factory : callable
        A function that returns an optax.GradientTransformation.
    optimizer : str
        The optimizer that it makes, by its name in `wcdfa.nulls.update_rules.OPTIMIZERS`.
    hyperparameters : dict
        For each hyperparameter of that optimizer, the name of the factory's argument; a pair of names for betas.

    Raises
    ------
    ValueError
        If there is no such optimizer.
    """
    named(optimizer, {})
    REGISTERED.append((factory, optimizer, Spelling(getattr(factory, "__name__", "factory"), dict(hyperparameters))))


def factories() -> Iterator[tuple[Factory, str, Spelling]]:
    """The known factories, with the optimizer each makes and its spelling: those of optax, and registered ones."""
    for rule in OPTIMIZERS.values():
        for spelling in rule.spellings:
            package, _, path = spelling.name.partition(".")
            if package == "optax":
                try:
                    yield attrgetter(path)(optax), rule.name, spelling
                except AttributeError:  # this release of optax lacks it
                    continue
    yield from REGISTERED


def packed(optimizer: str | None, hyperparameters: Mapping[str, object]) -> Plain:
    """Check what the user named, and pack it into arrays for a state.

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
    ours = _translated(optimizer, hyperparameters)
    named(optimizer, ours)
    for name, value in ours.items():
        if isinstance(value, str):
            msg = f"{name} is {value!r}, but the state of an optimizer holds numbers only; leave it out"
            raise TypeError(msg)
    return {PREFIX + optimizer: {PREFIX + name: _as_array(value) for name, value in ours.items() if value is not None}}


def seen(tx: optax.GradientTransformation | optax.MultiSteps) -> Plain:
    """Recognise an optimizer with injected hyperparameters, if tx is certainly one of `factories`, alone or clipped.

    >>> seen(optax.inject_hyperparams(optax.sgd)(0.1, momentum=0.9, nesterov=True)), seen(optax.adagrad(0.1))
    ({'wcdfa_injected_sgd': {'wcdfa_nesterov': array(True)}}, {})

    A transformation is recognised by the code of its update function, which is compared with the code of one that optax makes.
    """
    held = _held_by_injection(tx)
    match = None if held is None else _match(held)
    if match is None:
        return {}
    flags = _flags(OPTIMIZERS[match.optimizer], match.spelling, match.options)
    known = {name: value for name, (value, default) in flags.items() if value is not default}
    return {
        INJECTED + match.optimizer: {PREFIX + name: _as_array(value) for name, value in {**known, **match.spelling.fixed}.items()}
    }


def scheduled_series(tx: optax.GradientTransformation | optax.MultiSteps) -> dict[str, str]:
    """The side series of the momentum and betas that are schedules, each with the name that optax gives the number.

    >>> scheduled_series(optax.inject_hyperparams(optax.adam)(0.1, b1=optax.linear_schedule(0.95, 0.85, 100)))
    {'wcdfa_beta1': 'b1'}

    Others stay as they are, unless someone changes the state of ``inject_hyperparams`` by hand.
    """
    held = _held_by_injection(tx)
    match = None if held is None else _match(held)
    if match is None:
        return {}
    theirs = series_of(match.spelling.hyperparameters)
    return {series: name for series, name in theirs.items() if isinstance(name, str) and name in match.scheduled}


def _held_by_injection(tx: optax.GradientTransformation | optax.MultiSteps) -> list[object] | None:
    """What ``inject_hyperparams`` closes over, if tx is that, alone or clipped; else None."""
    update = tx.update
    made = _made_by().get(_code(update))
    if made == "inject":
        return list(_held(update))
    if made == "chain":
        parts = [part for held in _held(update) if isinstance(held, tuple) for part in held]
        rest = [part for part in parts if _made_by().get(_code(_bare(part))) != "clip"]
        return _held_by_injection(optax.GradientTransformation(tx.init, rest[0])) if len(rest) == 1 else None
    if made == "wrapper" or isinstance(getattr(update, "__self__", None), optax.MultiSteps) or _is_monitor(update):
        inner = [held for held in _held(update) if isinstance(held, optax.GradientTransformation)]
        return _held_by_injection(inner[0]) if len(inner) == 1 else None
    return None


@lru_cache(maxsize=1)
def _made_by() -> dict[CodeType | None, str]:
    """The names of optax transformations, by the code of their update functions."""
    bare = optax.GradientTransformation(lambda _: optax.EmptyState(), lambda updates, state, params=None: (updates, state))
    clips = (optax.clip(1.0), optax.clip_by_global_norm(1.0), optax.clip_by_block_rms(1.0), optax.adaptive_grad_clip(1.0))
    wrappers = (optax.with_extra_args_support(bare), optax.apply_if_finite(bare, 1))
    return {
        **{_code(each.update): "clip" for each in clips},
        **{_code(each.update): "wrapper" for each in wrappers},
        _code(optax.inject_hyperparams(optax.sgd)(0.1).update): "inject",
        _code(optax.chain(bare, bare).update): "chain",
    }


def _code(function: object) -> CodeType | None:
    code: CodeType | None = getattr(function, "__code__", None)
    return code


def _is_monitor(update: object) -> bool:
    """Whether the function is the update of `wcdfa.backends.optax.monitor`."""
    return getattr(update, "__module__", None) == "wcdfa.backends.optax.recorder"


def _held(function: object) -> Iterator[object]:
    """The values that a function closes over, or the object whose method it is."""
    if inspect.ismethod(function):
        yield from vars(function.__self__).values()
    for cell in getattr(function, "__closure__", None) or ():
        yield cell.cell_contents


def _bare(update: object) -> object:
    """The update function inside wrappers that only add extra arguments."""
    inner = [held for held in _held(update) if isinstance(held, optax.GradientTransformation)]
    return _bare(inner[0].update) if _made_by().get(_code(update)) == "wrapper" and len(inner) == 1 else update


class Match(NamedTuple):
    """A known factory, and how ``inject_hyperparams`` calls it."""

    optimizer: str
    spelling: Spelling
    options: Mapping[str, object]
    scheduled: frozenset[str]  # the numbers that are schedules


def _match(held: list[object]) -> Match | None:
    """Read what ``inject_hyperparams`` closes over: the factory, a dict of its options, and a dict of schedules for its numbers."""
    given = {name: value for part in held if isinstance(part, dict) for name, value in part.items()}
    scheduled = {name for name, value in given.items() if isinstance(value, optax.schedules.StatefulSchedule | _schedule_kind())}
    options = {name: value for name, value in given.items() if name not in scheduled}
    for factory, optimizer, spelling in factories():
        if not any(part is factory for part in held) or not spelling.fits(options):
            continue
        others = [name for name, value in options.items() if value and name not in {*spelling.only, *spelling.ignored}]
        if {*others} <= {*_flags(OPTIMIZERS[optimizer], spelling, options)} and scheduled <= _numbers(spelling):
            return Match(optimizer, spelling, options, frozenset(scheduled))
    return None


def _flags(rule: type[Optimizer], spelling: Spelling, options: Mapping[str, object]) -> dict[str, tuple[bool, object]]:
    """Hyperparameters that are not numbers and so are not in the state, with the defaults of the optimizer."""
    found = {theirs: options.get(theirs) for theirs in spelling.hyperparameters.values() if isinstance(theirs, str)}
    ours = {theirs: getattr(rule, name) for name, theirs in spelling.hyperparameters.items() if isinstance(theirs, str)}
    return {theirs: (value, ours[theirs]) for theirs, value in found.items() if isinstance(value, bool)}


@lru_cache(maxsize=1)
def _schedule_kind() -> type:
    """The type that ``inject_hyperparams`` turns a schedule into."""
    (kind,) = {
        type(value)
        for part in _held(optax.inject_hyperparams(optax.sgd)(lambda _: 0.1).update)
        if isinstance(part, dict)
        for value in part.values()
        if callable(value)
    }
    return kind


def _numbers(spelling: Spelling) -> frozenset[str]:
    return spelling.names | spelling.ignored | {"learning_rate"}


def merged(given: Plain, state: object) -> Plain:
    """The optimizer that was named or recognised; its numbers come from the state, on their device and with optax's names."""
    for key, options in given.items():
        if key.startswith(INJECTED):
            optimizer, found = key.removeprefix(INJECTED), _injected(state)
            spellings = [spelling for _, name, spelling in factories() if name == optimizer]
            names = frozenset().union(*(spelling.names for spelling in spellings))
            known = frozenset().union(*(_numbers(spelling) for spelling in spellings))
            if len(found) != 1 or not set(found[0].hyperparams) <= known or _has_vectors(optimizer, found[0].inner_state):
                return {}
            numbers = {PREFIX + name: value for name, value in found[0].hyperparams.items() if name in names}
            return {PREFIX + optimizer: {**numbers, **options}}
    return given


def _has_vectors(optimizer: str, state: object) -> bool:
    """Whether Adam has part of the parameters, such as those beside Muon that are not matrices."""
    others = _nodes(state, lambda node: isinstance(node, optax.ScaleByAdamState))
    return OPTIMIZERS[optimizer].only_matrices and any(jax.tree.leaves(other.mu) for other in others)


def unpacked(known: Plain) -> tuple[str | None, dict[str, object]]:
    """The optimizer and its hyperparameters as plain numbers; for an ensemble, in arrays with its axes."""
    if not known:
        return None, {}
    ((name, arrays),) = known.items()
    optimizer = name.removeprefix(PREFIX)
    values = _translated(optimizer, {key.removeprefix(PREFIX): np.asarray(value) for key, value in arrays.items()})
    return optimizer, {key: _by_member(np.asarray(value), _axes(optimizer, key, value)) for key, value in values.items()}


def _axes(optimizer: str, name: str, value: object) -> int:
    """How many axes of a value belong to the ensemble. For a tuple the last axis does not."""
    return np.ndim(value) - isinstance(getattr(OPTIMIZERS[optimizer], name, None), tuple)  # type: ignore[arg-type]


def _by_member(values: npt.NDArray[np.generic], axes: int) -> object:
    if axes == 0:
        return plain(values)
    members = np.empty(np.shape(values)[:axes], dtype=object)  # floats and tuples, because the null does not take float32
    for index in np.ndindex(members.shape):
        members[index] = plain(values[index])
    return members


def plain(value: npt.ArrayLike) -> bool | int | float | tuple[object, ...]:
    """A number, or a tuple of numbers, rounded to the digits of single precision."""
    array = np.asarray(value)
    if array.ndim:
        return tuple(plain(part) for part in array)
    if array.dtype.kind in "biu":
        return bool(array) if array.dtype.kind == "b" else int(array)
    return float(f"{float(array):.7g}")


def why_unknown(known: Plain, state: object) -> str | None:
    """Why it is not known which optimizer made the updates, if it is not.

    >>> print(why_unknown({}, optax.adam(1e-3).init({})))
    optax does not tell which optimizer this is: monitor(tx, optimizer="adamw", …) names it, or make it with optax.inject_hyperparams
    """
    if known:
        return None
    if _injected(state):
        return "the optimizer inside optax.inject_hyperparams is not one that wcdfa can replay: monitor(tx, optimizer=…) names one like it"
    return (
        'optax does not tell which optimizer this is: monitor(tx, optimizer="adamw", …) names it, or make it with '
        "optax.inject_hyperparams"
    )


def step_counts(state: object) -> list[jax.Array]:
    """The counts of steps in the state of an optimizer: of Adam, of schedules, of ``inject_hyperparams``."""
    return [node.count for node in _nodes(state, lambda node: "count" in getattr(node, "_fields", ()))]


def injected_now(state: object, series: Mapping[str, str]) -> dict[str, jax.Array]:
    """The numbers of the last step for these side series, by the names that optax gives them."""
    found = _injected(state)
    return {own: found[0].hyperparams[theirs] for own, theirs in series.items()} if len(found) == 1 else {}


class Injected(Protocol):
    """The state of ``optax.inject_hyperparams``."""

    hyperparams: dict[str, jax.Array]
    inner_state: object


def learning_rate(opt_state: object) -> jax.Array | None:
    """The learning rate of the last step, if exactly one is injected; else None."""
    rates = [state.hyperparams["learning_rate"] for state in _injected(opt_state) if "learning_rate" in state.hyperparams]
    return rates[0] if len(rates) == 1 else None


def schedule_count(opt_state: object) -> jax.Array | None:
    """How often the schedule in a state has been called; None if there is no schedule, or more than one."""
    counts: list[jax.Array] = [leaf.count for leaf in _nodes(opt_state, _is_scheduled)]
    return counts[0] if len(counts) == 1 else None


def _is_scheduled(node: object) -> bool:
    return isinstance(node, optax.ScaleByScheduleState)


def _injected(opt_state: object) -> list[Injected]:
    return _nodes(opt_state, lambda node: isinstance(getattr(node, "hyperparams", None), Mapping) and hasattr(node, "inner_state"))


def _nodes(state: object, wanted: Callable[[object], bool]) -> list[Any]:
    """The parts of a state for which `wanted` is true, at any depth."""
    return [leaf for leaf in jax.tree.leaves(state, is_leaf=wanted) if wanted(leaf)]


def _translated(optimizer: str, hyperparameters: Mapping[str, object]) -> dict[str, object]:
    """Replace optax's names by those of torch, which wcdfa uses."""
    left = dict(hyperparameters)
    ours: dict[str, object] = {}
    for _, name, spelling in factories():
        for key, theirs in spelling.hyperparameters.items() if name == optimizer else ():
            ours |= _moved(left, optimizer, key, theirs)
    return {**left, **ours}


def _moved(left: dict[str, object], optimizer: str, key: str, theirs: Source) -> dict[str, object]:
    """Take one hyperparameter out of those that are left; an empty dict if it is not there."""
    if isinstance(theirs, str):
        return {key: left.pop(theirs)} if theirs in left else {}
    if not isinstance(theirs, tuple) or not any(name in left for name in theirs):
        return {}
    default = getattr(OPTIMIZERS[optimizer], key)
    pair = [left.pop(name, default[i]) for i, name in enumerate(theirs)]
    return {key: tuple(pair) if all(isinstance(part, float) for part in pair) else _stacked(pair)}


def _stacked(values: Iterable[object]) -> npt.NDArray[np.generic]:
    return np.stack(np.broadcast_arrays(*map(np.asarray, values)), axis=-1)


def _as_array(value: object) -> npt.NDArray[np.generic]:
    kind = np.asarray(value).dtype.kind
    return np.asarray(value, dtype=np.bool_ if kind == "b" else np.int32 if kind in "iu" else np.float32)
