"""The four tracks of a run, to be drawn over its steps: size, direction and memory of its weight changes, and their ratio to the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import dfa
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
PHASE = 12
"""Windows are a multiple of so many steps apart, so that what repeats every 2, 3 or 4 steps lies in all of them alike."""

LABELS = 3
"""Statistics that are named at one step."""


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
    """Statistics that show it, each with ↑ or ↓."""


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
    if not checks:
        return
    nexts = [(each.since or 0) - 1 for each in checks[1:]]
    for check, end in zip(checks, [*nexts, int(diagnosis.record.numbered[-1])], strict=True):
        yield Expected(check.since or 0, end, check.low, check.high)


def _memory(record: Record) -> RunTrack | None:
    """α in rolling windows: of ΔW as a vector if its coordinates were recorded at every step, else of ‖ΔW‖; None if the run is shorter."""
    window = next((each for each in WINDOWS if 2 * each <= len(record)), WINDOWS[-1])
    if len(record) < window:
        return None
    stride = PHASE * max(1, round((len(record) - window) / PLACES / PHASE))
    of_vector = record.sketch is not None and record.consecutive
    what, alphas = ("ΔW", _of_vector) if of_vector else ("‖ΔW‖", _of_norms)
    alpha = alphas(record, window, stride)
    return RunTrack("memory", f"α of {what}, {window} steps", record.numbered[window - 1 :: stride][: len(alpha)], alpha)


def _of_norms(record: Record, window: int, stride: int) -> Floats:
    rolling = rolling_dfa(record.sizes, window=window, stride=stride)
    return np.asarray(rolling.result.alpha, dtype=np.float64)


def _of_vector(record: Record, window: int, stride: int) -> Floats:
    """Each coordinate counts the same; those that never move are left out."""
    assert record.sketch is not None
    changes = record.sketch / record.rates[:, np.newaxis]
    with np.errstate(all="ignore"):
        square = np.diff(changes, axis=0) ** 2
    known = np.isfinite(square)
    step = np.sqrt(np.where(known, square, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    changes = changes[:, step > 0] / step[step > 0]
    windows = np.lib.stride_tricks.sliding_window_view(changes, window, axis=0)[::stride]  # (windows, K, window)
    whole = np.isfinite(windows).all(axis=(1, 2))
    alpha = np.full(len(windows), math.nan)
    if whole.any() and changes.shape[1]:
        alpha[whole] = dfa(windows[whole], coordinates=-2).alpha
    return alpha


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
    if diagnosis.ending is not None:
        found.setdefault(diagnosis.ending.since, {})["norms 0" if diagnosis.ending.still else "norms not finite"] = None
    return tuple(Event(step, _joined(list(labels))) for step, labels in sorted(found.items()))


def _joined(labels: list[str]) -> str:
    left = len(labels) - LABELS
    return ", ".join(labels[:LABELS]) + (f" and {left} more" if left > 0 else "")


def _label(statistic: str, group: str, direction: int) -> str:
    return f"{'' if group == ALL else f'{group}: '}{statistic} {'↑' if direction > 0 else '↓'}"
