"""How much each statistic changed at a step, in notches: a common unit in which signatures of causes are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.level_watch import BLOCK, block_means
from wcdfa.verdicts.momentum_checks import without_momentum
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.rounding import smallest_steps
from wcdfa.verdicts.tracks import ALL, Track

Floats = npt.NDArray[np.float64]

NOTCHES = {
    "level": 0.1,
    "cosine": 0.1,
    "spread": 0.2,
    "swing": 0.3,
    "size of what gradients add": 0.08,
    "spread of what gradients add": 0.2,
    "neighbours": 0.03,
    "near gradients": 0.03,
    "outward": 0.03,
    "gradient norm": 0.1,
    "learning rate": 0.3,
    "lowest level of a group": 0.15,
    "highest level of a group": 0.15,
    "lowest cosine of a group": 0.2,
    "highest cosine of a group": 0.2,
    "level at first": 0.1,
    "steps without momentum": 0.005,
    "smallest steps in a change": 1.0,
    "frozen": 0.1,
    "next gradients": 0.03,
    "spread of the gradient norm": 0.01,
    "rhythm": 0.1,
    "lag-1": 0.1,
    "α": 0.15,
    "vector α, small boxes": 0.05,
    "vector α, large boxes": 0.1,
}
"""One notch of each effect, in its own unit: about the least that matters. Cosines are log (1 − cosine), sizes are logarithms."""
FULL = 5.0
"""The largest effect: beyond 31 notches more makes no difference."""
AFTER, BEFORE, FIRST = 24, 20, 3
"""Blocks whose mean is taken after a change, and before it; and those that are the first."""


def effects(record: Record, tracks: Sequence[Track], onset: int, changes: Sequence[Change] = ()) -> dict[str, float]:
    """The effect on each statistic, from −`FULL` to `FULL`; without those that cannot be measured.

    Parameters
    ----------
    record, tracks
        The run.
    onset : int
        Index of the step at which it changed.
    changes : list of Change
        What was found, of which the jump of the learning rate is used.
    """
    blocks = (track._replace(values=block_means(track.values)) for track in tracks)
    return in_notches(effects_on_blocks(blocks, onset // BLOCK) | events_at(record, onset, changes))


def effects_on_blocks(tracks: Iterable[Track], block: int) -> dict[str, float]:
    """What changed in the means of blocks, each statistic in its own unit.

    Parameters
    ----------
    tracks : list of Track
        Their values are means of blocks.
    block : int
        Number of the block in which it changed.
    """
    found: dict[str, float] = {}
    groups: dict[str, list[float]] = {"level": [], "cosine": []}
    for track in tracks:
        before, after = track.values[max(0, block - BEFORE) : block], track.values[block + 1 : block + 1 + AFTER]
        if not np.isfinite(before).any() or not np.isfinite(after).any():
            continue
        effect = float(np.nanmean(after) - np.nanmean(before))
        if track.group == ALL:
            found[track.statistic] = effect
            if track.statistic == "level":
                found["level at first"] = float(np.nanmean(after[:FIRST]) - np.nanmean(before)) - effect
        elif track.statistic in groups:
            groups[track.statistic].append(effect)
    for statistic, each in groups.items():
        if len(each) > 1:
            middle = float(np.median(each))
            found[f"lowest {statistic} of a group"] = min(each) - middle
            found[f"highest {statistic} of a group"] = max(each) - middle
    return found


def in_notches(found: Mapping[str, float]) -> dict[str, float]:
    """Changes of statistics, each in its own unit, as effects."""
    return {name: _effect(value / NOTCHES[name]) for name, value in found.items() if name in NOTCHES and math.isfinite(value)}


def effects_of_checks(checks: Iterable[Check]) -> dict[str, float]:
    """How far each check is from what the named optimizer gives; the largest of several windows."""
    found: dict[str, float] = {}
    for check in checks:
        value = _distance(check) / NOTCHES[check.statistic]
        if math.isfinite(value) and abs(_effect(value)) >= abs(found.get(check.statistic, 0.0)):
            found[check.statistic] = _effect(value)
    return found


def _effect(notches: float) -> float:
    """Notches, on a scale that is linear near 0 and logarithmic beyond: 1, 2, 3 for 1, 3 and 7 notches."""
    return math.copysign(min(math.log2(1 + abs(notches)), FULL), notches)


def _distance(check: Check) -> float:
    """From the middle of the band, in the unit of the notches."""
    if check.statistic == "cosine":
        turns = (max(1 - value, 1e-7) for value in (check.found, (check.low + check.high) / 2))
        return math.log(next(turns)) - math.log(next(turns))
    if check.statistic in ("size of what gradients add", "gradient norm"):
        return math.log(max(check.found, 1e-9))
    if check.statistic.startswith("vector α") or check.statistic in ("lag-1", "α"):
        return check.found - (check.low + check.high) / 2
    if check.statistic == "smallest steps in a change":
        return min(0.0, math.log2(max(check.found, 1e-3)) - 6)
    return check.found


def events_at(record: Record, onset: int, changes: Sequence[Change]) -> dict[str, float]:
    """Effects that no track has."""
    rates = [change for change in changes if change.statistic == "learning rate"]
    found = {"learning rate": math.log(rates[0].after / rates[0].before) if rates else 0.0} if record.rates_known else {}
    if record.groups:
        found["frozen"] = sum(change.statistic == "frozen" for change in changes) / len(record.groups)
    if record.left_over is not None:
        lost = without_momentum(record).astype(np.float64)
        found["steps without momentum"] = float(
            lost[onset : onset + AFTER * BLOCK].mean() - lost[max(0, onset - BEFORE * BLOCK) : onset].mean()
        )
    if record.sketch is not None:
        units = [
            smallest_steps(part)
            for part in (record.sketch[max(0, onset - BEFORE * BLOCK) : onset], record.sketch[onset : onset + AFTER * BLOCK])
        ]
        if all(math.isfinite(each) and each > 0 for each in units):
            found["smallest steps in a change"] = min(0.0, math.log2(min(units[1], 64.0)) - math.log2(min(units[0], 64.0)))
    return found
