"""The states of the recorders, as parts of the state of an optimizer."""

from __future__ import annotations

from typing import NamedTuple

import optax

from wcdfa.backends.optax.hyperparameters import Plain
from wcdfa.recording.ring import Ring


class RecordState(NamedTuple):
    """The norms of a run. Its structure stays the same from ``init`` on, so that ``lax.scan`` and checkpoints take it."""

    wcdfa_ring: Ring
    wcdfa_hyperparameters: Plain


class MonitorState(NamedTuple):
    """The norms of a run, and the state of the optimizer that they are of."""

    wcdfa_record: RecordState
    inner_state: optax.OptState
