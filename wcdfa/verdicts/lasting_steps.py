"""Tells a step from one level to another that lasts, and finds its first step and its size: a block of steps is too coarse for that."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import Track

Floats = npt.NDArray[np.float64]

LEVELS = ("level", "size", "gradient norm")
"""Statistics that are logarithms of a size of each step."""
NEAR = 2 * BLOCK
"""Steps before and after the block that was found in which the first step is looked for."""
BESIDE = 4 * BLOCK
"""Steps that show the level before, and the level after."""
SHARP = 5
"""Steps on either side of the first step that are all nearer to their own level."""


def with_lasting_steps(record: Record, tracks: Sequence[Track], changes: Sequence[Change]) -> list[Change]:
    """The changes, each lasting step with its first step and true size, and without the burst that is only the begin of one.

    Parameters
    ----------
    record : Record
    tracks : list of Track
        Its series, in which the changes were found.
    changes : list of Change
    """
    values = {(track.statistic, track.group): track.values for track in tracks if track.statistic in LEVELS}
    found = [_sharpened(record, values.get((each.statistic, each.group)), each) for each in changes]
    for place, step in enumerate(found):
        begun = [each.seen for each in found if step.lasting and _begins(each, step)]
        found[place] = step._replace(seen=min([step.seen, *begun]))
    steps = [each for each in found if each.lasting]
    return sorted((each for each in found if not any(_begins(each, step) for step in steps)), key=lambda each: (each.seen, each.p))


def _sharpened(record: Record, values: Floats | None, change: Change) -> Change:
    """The change with its first step and both levels if it is a lasting step; else as it is."""
    if values is None:
        return change
    block = int(np.searchsorted(record.numbered, change.since))
    first = first_step(values, max(0, block - NEAR), min(len(values), block + NEAR))
    if first is None:
        return change
    before, after = (float(np.nanmedian(part)) for part in (values[max(0, first - BESIDE) : first], values[first : first + BESIDE]))
    if (after - before) * change.direction <= 0:
        return change
    return change._replace(before=before, after=after, since=int(record.numbered[first]), lasting=True)


def first_step(values: Floats, start: int, stop: int) -> int | None:
    """The place from `start` to `stop` at which the values step to another level and stay there; None if there is none.

    >>> first_step(np.r_[np.zeros(130), np.ones(200)], 100, 150)
    130
    """
    places = np.arange(max(start, SHARP), min(stop, len(values) - BLOCK) + 1)
    low, high = max(0, start - BLOCK), min(len(values), stop + BLOCK)
    if not len(places):
        return None
    best = int(places[np.nanargmax([_apart(values[low:place], values[place:high]) for place in places])])
    before, after = values[max(0, best - BESIDE) : best], values[best : best + BESIDE]
    if not all(np.isfinite(part).any() for part in (before[-SHARP:], after[:SHARP])):
        return None
    return best if _steps(before, after, values[best:]) else None


def _apart(before: Floats, after: Floats) -> float:
    """How much of the sum of squares two means explain."""
    one, two = before[np.isfinite(before)], after[np.isfinite(after)]
    if not len(one) or not len(two):
        return -1.0
    return len(one) * len(two) / (len(one) + len(two)) * float(one.mean() - two.mean()) ** 2


def _steps(before: Floats, after: Floats, rest: Floats) -> bool:
    """Whether the values are on one side of the middle up to the step, on the other side from it on, and most of them to the end."""
    low, high = np.nanmedian(before), np.nanmedian(after)
    up = math.copysign(1.0, high - low)
    over = (rest[np.isfinite(rest)] - (low + high) / 2) * up > 0
    under = (before[np.isfinite(before)] - (low + high) / 2) * up < 0
    at_once = (np.nanmedian(rest[:SHARP]) - np.nanmedian(before[-SHARP:])) * up > abs(high - low) / 2  # no slope
    return bool(at_once and under[-SHARP:].all() and over[:SHARP].all() and under.mean() > 0.9 and over.mean() > 0.9)


def _begins(change: Change, step: Change) -> bool:
    """Whether a burst is only the begin of a lasting step: not further above the new level than that is above the old one."""
    if change.statistic != "burst" or change.group != step.group or step.statistic == "gradient norm" or change.since < step.since:
        return False
    return math.log(change.after) < 2 * step.after - step.before
