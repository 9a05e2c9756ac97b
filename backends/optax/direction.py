"""Computes the direction of an update inside the state of an optimizer, also where each device holds a part of the parameters."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from wcdfa.backends.jax.norms import applied_change
from wcdfa.backends.jax.precision import widened
from wcdfa.backends.jax.sampling import JNP, picked
from wcdfa.backends.optax.changes import sharded_over
from wcdfa.recording.direction import Direction, Layout, cosine, following, norm_of
from wcdfa.recording.groups import ALL, Groups, members_of
from wcdfa.recording.ring import Ring
from wcdfa.recording.side_series import COSINE, SKETCH, WEIGHT_NORM, cosine_of

Arrays = Mapping[str, jax.Array]
DIRECTION = (COSINE, WEIGHT_NORM, SKETCH)


def layout_of(parameters: Arrays, groups: Groups, coordinates: int, axes: tuple[str, ...]) -> Layout:
    """The sample of parameters. Inside ``jax.shard_map`` it is one of the whole parameters, shard after shard."""
    sizes = {path: numbers_in(x) * _shards(_sharded_over(x, axes)) for path, x in parameters.items()}
    return Layout(sizes, members_of(list(sizes), groups), coordinates)


def numbers_in(x: jax.Array) -> int:
    """How many real numbers an array holds."""
    return math.prod(jnp.shape(x)) * (2 if jnp.iscomplexobj(x) else 1)


def beginning(layout: Layout) -> jax.Array:
    """What the first change is compared with: nothing."""
    return jnp.full((layout.sample.size,), math.nan, dtype=jnp.float32)


class Part(NamedTuple):
    """One parameter at the numbers of the sample."""

    change: jax.Array
    weights: jax.Array  # after the change


class Sampled:
    """Takes the sample of one update, and of the parameters that it is for if they are known."""

    def __init__(self, updates: Arrays, parameters: Arrays | None, layout: Layout, axes: tuple[str, ...], *, applied: bool) -> None:
        self.updates, self.parameters, self.layout, self.axes, self.applied = updates, parameters, layout, axes, applied

    def direction(self, last: jax.Array, norm: jax.Array) -> Direction:
        """The side series of the update, and the change that the next one is compared with."""
        layout = self.layout
        found = {path: self._part(path) for path in layout.places}
        before = {path: last[place] for path, place in layout.places.items()}
        # part by part and not joined: XLA would join them anew for each sum
        cosines = {
            name: cosine([found[path].change for path in paths], [before[path] for path in paths], JNP)
            for name, paths in layout.members.items()
        }
        series = {COSINE if name == ALL else cosine_of(name): value for name, value in cosines.items()}
        series[WEIGHT_NORM] = norm_of([each.weights for each in found.values()], layout.weight, JNP)
        series[SKETCH] = _joined(each.change[jnp.array(layout.kept(path))] for path, each in found.items() if layout.kept(path))
        following_each = (following(each.change, before[path], norm, JNP) for path, each in found.items())
        return Direction(series, _joined(following_each))

    def _part(self, path: str) -> Part:
        """The change of one parameter and its value after it, at the numbers of the sample."""
        sample, update = self.layout.sample, self.updates.get(path)
        parameter = None if self.parameters is None else self.parameters[path]
        known = parameter if update is None else update
        assert known is not None
        axes = _sharded_over(known, self.axes)
        first, every, count = sample.firsts[path], sample.every, sample.counts[path]
        if not axes:
            return self._moved(count, *(None if x is None else picked(x, first, every, count) for x in (parameter, update)))
        shards, size = _shards(axes), numbers_in(known)
        offsets = [(first - i * size) % every for i in range(shards)]
        before = [(i * size + offset - first) // every for i, offset in enumerate(offsets)]  # in the sample, of the shards before
        own, most = jax.lax.axis_index(axes), -(-size // every)
        rows = [None if x is None else picked(x, jnp.array(offsets)[own], every, most) for x in (parameter, update)]
        moved = self._moved(most, *rows)
        place = jnp.zeros((2, count + 1), moved.change.dtype)
        place = jax.lax.dynamic_update_slice(place, jnp.stack(moved), (0, jnp.array(before)[own]))
        both: jax.Array = jax.lax.psum(place, axes)  # type: ignore[no-untyped-call]
        return Part(both[0, :count], both[1, :count])

    def _moved(self, count: int, parameter: jax.Array | None, update: jax.Array | None) -> Part:
        nothing = jnp.zeros(count, jnp.float32)
        if parameter is None:
            return Part(nothing if update is None else widened(update), nothing + math.nan)
        after = nothing if update is None else applied_change(parameter, update)
        change = after if self.applied or update is None else widened(update)
        return Part(change, widened(parameter) + after)


def series_of_update(update: Sampled, ring: Ring, last: jax.Array, norm: jax.Array) -> Direction:
    """The direction of an update; gaps if the state was made for other parameters.

    Raises
    ------
    ValueError
        If the state holds another number of coordinates.
    """
    layout, held = update.layout, ring.wcdfa_norms.get(SKETCH)
    if last.shape != (layout.sample.size,):
        logging.getLogger("wcdfa").warning(
            "the direction of this step is not recorded: the state was made for parameters with %d numbers in the sample, and these have %d",
            last.shape[0],
            layout.sample.size,
        )
        return Direction(_unknown(ring), last * math.nan)
    own, theirs = len(layout.sample.kept), 0 if held is None else held.shape[-1]
    if own != theirs:
        msg = (
            f"the state holds {theirs} coordinates of each update, and this monitor keeps {own}: use coordinates={theirs} to go on, or "
            "start over with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)
    return update.direction(last, norm)


def holds_direction(ring: Ring, wanted: bool) -> bool:
    """Whether the direction is recorded: not into a state of an earlier release, which has no place for it.

    Raises
    ------
    ValueError
        If the state holds the direction and the monitor does not record it.
    """
    held = COSINE in ring.wcdfa_norms
    if held and not wanted:
        msg = (
            "the state holds the direction of the updates, and this monitor has direction=False: use direction=True to go on, or start "
            "over with monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
        raise ValueError(msg)
    if wanted and not held:
        logging.getLogger("wcdfa").warning(
            "the state holds no direction of the updates, so none is recorded; it does if it starts over with "
            "monitor(tx).init(params)._replace(inner_state=strip(opt_state))"
        )
    return held


def _unknown(ring: Ring) -> dict[str, jax.Array]:
    """Gaps in place of each side series of the direction."""
    held = {name: row for name, row in ring.wcdfa_norms.items() if name in DIRECTION or name.startswith(cosine_of(""))}
    return {name: jnp.full(row.shape[1:], math.nan) for name, row in held.items()}


def _joined(rows: Iterable[object]) -> jax.Array:
    """The rows in one, in float32."""
    return jnp.concatenate([jnp.zeros(0, jnp.float32), *(jnp.asarray(row, jnp.float32) for row in rows)])


def _sharded_over(x: jax.Array, axes: tuple[str, ...]) -> tuple[str, ...]:
    """`sharded_over`; none outside of ``jax.shard_map``, where arrays are whole."""
    try:
        return sharded_over(x, axes)
    except NameError:
        return ()


def _shards(axes: tuple[str, ...]) -> int:
    return int(jax.lax.psum(1, axes)) if axes else 1  # type: ignore[no-untyped-call]
