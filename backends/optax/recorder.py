"""optax: `monitor` and `record` keep ‖ΔW‖ of every step on the device, inside the state of the optimizer."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import cast

import jax
import jax.numpy as jnp
import optax

from wcdfa.backends.jax.norms import root, square_sum
from wcdfa.backends.jax.precision import stored_square_sum
from wcdfa.backends.optax.changes import as_stored, changes, over_shards, trained
from wcdfa.backends.optax.direction import Sampled, beginning, holds_direction, layout_of, series_of_update
from wcdfa.backends.optax.hyperparameters import Plain, injected_now, learning_rate, packed, schedule_count, scheduled_series, seen
from wcdfa.backends.optax.reading import read, readings, strip
from wcdfa.backends.optax.states import MonitorState, RecordState, is_perturbing
from wcdfa.recording.groups import ALL, Groups, checked, members_of
from wcdfa.recording.ring import Ring, init
from wcdfa.recording.ring import record as record_in
from wcdfa.recording.sample import COORDINATES
from wcdfa.recording.side_series import GRADIENTS, SIDE_SERIES, SKETCH, direction_series, is_side_series
from wcdfa.support.numbers import is_number, whole

__all__ = ["MonitorState", "RecordState", "monitor", "read", "readings", "record", "strip"]

PERTURBING = (
    "optax.contrib.sam is called without grad_fn, so it moves the parameters to a perturbed place and back: each of these moves is "
    "recorded as a step. Use opaque_mode=True, and update(…, grad_fn=…), to record the steps"
)
MEASURES = ("applied", "update")
Hyperparameter = float | bool | tuple[float, float] | None
Rate = float | jax.Array | None


def monitor(
    tx: optax.GradientTransformation,
    *,
    window: int = 500,
    measure: str = "applied",
    groups: Groups = None,
    axis_name: str | tuple[str, ...] | None = None,
    optimizer: str | None = None,
    lr: float | jax.Array | optax.Schedule | None = None,
    gradients: bool = False,
    direction: bool = True,
    coordinates: int = COORDINATES,
    **hyperparameters: Hyperparameter,
) -> optax.GradientTransformationExtraArgs:
    """Wrap an optimizer so that it records ‖ΔW‖ of every step in its state, on the device.

    >>> import optax
    >>> tx = monitor(optax.sgd(0.1), optimizer="sgd", lr=0.1)
    >>> params = {"w": jnp.array([3.0, 4.0])}
    >>> state = tx.init(params)
    >>> for _ in range(3):
    ...     updates, state = tx.update(params, state, params)  # the gradient of |w|² / 2 is w
    ...     params = optax.apply_updates(params, updates)
    >>> read(state).norms.round(3)
    array([0.5  , 0.45 , 0.405], dtype=float32)

    Wrap the whole chain, so that it records the change that the parameters get. `read` returns the norms at any time; give them to
    `wcdfa.WeightChangeDFA.update`, or call their ``verdict``.

    ``optax.monitor`` is something else. It is an element of a chain and keeps only the latest value of each measure you name; its state
    changes structure at the first update, so ``lax.scan`` refuses it. This one wraps the optimizer and keeps the last norms, and its
    state has the same structure from ``init`` on.

    Parameters
    ----------
    tx : optax.GradientTransformation
    window : int
        How many norms are kept: 12 bytes each, with the learning rate and the number of the step; see `coordinates` too.
    measure : "applied" or "update"
        "applied": the change of the parameters as they are stored, which in low precision differs from the update (0.82 against 1.00 on
        a bfloat16 tree). "update": what the optimizer hands over.
    groups : int, dict, list of str or callable, optional
        Record each group of parameters too, as in `wcdfa.recording.groups.members_of`.
    axis_name : str or tuple of str, optional
        Inside ``jax.shard_map``: the mesh axes that parameters are sharded over. If JAX tracks which values vary over an axis
        (``check_vma=True``, its default), parameters that do not vary are counted once; otherwise all count as sharded. Under
        ``jit`` leave it out, because norms are then taken over the whole array, sharded or not.
    optimizer : str, optional
        The optimizer that tx is, as a name of `wcdfa.nulls.update_rules.OPTIMIZERS`; the verdict compares α with its null. Not needed
        for ``optax.inject_hyperparams`` of one of these, alone, clipped, in MultiSteps or in apply_if_finite: it is recognised, and
        its state holds the learning rate and the hyperparameters.
    lr : float or schedule, optional
        Learning rate, recorded at each step. A schedule is called with the count of the one schedule in the state of tx, or with the
        number of calls so far if there is none. Not needed with ``optax.inject_hyperparams``, nor if ``update`` is called with
        ``learning_rate=``.
    gradients : bool
        Record ‖g‖ too, the norm of the updates that enter tx: gradients that a chain around `monitor` has clipped, or that tx will clip.
        It costs one more sum over the parameters, and 4 bytes for each step of the window. Put `monitor` inside ``optax.MultiSteps``.
    direction : bool
        Record the direction of each change too: its cosine with the last one, for each group as well, ‖W‖, and `coordinates` of its
        numbers. If there are more than 65,536 parameters, cosines and ‖W‖ are those of a sample of about 1/64 of them. The state then
        holds the sample of the last change.
    coordinates : int
        How many numbers of each change are kept: 4 bytes each for each step of the window.
    **hyperparameters
        Hyperparameters of the optimizer, with the names of optax (``b1``, ``b2``, ``momentum``, …) or of `wcdfa.nulls.replay.optimizer_norms`.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        ``update`` raises a ValueError if measure is "applied" and it is not given params, or if the state has another window, and
        ``init`` if tx has ``optax.MultiSteps`` in it, which enters the gradients of single batches, and they are to be recorded.

    Raises
    ------
    ValueError, TypeError
        If an option is unknown, or the optimizer has no such hyperparameter.
    """
    inner = optax.with_extra_args_support(tx)
    recorder = _Recorder(window, measure, groups, axis_name, packed(optimizer, hyperparameters) or seen(tx), lr)
    recorder.gradients, recorder.scheduled = _checked("gradients", gradients), scheduled_series(tx)
    recorder.coordinates = whole("coordinates", coordinates) if _checked("direction", direction) else 0

    def init_fn(params: optax.Params) -> MonitorState:
        inner_state = inner.init(params)
        if gradients:
            _require_whole_steps(inner_state)
        return MonitorState(recorder.init(params), inner_state)

    def update_fn(
        updates: optax.Updates, state: MonitorState, params: optax.Params | None = None, **extra_args: object
    ) -> tuple[optax.Updates, MonitorState]:
        steps = schedule_count(state.inner_state)  # the count before this step, from which the step takes its rate
        entering = updates
        if not recorder.told and "grad_fn" not in extra_args and is_perturbing(state.inner_state):
            recorder.told = True
            logging.getLogger("wcdfa").warning(PERTURBING)
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        given = learning_rate(inner_state)
        rate = recorder.rate(state.wcdfa_record, steps, cast(Rate, extra_args.get("learning_rate")) if given is None else given)
        beside = injected_now(inner_state, recorder.scheduled)
        if gradients:
            beside[GRADIENTS] = recorder.norm_of(entering)
        updates, recorded = recorder.update(updates, state.wcdfa_record, params, rate, beside)
        return updates, MonitorState(recorded, inner_state)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)


def record(
    *,
    window: int = 500,
    measure: str = "applied",
    groups: Groups = None,
    axis_name: str | tuple[str, ...] | None = None,
    optimizer: str | None = None,
    lr: float | jax.Array | optax.Schedule | None = None,
    direction: bool = True,
    coordinates: int = COORDINATES,
    **hyperparameters: Hyperparameter,
) -> optax.GradientTransformationExtraArgs:
    """`monitor` as an element of a chain: it records the updates that reach it, and passes them on unchanged.

    >>> import optax
    >>> tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3), record(window=100))
    >>> params = {"w": jnp.ones(4)}
    >>> _, state = tx.update(params, tx.init(params), params)
    >>> print(f"{read(state).norms[0]:.4f}")
    0.0020

    Parameters
    ----------
    window, measure, groups, axis_name, optimizer, lr, direction, coordinates, **hyperparameters
        As in `monitor`. An element of a chain does not see the others, so name optimizer and lr. Put it last, where it sees the updates
        that are applied.

    Raises
    ------
    ValueError, TypeError
        As `monitor`.
    """
    recorder = _Recorder(window, measure, groups, axis_name, packed(optimizer, hyperparameters), lr)
    recorder.coordinates = whole("coordinates", coordinates) if _checked("direction", direction) else 0

    def update_fn(
        updates: optax.Updates, state: RecordState, params: optax.Params | None = None, **extra_args: object
    ) -> tuple[optax.Updates, RecordState]:
        return recorder.update(updates, state, params, recorder.rate(state, None, cast(Rate, extra_args.get("learning_rate"))))

    return optax.GradientTransformationExtraArgs(recorder.init, update_fn)


class _Recorder:
    """The part that `monitor` and `record` share: checked settings, and pure functions that use them."""

    def __init__(
        self,
        window: int,
        measure: str,
        groups: Groups,
        axis_name: str | tuple[str, ...] | None,
        known: Plain,
        lr: float | jax.Array | optax.Schedule | None,
    ) -> None:
        self.window = whole("window", window, "a whole number of norms (500 is the default)")
        if measure not in MEASURES:
            msg = f'measure must be "applied" or "update", got {measure!r}'
            raise ValueError(msg)
        if lr is not None and not callable(lr) and not is_number(lr):
            msg = f"lr must be a number or a schedule (a function from the number of steps to a rate), got {type(lr).__name__}"
            raise TypeError(msg)
        self.measure, self.groups, self.known, self.lr = measure, checked(groups), known, lr
        self.axes = (axis_name,) if isinstance(axis_name, str) else tuple(axis_name or ())
        self.gradients = False
        self.told = False  # whether the user was warned
        self.coordinates = 0  # of each change; 0 if its direction is not recorded
        self.scheduled: dict[str, str] = {}

    def init(self, params: optax.Params) -> RecordState:
        parameters = trained(params)
        names = tuple(members_of(list(parameters), self.groups))[1:]
        layout = layout_of(parameters, self.groups, self.coordinates, self.axes) if self.coordinates else None
        series = direction_series(names) if layout else ()
        ring = init(self.window, [*names, *series, *self.side_series], xp=jnp, dtype=jnp.float32)
        if layout:
            ring.wcdfa_norms[SKETCH] = jnp.full((self.window, len(layout.sample.kept)), math.nan, dtype=jnp.float32)
        known = {name: {key: jnp.array(value) for key, value in part.items()} for name, part in self.known.items()}
        return RecordState(ring, known, beginning(layout) if layout else None)

    @property
    def side_series(self) -> tuple[str, ...]:
        """What is recorded beside the norms and the direction."""
        return (*([GRADIENTS] if self.gradients else []), *self.scheduled)

    def norm_of(self, updates: optax.Updates) -> jax.Array:
        """The norm over all parameters."""
        return root([over_shards(square_sum(each), self.axes) for each in trained(updates).values()])

    def rate(self, state: RecordState, steps: jax.Array | None, given: Rate) -> Rate:
        """The learning rate of a step: the one that the user named, or else the given one."""
        if not callable(self.lr):
            return given if self.lr is None else self.lr
        calls = state.wcdfa_ring.wcdfa_count + state.wcdfa_ring.wcdfa_skipped
        rate: Rate = self.lr(calls if steps is None else steps)
        return rate

    def update(
        self,
        updates: optax.Updates,
        state: RecordState,
        params: optax.Params | None,
        rate: Rate,
        beside: Mapping[str, jax.Array] | None = None,
    ) -> tuple[optax.Updates, RecordState]:
        ring = state.wcdfa_ring
        _require_window(ring, self.window)
        if self.measure == "applied" and params is None:
            msg = 'measure="applied" compares with the parameters: call update(updates, state, params), or use measure="update"'
            raise ValueError(msg)
        updates = jax.tree.map(as_stored, updates)
        applied, given = self.measure == "applied", trained(updates)
        squared = square_sum if applied else stored_square_sum
        squares = {path: over_shards(squared(change), self.axes) for path, change in changes(given, params if applied else None)}
        members = members_of(list(squares), self.groups)
        _require_gradients(ring, self.gradients)
        _require_groups(ring, tuple(members))
        norms = {name: root([squares[path] for path in paths]) for name, paths in members.items()}
        last = state.wcdfa_last
        if holds_direction(ring, bool(self.coordinates)) and last is not None:
            parameters = None if params is None else trained(params)
            layout = layout_of(given if parameters is None else parameters, self.groups, self.coordinates, self.axes)
            sampled = Sampled(given, parameters, layout, self.axes, applied=applied)
            found = series_of_update(sampled, ring, last, norms[ALL])
            norms |= cast(Mapping[str, jax.Array], found.series)
            last = cast(jax.Array, found.last)
        norms |= dict.fromkeys(set(SIDE_SERIES) - set(norms), jnp.full((), math.nan)) | dict(
            beside or {}
        )  # the ring takes what it has
        ring = record_in(ring, norms, math.nan if rate is None else rate)
        return updates, state._replace(wcdfa_ring=ring, wcdfa_last=last)


def _require_window(ring: Ring, window: int) -> None:
    held = ring.wcdfa_lr.shape[-1]
    if held != window:
        msg = (
            f"the state holds a ring of {held} norms, and this monitor has window={window}: use window={held} to go on, or start "
            "over with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)


def _checked(name: str, given: object) -> bool:
    if not isinstance(given, bool):
        msg = f"{name} must be True or False, got {given!r}"
        raise TypeError(msg)
    return given


def _require_whole_steps(inner_state: optax.OptState) -> None:
    """Raise a ValueError if the optimizer is given the gradients of single batches, of which it makes one step."""
    if any(isinstance(leaf, optax.MultiStepsState) for leaf in jax.tree.leaves(inner_state, is_leaf=_is_accumulating)):
        msg = (
            "gradients=True would record the gradients of single batches, because optax.MultiSteps is inside monitor: "
            "write optax.MultiSteps(monitor(tx, gradients=True), every_k_schedule=…)"
        )
        raise ValueError(msg)


def _is_accumulating(node: object) -> bool:
    return isinstance(node, optax.MultiStepsState)


def _require_gradients(ring: Ring, gradients: bool) -> None:
    if (GRADIENTS in ring.wcdfa_norms) != gradients:
        msg = (
            f"the state {'holds no' if gradients else 'holds'} gradients, and this monitor has gradients={gradients}: use "
            f"gradients={not gradients} to go on, or start over with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)


def _require_groups(ring: Ring, names: tuple[str, ...]) -> None:
    held = {name for name in ring.wcdfa_norms if not is_side_series(name)}
    if held != set(names):
        odd = sorted(held ^ set(names))
        msg = (
            f"the groups of the state and of this step differ in {', '.join(map(repr, odd))}: use the groups that the state was made "
            "with, or start over with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)
