"""The four tracks of a run, to be drawn over its steps: size, direction and memory of its weight changes, and their ratio to the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.rolling import rolling_dfa
from wcdfa.verdicts.diagnosis import Diagnosis
from wcdfa.verdicts.level_watch import BLOCK, block_means
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import ALL

Floats = npt.NDArray[np.float64]

WINDOWS = (256, 128)
"""Steps in a window of α: the first of which a run has two, or else one."""
PLACES = 100
"""Windows of α in a run, about; they overlap."""


class Expected(NamedTuple):
    """What the named optimizer gives, in a stretch of steps."""

    first_step: int
    last_step: int
    low: float
    high: float


class RunTrack(NamedTuple):
    """One of the four tracks."""

    name: str
    """level, direction, memory or ratio."""
    title: str
    """What is drawn, in few words."""
    steps: Floats
    """Shape (m,)."""
    values: Floats
    """Shape (m,), NaN in gaps."""
    expected: tuple[Expected, ...] = ()
    log: bool = False
    """Whether a logarithmic axis suits it."""

    def means(self) -> tuple[Floats, Floats]:
        """The last step of each block of `BLOCK` values, and the mean of the block."""
        means = block_means(self.values)
        return self.steps[BLOCK - 1 :: BLOCK][: len(means)], means


class Event(NamedTuple):
    """Something that was found, at the step from which on it holds."""

    step: int
    label: str
    """The statistics that show it, each with ↑ or ↓."""


def run_tracks(diagnosis: Diagnosis) -> tuple[RunTrack, ...]:
    """The tracks that were recorded.

    >>> import wcdfa
    >>> diagnosis = wcdfa.diagnose(wcdfa.nulls.optimizer_norms(600, optimizer="sgd", momentum=0.9, replicates=1)[0], weight_norm=10.0)
    >>> [track.name for track in run_tracks(diagnosis)]
    ['level', 'memory', 'ratio']
    """
    return tuple(_tracks(diagnosis))


def _tracks(diagnosis: Diagnosis) -> Iterator[RunTrack]:
    record = diagnosis.record
    yield RunTrack("level", "‖ΔW‖", record.numbered, record.norms, log=True)
    if record.cosine is not None:
        yield RunTrack("direction", "cosine", record.numbered, record.cosine, tuple(_expected(diagnosis)))
    memory = _memory(record)
    if memory is not None:
        yield memory
    if record.weight_norm is not None:
        with np.errstate(all="ignore"):
            ratio = record.norms / record.weight_norm
        yield RunTrack("ratio", "‖ΔW‖ / ‖W‖", record.numbered, np.where(np.isfinite(ratio), ratio, math.nan), log=True)


def _expected(diagnosis: Diagnosis) -> Iterator[Expected]:
    """The band of the cosine in each window that was compared with the named optimizer."""
    checks = [each for each in diagnosis.checks if each.statistic == "cosine" and each.group == ALL and each.since is not None]
    nexts = [(each.since or 0) - 1 for each in checks[1:]]
    for check, end in zip(checks, [*nexts, int(diagnosis.record.numbered[-1])], strict=False):
        yield Expected(check.since or 0, end, check.low, check.high)


def _memory(record: Record) -> RunTrack | None:
    """α of log (‖ΔW‖ / lr) in rolling windows; None if the run is shorter than a window."""
    window = next((each for each in WINDOWS if 2 * each <= len(record)), WINDOWS[-1])
    if len(record) < window:
        return None
    rolling = rolling_dfa(record.sizes, window=window, stride=max(1, (len(record) - window) // PLACES))
    alpha = np.asarray(rolling.result.alpha, dtype=np.float64)
    return RunTrack("memory", f"α, {window} steps", record.numbered[rolling.stops - 1], alpha)


def events(diagnosis: Diagnosis) -> tuple[Event, ...]:
    """What was found, in the order of the steps; what begins at one step is one event."""
    found: dict[int, dict[str, None]] = {}
    for check in diagnosis.deviations:
        if check.since is not None:
            found.setdefault(check.since, {})[_label(check.statistic, check.group, check.direction)] = None
    for change in diagnosis.changes:
        # log (1 − cosine) falls where the cosine rises
        direction = -change.direction if change.statistic == "cosine" else change.direction
        found.setdefault(change.since, {})[_label(change.statistic, change.group, direction)] = None
    return tuple(Event(step, ", ".join(labels)) for step, labels in sorted(found.items()))


def _label(statistic: str, group: str, direction: int) -> str:
    return f"{'' if group == ALL else f'{group}: '}{statistic} {'↑' if direction > 0 else '↓'}"
