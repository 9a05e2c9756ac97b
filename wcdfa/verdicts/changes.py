"""Finds what changed in a run after a baseline: the level of each track, and events that need no statistics."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.level_watch import BLOCK, LevelWatch, block_means
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import ALL, SLOW, Track

Floats = npt.NDArray[np.float64]

JUMP = math.log(1.2)
"""log of the ratio of learning rates of two steps that is a jump, and no schedule that is smooth."""
STILL = 20
"""Steps without any change after which a group counts as frozen."""
BURST = 3.0
"""How many times as far from the median as any step of the baseline a step is that counts as a burst."""


class Change(NamedTuple):
    """Something that is not as it was in the baseline."""

    statistic: str
    """A key of `wcdfa.verdicts.signatures.STATISTICS`."""
    group: str
    before: float
    after: float
    since: int
    """Step from which on it changed; of a level that does not change in one step, the first step of its block of `BLOCK` steps."""
    seen: int
    """Step at which it was more than chance."""
    p: float
    """Probability of any such change in the run by chance, over all statistics and groups together; 0 for an event."""
    lasting: bool = False
    """Whether it is a step from one level to another that lasts."""

    @property
    def direction(self) -> int:
        """1 if it went up, −1 if it went down."""
        return 1 if self.after > self.before else -1


def changes_of(record: Record, tracks: list[Track], baseline: int, *, alarms: float = 0.05) -> list[Change]:
    """All changes after the baseline, in the order in which they were seen.

    Parameters
    ----------
    record : Record
    tracks : list of Track
        Its series.
    baseline : int
        How many steps at the beginning show what is usual.
    alarms : float
        Probability of any false alarm in the run, over all series together.
    """
    found = [change for track in tracks if (change := level_change(record, track, baseline, len(tracks), alarms)) is not None]
    found = without_echo(found)
    found += [*jumps(record, baseline), *frozen(record), *bursts(record, baseline)]
    return sorted(found, key=lambda change: (change.seen, change.p))


def without_echo(changes: list[Change]) -> list[Change]:
    """The changes without that of the spread within 100 steps if the level changed there, which is enough to make it large."""
    levels = [change.since for change in changes if change.statistic in ("level", "size") and change.group == ALL]
    return [change for change in changes if change.statistic != "swing" or not any(abs(change.since - at) <= SLOW for at in levels)]


def level_change(record: Record, track: Track, baseline: int, tests: int, alarms: float) -> Change | None:
    """The first change of a track's level."""
    blocks = block_means(track.values)
    first = baseline // BLOCK
    watch = LevelWatch(first, tests=tests, run=max(1, len(blocks) - first), alarms=alarms)
    for block in blocks.tolist():
        shift = watch.update(block)
        if shift is not None:
            since, seen = (
                int(record.numbered[min(place, len(record) - 1)]) for place in (shift.onset * BLOCK, shift.seen * BLOCK - 1)
            )
            return Change(track.statistic, track.group, shift.before, shift.after, since, seen, shift.p)
    return None


def jumps(record: Record, baseline: int) -> Iterator[Change]:
    """The first jump of the learning rate after the baseline, or its way from a rate that was constant in the baseline."""
    if not record.rates_known or not baseline:
        return
    logs = np.log(record.rates)
    moves = np.abs(np.diff(logs))
    usual = float(moves[: baseline - 1].max(initial=0.0))
    jumped = jumping(logs, baseline, usual)
    left = np.flatnonzero(np.abs(logs[baseline:] - logs[baseline - 1]) > JUMP) + baseline if usual == 0 else jumped
    if len(jumped) or len(left):
        at = int(min([*jumped[:1], *left[:1]]))
        begun = at if usual else int(np.flatnonzero(moves[baseline - 1 :] > 0)[0]) + baseline
        yield Change(
            "learning rate",
            ALL,
            float(record.rates[baseline - 1] if not usual else record.rates[at - 1]),
            float(record.rates[at]),
            int(record.numbered[begun]),
            int(record.numbered[at]),
            0.0,
        )


def jumping(logs: Floats, first: int, usual: float) -> npt.NDArray[np.intp]:
    """Steps, from `first` ≥ 1 on, at which the log of the learning rate jumps. `usual` is the largest move that is none.

    A jump is a discontinuity: more than 3 times any of the ten moves before it. A smooth decay has none, not even close to 0.

    >>> jumping(np.log([1.0, 1.0, 0.1, 0.1]), 1, 0.0), jumping(np.log(np.arange(9.0, 0.0, -1.0)), 2, 0.0)
    (array([2]), array([], dtype=int64))
    """
    moves = np.abs(np.diff(logs))
    around = np.array([moves[max(0, at - 10) : at].max(initial=0.0) for at in range(first - 1, len(moves))])
    return np.flatnonzero(moves[first - 1 :] > np.maximum(max(JUMP, 2 * usual), 3 * around)) + first


def frozen(record: Record) -> Iterator[Change]:
    """Groups that moved and no longer do; this needs no baseline."""
    for name, norms in record.groups.items():
        moving = np.flatnonzero(norms != 0)  # a gap is no stillness
        at = int(moving[-1]) + 1 if len(moving) else 0
        if at < BLOCK or len(norms) - at < STILL or len(moving) < 0.9 * at:
            continue
        since, seen = (int(record.numbered[place]) for place in (at, at + STILL - 1))
        yield Change("frozen", name, float(np.nanmedian(norms[:at])), 0.0, since, seen, 0.0)


def still_from(norms: Floats) -> int | None:
    """The first of `STILL` steps in a row without any change; None if there are none.

    >>> still_from(np.r_[np.ones(5), np.zeros(30)]), still_from(np.zeros(19))
    (5, None)
    """
    still = norms == 0
    run = np.convolve(still, np.ones(STILL), "valid") == STILL if len(still) >= STILL else np.zeros(0, bool)
    return int(run.argmax()) if run.any() else None


def bursts(record: Record, baseline: int) -> Iterator[Change]:
    """The first step of each group whose change is far larger than any of the baseline."""
    for name, sizes in {
        ALL: record.norms / record.rates,
        **{group: norms / record.rates for group, norms in record.groups.items()},
    }.items():
        with np.errstate(all="ignore"):
            logs = np.log(sizes)
        usual = logs[:baseline][np.isfinite(logs[:baseline])]
        if len(usual) < BLOCK:
            continue
        middle = float(np.median(usual))
        places = np.flatnonzero(bursting(logs[baseline:] - middle, usual.max() - middle))
        if len(places):
            at = baseline + int(places[0])
            step = int(record.numbered[at])
            yield Change("burst", name, math.exp(middle), min(float(sizes[at]), sys.float_info.max), step, step, 0.0)


def bursting(heights: Floats, largest: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether each log ‖ΔW‖ above the median is that of a burst, where `largest` was the largest before.

    >>> bursting(np.array([1.0, 2.0]), 0.5).tolist()
    [False, True]
    """
    return heights > np.maximum(BURST * np.asarray(largest), math.log(3))
