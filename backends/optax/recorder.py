"""optax: ‖ΔW‖ of every step, recorded on the device inside the state of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from wcdfa.backends.jax.norms import applied_change, path_of, root, square_sum
from wcdfa.backends.optax.hyperparameters import Plain, learning_rate, merged, packed, schedule_count, seen, unpacked
from wcdfa.backends.trees import by_path
from wcdfa.recording.groups import Groups, checked, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, init
from wcdfa.recording.ring import read as read_ring
from wcdfa.recording.ring import record as record_in
from wcdfa.support.numbers import is_number, whole

MEASURES = ("applied", "update")


class RecordState(NamedTuple):
    """The norms of a run: of the same structure from ``init`` on, so that it goes through ``lax.scan`` and checkpoints."""

    wcdfa_ring: Ring
    wcdfa_hyperparameters: Plain


class MonitorState(NamedTuple):
    """The norms of a run, and the state of the optimizer that makes them."""

    wcdfa_record: RecordState
    inner_state: Any


def monitor(
    tx: optax.GradientTransformation,
    *,
    window: int = 500,
    measure: str = "applied",
    groups: Groups = None,
    axis_name: str | tuple[str, ...] | None = None,
    optimizer: str | None = None,
    lr: float | Callable[[Any], Any] | None = None,
    **hyperparameters: Any,
) -> optax.GradientTransformationExtraArgs:
    """The same optimizer, recording ‖ΔW‖ of every step in its state, on the device.

    >>> import optax
    >>> tx = monitor(optax.sgd(0.1), optimizer="sgd", lr=0.1)
    >>> params = {"w": jnp.array([3.0, 4.0])}
    >>> state = tx.init(params)
    >>> for _ in range(3):
    ...     updates, state = tx.update(params, state, params)  # the gradient of |w|² / 2 is w
    ...     params = optax.apply_updates(params, updates)
    >>> read(state).norms.round(3)
    array([0.5  , 0.45 , 0.405], dtype=float32)

    Wrap the whole chain, so that what is recorded is what the parameters get. The state has the same structure from ``init`` on; take
    it out at any time with `read`, and give it to `wcdfa.WeightChangeDFA.update` or ask it for its verdict.

    Parameters
    ----------
    tx : optax.GradientTransformation
    window : int
        Norms that are kept, 4 bytes each, and as much for the learning rate and the number of the step.
    measure : "applied" or "update"
        "applied": the change of the parameters as they are stored, which in low precision is not the update (0.82 against 1.00 on a
        bfloat16 tree). "update": what the optimizer hands over.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`.
    axis_name : str or tuple of str, optional
        Inside ``jax.shard_map``: the mesh axes that parameters are sharded over. Where JAX tracks which values vary over an axis
        (``check_vma=True``, its default) those that do not are counted once; elsewhere all parameters are taken as sharded. Under
        ``jit`` leave it out: there, norms are of the whole array, however it is sharded.
    optimizer : "adam", "adamw", "rmsprop" or "sgd", optional
        What tx does, for the null that its verdict is measured against. Not needed with ``optax.inject_hyperparams`` of these, alone,
        clipped, in MultiSteps or in apply_if_finite: it is recognised, and its learning rate and hyperparameters are in its state.
    lr : float or schedule, optional
        Learning rate, recorded at each step. A schedule is called with the count of the one schedule in the state of tx, or else with
        the number of calls so far. Not needed with ``optax.inject_hyperparams``, nor where ``update`` is called with
        ``learning_rate=``.
    **hyperparameters
        Of the optimizer, under the names of optax (``b1``, ``b2``, ``momentum``, …) or of `wcdfa.nulls.replay.optimizer_norms`.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        ``update`` raises a ValueError if measure is "applied" and it is not given params, or if the state has another window.

    Raises
    ------
    ValueError, TypeError
        If an option is none, or a hyperparameter not one of the optimizer.
    """
    inner = optax.with_extra_args_support(tx)
    recorder = _Recorder(window, measure, groups, axis_name, packed(optimizer, hyperparameters) or seen(tx), lr)

    def init_fn(params: Any) -> MonitorState:
        return MonitorState(recorder.init(params), inner.init(params))

    def update_fn(updates: Any, state: MonitorState, params: Any = None, **extra_args: Any) -> tuple[Any, MonitorState]:
        steps = schedule_count(state.inner_state)  # before this one, which takes the rate of that count
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        given = learning_rate(inner_state)
        rate = recorder.rate(state.wcdfa_record, steps, extra_args.get("learning_rate") if given is None else given)
        updates, recorded = recorder.update(updates, state.wcdfa_record, params, rate)
        return updates, MonitorState(recorded, inner_state)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)


def record(
    *,
    window: int = 500,
    measure: str = "applied",
    groups: Groups = None,
    axis_name: str | tuple[str, ...] | None = None,
    optimizer: str | None = None,
    lr: float | Callable[[Any], Any] | None = None,
    **hyperparameters: Any,
) -> optax.GradientTransformationExtraArgs:
    """`monitor` as an element of a chain: records the updates that reach it, and passes them on.

    >>> import optax
    >>> tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3), record(window=100))
    >>> params = {"w": jnp.ones(4)}
    >>> _, state = tx.update(params, tx.init(params), params)
    >>> print(f"{read(state).norms[0]:.4f}")
    0.0020

    Parameters
    ----------
    window, measure, groups, axis_name, optimizer, lr, **hyperparameters
        As in `monitor`, but an element of a chain sees nothing of the others: name optimizer and lr. The change that is applied is
        that of the last element: put it there.

    Raises
    ------
    ValueError, TypeError
        As `monitor`.
    """
    recorder = _Recorder(window, measure, groups, axis_name, packed(optimizer, hyperparameters), lr)

    def update_fn(updates: Any, state: RecordState, params: Any = None, **extra_args: Any) -> tuple[Any, RecordState]:
        return recorder.update(updates, state, params, recorder.rate(state, None, extra_args.get("learning_rate")))

    return optax.GradientTransformationExtraArgs(recorder.init, update_fn)


class _Recorder:
    """What `monitor` and `record` have in common: the settings, checked, and pure functions of them."""

    def __init__(self, window: Any, measure: Any, groups: Any, axis_name: Any, known: Plain, lr: Any) -> None:
        self.window = whole("window", window, "a whole number of norms (500 is the default)")
        if measure not in MEASURES:
            msg = f'measure must be "applied" or "update", got {measure!r}'
            raise ValueError(msg)
        if lr is not None and not callable(lr) and not is_number(lr):
            msg = f"lr must be a number or a schedule, from the number of steps to a rate, got {type(lr).__name__}"
            raise TypeError(msg)
        self.measure, self.groups, self.known, self.lr = measure, checked(groups), known, lr
        self.axes = (axis_name,) if isinstance(axis_name, str) else tuple(axis_name or ())

    def init(self, params: Any) -> RecordState:
        names = tuple(members_of(list(_trained(params)), self.groups))[1:]
        ring = init(self.window, names, xp=jnp, dtype=jnp.float32)
        known = {name: {key: jnp.array(value) for key, value in part.items()} for name, part in self.known.items()}
        return RecordState(ring, known)

    def rate(self, state: RecordState, steps: Any, given: Any) -> Any:
        """The learning rate of a step: what the user named, or else what is given."""
        if not callable(self.lr):
            return given if self.lr is None else self.lr
        calls = state.wcdfa_ring.wcdfa_count + state.wcdfa_ring.wcdfa_skipped
        return self.lr(calls if steps is None else steps)

    def update(self, updates: Any, state: RecordState, params: Any, rate: Any) -> tuple[Any, RecordState]:
        ring = state.wcdfa_ring
        _require_window(ring, self.window)
        if self.measure == "applied" and params is None:
            msg = 'measure="applied" compares with the parameters: call update(updates, state, params), or use measure="update"'
            raise ValueError(msg)
        updates = jax.tree.map(_as_stored, updates)
        changes = _changes(_trained(updates), params if self.measure == "applied" else None)
        squares = {path: _over_shards(square_sum(change), self.axes) for path, change in changes}
        members = members_of(list(squares), self.groups)
        _require_groups(ring, tuple(members))
        norms = {name: root([squares[path] for path in paths]) for name, paths in members.items()}
        ring = record_in(ring, norms, math.nan if rate is None else rate)
        return updates, state._replace(wcdfa_ring=ring)


def read(opt_state: Any) -> Reading:
    """The norms that `monitor` or `record` left in the state of an optimizer, copied to the host in one go.

    >>> import optax
    >>> tx = optax.MultiSteps(monitor(optax.sgd(0.1)), every_k_schedule=2)
    >>> read(tx.init({"w": jnp.ones(3)})).count
    0

    Parameters
    ----------
    opt_state : optax.OptState, flax.nnx.Optimizer, or anything with an ``opt_state``
        However deep the recorder is in it. Read what the last step returned: a state that was donated to a later one is gone.

    Returns
    -------
    Reading
        With the axes of the ensemble in front, if the state was made under ``jax.vmap``.

    Raises
    ------
    ValueError
        If there is no recorder in it, or more than one (`readings` gives all), or it was donated.
    TypeError
        If it is called inside a function that JAX compiles.
    """
    found = _found(opt_state)
    if len(found) != 1:
        where = ", ".join(map(repr, found))
        none = "no monitor in this state: make it with monitor(tx).init(params)"
        msg = none if not found else f"{len(found)} monitors in this state, at {where}; take one of readings(opt_state)"
        raise ValueError(msg)
    (recorder,) = found.values()
    return _reading(*recorder)


def readings(opt_state: Any) -> dict[str, Reading]:
    """`read` for a state with several recorders: the reading of each by its place in the state.

    >>> import optax
    >>> tx = monitor(optax.chain(monitor(optax.adam(1e-3)), optax.clip(0.1)))
    >>> list(readings(tx.init({"w": jnp.ones(3)})))
    ['wcdfa_record', 'inner_state/0/wcdfa_record']
    """
    return {path: _reading(*recorder) for path, recorder in _found(opt_state).items()}


def strip(opt_state: Any) -> Any:
    """The state without its recorders, as that of the bare optimizer: for a checkpoint that knows nothing of wcdfa.

    >>> import optax
    >>> params = {"w": jnp.ones(3)}
    >>> bare = strip(monitor(optax.adam(1e-3)).init(params))
    >>> jax.tree.structure(bare) == jax.tree.structure(optax.adam(1e-3).init(params))
    True

    An element `record` of a chain is left out of its tuple. To go on from a bare state, with any window:
    ``monitor(tx).init(params)._replace(inner_state=bare)``.

    Raises
    ------
    TypeError
        If it is a training state that holds the state of an optimizer.
    """
    if hasattr(opt_state, "opt_state"):
        msg = f"strip takes the state of an optimizer, and {type(opt_state).__name__} holds one: give its opt_state"
        raise TypeError(msg)
    if isinstance(opt_state, MonitorState):
        return strip(opt_state.inner_state)
    if isinstance(opt_state, RecordState):  # all there is, or the one state that a wrapper has
        return optax.EmptyState()
    if isinstance(opt_state, tuple) and hasattr(opt_state, "_fields"):
        return type(opt_state)(*map(strip, opt_state))
    if isinstance(opt_state, (tuple, list)):
        return type(opt_state)(strip(part) for part in opt_state if not isinstance(part, RecordState))
    if isinstance(opt_state, Mapping):
        kept = {key: strip(part) for key, part in opt_state.items() if not isinstance(part, RecordState)}
        return type(opt_state)(kept)  # type: ignore[call-arg]
    return opt_state


def _trained(tree: Any) -> dict[str, Any]:
    """Leaves that an optimizer changes, by path: neither None nor masked, and no integers, whose gradients are of no dtype."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return by_path((path_of(keys) or "parameters", leaf) for keys, leaf in leaves if _is_trained(leaf))


def _is_trained(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.inexact))


def _as_stored(update: Any) -> Any:
    """The update with the digits of its dtype: where XLA fuses it keeps more of a half, in the norm and not in what is applied."""
    if not _is_trained(update) or jnp.result_type(update).itemsize >= 4:
        return update
    return applied_change(jnp.zeros_like(update), update).astype(
        update.dtype
    )  # to zero: the update, rounded and not optimized away


def _changes(updates: dict[str, Any], params: Any) -> Iterator[tuple[str, Any]]:
    if params is None:
        yield from updates.items()
        return
    parameters = _trained(params)
    for path, update in updates.items():
        if path not in parameters:
            msg = f"there is an update of {path!r} and no such parameter; give update() the parameters that the gradients are of"
            raise ValueError(msg)
        yield path, applied_change(parameters[path], update)


def _over_shards(square: Any, axes: tuple[str, ...]) -> Any:
    """The sum over the shards of a parameter; one that every device holds whole is not added up."""
    tracked = [axis for axis in axes if axis in _varies_over(jax.lax.axis_index(axis))]
    sharded = tuple(axis for axis in axes if axis not in tracked or axis in _varies_over(square))
    return jax.lax.psum(square, sharded) if sharded else square  # type: ignore[no-untyped-call]


def _varies_over(x: Any) -> frozenset[str]:
    """The mesh axes that JAX knows a value to vary over; none where it does not look, and in releases that do not."""
    kind = jax.typeof(x) if hasattr(jax, "typeof") else None
    known = getattr(getattr(kind, "manual_axis_type", None), "varying", getattr(kind, "vma", ()))
    return frozenset(known)


def _require_window(ring: Ring, window: int) -> None:
    held = ring.wcdfa_lr.shape[-1]
    if held != window:
        msg = (
            f"the state holds a ring of {held} norms, and this monitor has window={window}: use window={held} to go on, or begin "
            "anew with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)


def _require_groups(ring: Ring, names: tuple[str, ...]) -> None:
    if set(ring.wcdfa_norms) != set(names):
        odd = sorted(set(ring.wcdfa_norms) ^ set(names))
        msg = (
            f"the groups of the state and of this step differ in {', '.join(map(repr, odd))}: use the groups that the state was made "
            "with, or begin anew with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)


def _found(opt_state: Any) -> dict[str, tuple[RecordState, Any]]:
    """All recorders by their place, each with the state that hyperparameters may be injected into."""
    opt_state = getattr(opt_state, "opt_state", opt_state)
    return dict(_walk(opt_state, "", opt_state))


def _walk(node: Any, place: str, whole: Any) -> Iterator[tuple[str, tuple[RecordState, Any]]]:
    def inside(leaf: Any) -> bool:
        return isinstance(leaf, (RecordState, MonitorState))

    for path, leaf in jax.tree_util.tree_leaves_with_path(node, is_leaf=inside):
        here = "/".join(part for part in (place, path_of(path)) if part)
        if isinstance(leaf, RecordState):
            yield here or "record", (leaf, whole)
        elif isinstance(leaf, MonitorState):  # which knows the optimizer that it is around: others made none of its norms
            yield "/".join(part for part in (here, "wcdfa_record") if part), (leaf.wcdfa_record, leaf.inner_state)
            yield from _walk(leaf.inner_state, "/".join(part for part in (here, "inner_state") if part), leaf.inner_state)


def _reading(state: RecordState, source: Any) -> Reading:
    known = merged(state.wcdfa_hyperparameters, source)
    ring, known = jax.device_get(jax.tree.map(_local, (state.wcdfa_ring, known)))
    reading = read_ring(ring)
    optimizer, hyperparameters = unpacked(known)
    return reading._replace(optimizer=optimizer, hyperparameters=hyperparameters)


def _local(x: Any) -> Any:
    """The array itself, or the copy of it that this process has."""
    if isinstance(x, jax.core.Tracer):
        msg = "read was called inside a function that JAX compiles; return the state from it, and read it outside"
        raise TypeError(msg)
    if not isinstance(x, jax.Array):
        return x
    if x.is_deleted():
        msg = "the state was donated to a later step, which has returned a new one: read that"
        raise ValueError(msg)
    return x.addressable_data(0) if x.is_fully_replicated and not x.is_fully_addressable else x
