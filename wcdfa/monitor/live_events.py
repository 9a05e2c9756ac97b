"""Finds events in the last block of a run, which need no statistics: a frozen group, a burst, a jump of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.monitor.live_tracks import BASELINE, Tracks
from wcdfa.verdicts.changes import STILL, Change, bursting, jumping, still_from
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import ALL, SLOW

Floats = npt.NDArray[np.float64]


class Events:
    """What single steps of a run were like so far. What came once is usual from then on, so it is said once."""

    def __init__(self, baseline: int = BASELINE) -> None:
        self.baseline, self.blocks = baseline, 0
        self.highest: dict[str, float] = {}
        """How far any step of each group was above the median of the blocks before, in log ‖ΔW‖ over the learning rate."""
        self.largest: dict[str, float] = {}
        """The largest ‖ΔW‖ over the learning rate of each group, since the start of the run."""
        self.move = 0.0
        """The largest move of the log of the learning rate from one step to the next."""
        self.still: list[str] = []
        """Groups that no longer move."""
        self.pending: list[Change] = []
        """Bursts of the last block: the next one shows whether they were single steps."""
        self.moved: int | None = None
        """The step at which a change of the level was seen last."""

    def pass_over(self, record: Record) -> None:
        """Keep the largest steps of the last block, in which nothing is looked for."""
        sizes = _sizes(record)
        self._keep([*sizes], np.array([*sizes.values()]).max(axis=1))

    def _keep(self, names: list[str], peaks: Floats) -> None:
        self.largest |= {name: max(peak, self.largest.get(name, 0.0)) for name, peak in zip(names, peaks.tolist(), strict=True)}

    def take(self, record: Record, tracks: Tracks, found: Sequence[Change] = ()) -> list[Change]:
        """Take the last block of a record, of which the tracks have the means, and what they found in it."""
        self.blocks += 1
        if any(change.statistic in ("level", "size") for change in found):
            self.moved = int(record.numbered[-1])
        usual, sizes = tracks.usual("level" if record.rates_known else "size"), _sizes(record)
        single = [change for change in self.pending if self._single(change, sizes.get(change.group))]
        self.pending = [*self._bursts(record, sizes, usual)]
        seen = int(record.numbered[-1])
        return [*self._jumps(record), *self._frozen(record, usual), *(change._replace(seen=seen) for change in single)]

    def _jumps(self, record: Record) -> Iterator[Change]:
        rates = record.rates[-BLOCK - 11 :]  # with the ten moves before the block
        logs, first = np.log(rates), max(1, len(rates) - BLOCK)
        jumps = jumping(logs, first, self.move)
        self.move = max(self.move, float(np.abs(np.diff(logs))[first - 1 :].max(initial=0.0)))
        if self.blocks > self.baseline and record.rates_known and len(jumps):
            at = int(jumps[0])
            step = int(record.numbered[-len(rates) :][at])
            yield Change("learning rate", ALL, float(rates[at - 1]), float(rates[at]), step, step, 0.0)

    def _frozen(self, record: Record, usual: dict[str, float]) -> Iterator[Change]:
        if not record.groups:
            return
        near = np.array([norms[1 - BLOCK - STILL :] for norms in record.groups.values()])
        zeros = (near == 0).any(axis=1)
        self.still = [name for name, any_zero in zip(record.groups, zeros, strict=True) if name in self.still and any_zero]
        for place in np.flatnonzero(zeros).tolist():
            name, at = [*record.groups][place], still_from(near[place])
            if at is not None and name not in self.still and math.isfinite(usual.get(name, math.nan)):
                self.still.append(name)
                since, seen = (int(record.numbered[-near.shape[1] :][each]) for each in (at, at + STILL - 1))
                yield Change("frozen", name, math.exp(usual[name]) * float(record.rates[-1]), 0.0, since, seen, 0.0)

    def _bursts(self, record: Record, sizes: dict[str, Floats], usual: dict[str, float]) -> Iterator[Change]:
        peaks = np.array([*sizes.values()]).max(axis=1)
        heights = np.log(peaks) - [usual.get(name, math.nan) for name in sizes]
        before, largest = (np.array([kept.get(name, 0.0) for name in sizes]) for kept in (self.highest, self.largest))
        self.highest |= {
            name: max(each, self.highest.get(name, 0.0))
            for name, each in zip(sizes, heights.tolist(), strict=True)
            if math.isfinite(each)
        }
        self._keep([*sizes], peaks)
        if self.blocks <= self.baseline:
            return
        for place in np.flatnonzero(bursting(heights, before) & (peaks > largest)).tolist():
            name = [*sizes][place]
            step = int(record.numbered[-BLOCK:][int(sizes[name].argmax())])
            yield Change("burst", name, math.exp(usual[name]), float(peaks[place]), step, step, 0.0)

    def _single(self, burst: Change, later: Floats | None) -> bool:
        """Whether a burst was a single step: the level has not moved with it."""
        if self.moved is not None and abs(self.moved - burst.since) <= SLOW:
            return False
        return later is None or float(np.median(later)) < math.sqrt(burst.before * burst.after)


def _sizes(record: Record) -> dict[str, Floats]:
    """‖ΔW‖ over the learning rate in the last block, of all parameters and of each group; 0 in gaps."""
    rates = record.rates[-BLOCK:]
    norms = {ALL: record.norms, **record.groups}
    sizes = np.array([values[-BLOCK:] for values in norms.values()]) / rates
    return dict(zip(norms, np.where(np.isfinite(sizes), sizes, 0.0), strict=True))
