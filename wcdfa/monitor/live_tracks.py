"""Watches every track of a run while it goes on, block by block."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.memory_filter import MemoryFilter
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.level_watch import BLOCK, Level, LevelWatch, Recent, block_means
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import Track, logs, tracks_of, turn

BASELINE = 40
"""Blocks that show what is usual, after the first steps of a run."""
NEAR = 150
"""Steps from which the tracks of the last block are computed."""
RUN, ALARMS = 10_000 / BLOCK, 0.05
"""In so many blocks, the probability of any false alarm is this, over all tracks together."""
KEPT = 80
"""Means of blocks that are kept, to see what a change did."""
USUAL = 20
"""Blocks that show what is usual for a single step."""
SPREADS = ("spread", "swing", "spread of what gradients add")
"""Tracks of the logarithm of a difference."""
SKEW = 0.41  # the difference of both means, if the sizes are those of a normal variable

Floats = npt.NDArray[np.float64]
Name = tuple[str, str]
"""The statistic and the group of a track."""


class SavedWatch(TypedDict):
    """A `LevelWatch` as JSON takes it."""

    seen: int
    first: list[float]
    model: list[float] | None
    level: float
    recent: list[tuple[float, float, list[float]]]


class SavedTracks(TypedDict):
    """The tracks as JSON takes them."""

    blocks: int
    firsts: list[int]
    names: list[list[str]]
    means: list[list[float]]
    watches: dict[str, SavedWatch]
    """By the number of their track."""


class Tracks:
    """The means of blocks of every track, and a watch on each of them."""

    def __init__(self, baseline: int = BASELINE) -> None:
        self.baseline = baseline
        self.names: dict[Name, int] = {}
        """The number of each track."""
        self.means = np.full((0, KEPT), math.nan)
        """Means of the last blocks of each track, NaN where it was not there."""
        self.watches: dict[Name, LevelWatch] = {}
        self.firsts: list[int] = []
        """The first step of each block."""
        self.blocks = 0

    def take(self, record: Record, undone: MemoryFilter | None) -> list[Change]:
        """Take the last block of a record, and return the changes that are seen with it."""
        self.blocks += 1
        self.firsts = [*self.firsts, int(record.numbered[-BLOCK])][-KEPT:]
        now, even = _tracked(record, undone)
        for name, mean in now.items():
            if name not in self.watches and math.isfinite(mean):
                self.watches[name] = LevelWatch(self.baseline, run=RUN, alarms=ALARMS)
        self._add(now)
        seen = int(record.numbered[-1])
        found = (self._watched(name, even.get(name, math.nan), seen) for name in self.watches)
        return [change for change in found if change is not None]

    def _add(self, now: dict[Name, float]) -> None:
        """Add the means of a block."""
        new = [name for name in now if name not in self.names]
        if new:
            self.names |= {name: len(self.names) + i for i, name in enumerate(new)}
            self.means = np.concatenate([self.means, np.full((len(new), KEPT), math.nan)])
        self.means[:, :-1] = self.means[:, 1:]
        self.means[:, -1] = [now.get(name, math.nan) for name in self.names]

    def _watched(self, name: Name, mean: float, seen: int) -> Change | None:
        """Give a watch its next block. After a change it learns a new baseline."""
        watch = self.watches[name]
        watch.tests = len(self.watches)
        shift = watch.update(mean)
        if shift is not None or (watch.model is None and watch.seen >= watch.baseline):
            self.watches[name] = LevelWatch(self.baseline, run=RUN, alarms=ALARMS)
        if shift is None:
            return None
        since = self.firsts[max(-len(self.firsts), shift.onset - shift.seen)]
        return Change(*name, shift.before, shift.after, since, seen, shift.p)

    def on_blocks(self) -> list[Track]:
        """All tracks, with the means of blocks for values."""
        return [Track(*name, self.means[number, KEPT - len(self.firsts) :]) for name, number in self.names.items()]

    def block_of(self, step: int) -> int:
        """The place of the block that a step belongs to."""
        return max(0, int(np.searchsorted(self.firsts, step, "right")) - 1)

    def usual(self, statistic: str) -> dict[str, float]:
        """The median of the blocks before the last one, for each group; NaN if fewer than half of them are known."""
        names = [name for name in self.names if name[0] == statistic]
        before = np.sort(self.means[[self.names[name] for name in names], -1 - USUAL : -1])  # NaN comes last
        known = np.isfinite(before).sum(axis=1)
        middle = np.where(2 * known >= USUAL, before[np.arange(len(names)), known // 2 - (known == USUAL)], math.nan)
        return {group: value for (_, group), value in zip(names, middle.tolist(), strict=True)}

    def state(self) -> SavedTracks:
        """Everything, as JSON takes it."""
        return {
            "blocks": self.blocks,
            "firsts": self.firsts,
            "names": [list(name) for name in self.names],
            "means": self.means.tolist(),
            "watches": {str(self.names[name]): _saved(watch) for name, watch in self.watches.items()},
        }

    def load(self, saved: SavedTracks) -> None:
        """Go on from what `state` gave."""
        names = [(statistic, group) for statistic, group in saved["names"]]
        self.blocks = saved["blocks"]
        self.firsts, self.names = saved["firsts"], {name: number for number, name in enumerate(names)}
        self.means = np.array(saved["means"], dtype=np.float64).reshape(-1, KEPT)
        self.watches = {names[int(number)]: _loaded(watch, self.baseline) for number, watch in saved["watches"].items()}


def _tracked(record: Record, undone: MemoryFilter | None) -> tuple[dict[Name, float], dict[Name, float]]:
    """The mean of each track over the last block, and what of it is watched. Groups are taken together, because there may be many."""
    whole = replace(record, groups={}, cosines={})
    last = {(track.statistic, track.group): track.values[-BLOCK:] for track in tracks_of(whole, undone)}
    found = {name: float(block_means(values)[0]) for name, values in last.items()}
    even = {name: _even(values) for name, values in last.items() if name[0] in SPREADS}
    if record.groups:
        sizes = np.array([values[-BLOCK:] for values in record.groups.values()])
        size = "level" if record.rates_known else "size"
        found |= {(size, name): mean for name, mean in zip(record.groups, _means(logs(sizes / record.rates[-BLOCK:])), strict=True)}
    if record.cosines and record.consecutive:
        turns = turn(np.array([values[-BLOCK:] for values in record.cosines.values()]))
        found |= {("cosine", name): mean for name, mean in zip(record.cosines, _means(turns), strict=True)}
    return found, found | even


def _even(logs: Floats) -> float:
    """The logarithm of a mean size. The mean of the logarithms is smaller and skewed: one size near 0 moves it far."""
    return math.log(size) - SKEW if (size := float(block_means(np.exp(logs))[0])) > 0 else math.nan


def _means(values: Floats) -> list[float]:
    """`block_means` of one block of many series."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    means = np.where(count * 2 > BLOCK, np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1), math.nan)
    return [float(mean) for mean in means]


def _saved(watch: LevelWatch) -> SavedWatch:
    return {
        "seen": watch.seen,
        "first": watch.first if watch.model is None else [],
        "model": None if watch.model is None else list(watch.model),
        "level": watch.level,
        "recent": [(each.value, each.level, each.sums) for each in watch.recent],
    }


def _loaded(saved: SavedWatch, baseline: int) -> LevelWatch:
    watch = LevelWatch(baseline, run=RUN, alarms=ALARMS)
    watch.seen, watch.first, watch.level = saved["seen"], saved["first"], saved["level"]
    watch.model = None if saved["model"] is None else Level(*saved["model"])
    watch.recent = [Recent(*each) for each in saved["recent"]]
    return watch
