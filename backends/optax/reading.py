"""Reads the recorders in the state of an optimizer, and removes them from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import jax
import numpy as np
import numpy.typing as npt
import optax

from wcdfa.backends.jax.norms import path_of
from wcdfa.backends.optax.hyperparameters import merged, step_counts, unpacked, why_unknown
from wcdfa.backends.optax.states import MonitorState, RecordState
from wcdfa.recording.reading import Count, Reading
from wcdfa.recording.ring import read as read_ring

Leaf = TypeVar("Leaf")


def read(opt_state: optax.OptState) -> Reading:
    """Copy the norms that `monitor` or `record` left in the state of an optimizer to the host, in one transfer.

    >>> from wcdfa.backends.optax.recorder import monitor
    >>> tx = optax.MultiSteps(monitor(optax.sgd(0.1)), every_k_schedule=2)
    >>> read(tx.init({"w": jax.numpy.ones(3)})).count
    0

    Parameters
    ----------
    opt_state : optax.OptState, flax.nnx.Optimizer, or anything with an ``opt_state``
        The recorder may be anywhere in it. Give the state that the last step returned: a state that was donated to a later step is gone.

    Returns
    -------
    Reading
        If the state was made under ``jax.vmap``, the axes of the ensemble come first.

    Raises
    ------
    ValueError
        If the state holds no recorder, or more than one (`readings` reads all), or was donated.
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


def readings(opt_state: optax.OptState) -> dict[str, Reading]:
    """Read a state with several recorders: the reading of each, by its place in the state.

    >>> from wcdfa.backends.optax.recorder import monitor
    >>> tx = monitor(optax.chain(monitor(optax.adam(1e-3)), optax.clip(0.1)))
    >>> list(readings(tx.init({"w": jax.numpy.ones(3)})))
    ['wcdfa_record', 'inner_state/0/wcdfa_record']
    """
    return {path: _reading(*recorder) for path, recorder in _found(opt_state).items()}


def strip(opt_state: optax.OptState) -> optax.OptState:
    """Remove the recorders from a state, so that it is that of the bare optimizer: for checkpoints without wcdfa.

    >>> from wcdfa.backends.optax.recorder import monitor
    >>> params = {"w": jax.numpy.ones(3)}
    >>> bare = strip(monitor(optax.adam(1e-3)).init(params))
    >>> jax.tree.structure(bare) == jax.tree.structure(optax.adam(1e-3).init(params))
    True

    The state of a `record` in a chain is left out of the tuple of the chain. To go on from a bare state, with any window:
    ``monitor(tx).init(params)._replace(inner_state=bare)``.

    Raises
    ------
    TypeError
        If a training state is given instead of the state of its optimizer.
    """
    if hasattr(opt_state, "opt_state"):
        msg = f"strip takes the state of an optimizer, but {type(opt_state).__name__} is a training state: give its opt_state"
        raise TypeError(msg)
    if isinstance(opt_state, MonitorState):
        return strip(opt_state.inner_state)
    if isinstance(opt_state, RecordState):  # the whole state, or the one state inside a wrapper
        return optax.EmptyState()
    if isinstance(opt_state, tuple) and hasattr(opt_state, "_fields"):
        return type(opt_state)(*map(strip, opt_state))
    if isinstance(opt_state, (tuple, list)):
        return type(opt_state)(strip(part) for part in opt_state if not isinstance(part, RecordState))
    if isinstance(opt_state, Mapping):
        kept = {key: strip(part) for key, part in opt_state.items() if not isinstance(part, RecordState)}
        return type(opt_state)(kept)  # type: ignore[call-arg]
    return opt_state


def _found(opt_state: optax.OptState) -> dict[str, tuple[RecordState, optax.OptState]]:
    """All recorders by place, each with the state that may hold injected hyperparameters."""
    opt_state = getattr(opt_state, "opt_state", opt_state)
    return dict(_walk(opt_state, "", opt_state))


def _walk(node: optax.OptState, place: str, source: optax.OptState) -> Iterator[tuple[str, tuple[RecordState, optax.OptState]]]:
    def inside(leaf: object) -> bool:
        return isinstance(leaf, (RecordState, MonitorState))

    for path, leaf in jax.tree_util.tree_leaves_with_path(node, is_leaf=inside):
        here = "/".join(part for part in (place, path_of(path)) if part)
        if isinstance(leaf, RecordState):
            yield here or "record", (leaf, source)
        elif isinstance(leaf, MonitorState):  # its norms belong to the optimizer inside it
            yield "/".join(part for part in (here, "wcdfa_record") if part), (leaf.wcdfa_record, leaf.inner_state)
            yield from _walk(leaf.inner_state, "/".join(part for part in (here, "inner_state") if part), leaf.inner_state)


def _reading(state: RecordState, source: optax.OptState) -> Reading:
    known, counts = merged(state.wcdfa_hyperparameters, source), step_counts(source)
    ring, known, counts = jax.device_get(jax.tree.map(_local, (state.wcdfa_ring, known, counts)))
    reading = read_ring(ring)
    optimizer, hyperparameters = unpacked(known)
    reading = reading._replace(optimizer=optimizer, hyperparameters=hyperparameters, unknown=why_unknown(known, source))
    return reading._replace(taken=_taken(reading, counts))


def _taken(reading: Reading, counts: list[npt.NDArray[np.integer]]) -> Count | None:
    """Steps that the optimizer had taken before the first norm.

    Recorder and optimizer begin together, unless the state of the optimizer alone was restored: its count is then ahead. A count that is
    behind belongs to an optimizer that was started over, and counts that differ to several.
    """
    count, skipped = np.asarray(reading.count), np.asarray(reading.skipped)
    earlier = np.zeros_like(count)
    if counts and all(np.array_equal(counts[0], other) for other in counts):
        if np.any(counts[0] < count):
            return None
        earlier = np.maximum(counts[0] - count - skipped, 0)
    taken = earlier + np.maximum(count - np.shape(reading.norms)[-1], 0)
    return taken if taken.ndim else int(taken)


def _local(x: Leaf) -> Leaf | jax.Array:
    """The array itself, or the part of a replicated array that this process holds."""
    if isinstance(x, jax.core.Tracer):
        msg = "read was called inside a function that JAX compiles; return the state from it, and read it outside"
        raise TypeError(msg)
    if not isinstance(x, jax.Array):
        return x
    if x.is_deleted():
        msg = "the state was donated to a later step, which returned a new one: read that one"
        raise ValueError(msg)
    return x.addressable_data(0) if x.is_fully_replicated and not x.is_fully_addressable else x
