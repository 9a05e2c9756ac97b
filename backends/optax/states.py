"""The states of the recorders, which are parts of the state of an optimizer."""

from __future__ import annotations

from typing import NamedTuple

import jax
import optax
import optax.contrib

from wcdfa.backends.optax.hyperparameters import Plain
from wcdfa.recording.ring import Ring


class RecordState(NamedTuple):
    """The norms of a run. Its structure is fixed from ``init`` on, so ``lax.scan`` and checkpoints accept it."""

    wcdfa_ring: Ring
    wcdfa_hyperparameters: Plain
    wcdfa_last: jax.Array | None = None
    """The last change at the numbers of the sample, shape (m,) and in float32; None if the direction is not recorded."""


class MonitorState(NamedTuple):
    """The norms of a run, and the state of the optimizer that made them."""

    wcdfa_record: RecordState
    inner_state: optax.OptState


def is_perturbing(state: optax.OptState) -> bool:
    """Whether ``optax.contrib.sam`` is in the state, which perturbs the parameters between its steps.

    >>> is_perturbing(optax.adam(1e-3).init({}))
    False
    """
    kind = getattr(optax.contrib, "SAMState", None)
    if kind is None:
        return False
    return any(isinstance(leaf, kind) for leaf in jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, kind)))
