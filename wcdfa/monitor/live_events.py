"""Finds events in the last block of a run, which need no statistics: a frozen group, a burst, a jump of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wcdfa.monitor.live_tracks import BASELINE, Tracks
from wcdfa.verdicts.changes import BURST, JUMP, STILL, Change
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.tracks import ALL


class Events:
    """What single steps of a run were like so far. What came once is usual from then on, so it is said once."""

    def __init__(self, baseline: int = BASELINE) -> None:
        self.baseline, self.blocks = baseline, 0
        self.largest: dict[str, float] = {}
        """How far any step of each group was above the median of the blocks before, in log ‖ΔW‖ over the learning rate."""
        self.move = 0.0
        """The largest move of the log of the learning rate from one step to the next."""
        self.still: list[str] = []
        """Groups that no longer move."""

    def take(self, record: Record, tracks: Tracks) -> list[Change]:
        """Take the last block of a record, of which the tracks have the means."""
        self.blocks += 1
        usual = tracks.usual("level")
        return [*self._jumps(record), *self._frozen(record, usual), *self._bursts(record, usual)]

    def _jumps(self, record: Record) -> Iterator[Change]:
        rates = record.rates[-BLOCK - 1 :]
        moves = np.diff(np.log(rates))
        reach, before = max(JUMP, 2 * self.move), self.move
        self.move = max(before, float(np.abs(moves).max(initial=0.0)))
        if self.blocks > self.baseline and record.rates_known and self.move > reach:
            at = int(np.argmax(np.abs(moves) > reach))
            step = int(record.numbered[-len(moves) :][at])
            yield Change("learning rate", ALL, float(rates[at]), float(rates[at + 1]), step, step, 0.0)

    def _frozen(self, record: Record, usual: dict[str, float]) -> Iterator[Change]:
        if not record.groups:
            return
        zeros = np.array([norms[1 - BLOCK - STILL :] for norms in record.groups.values()]) == 0
        self.still = [name for name, row in zip(record.groups, zeros, strict=True) if name in self.still and row.any()]
        for place in np.flatnonzero(zeros.any(axis=1)).tolist():
            name, row = [*record.groups][place], zeros[place]
            run = np.convolve(row, np.ones(STILL), "valid") == STILL if len(row) >= STILL else np.zeros(1, bool)
            if run.any() and name not in self.still and math.isfinite(usual.get(name, math.nan)):
                self.still.append(name)
                at = int(run.argmax())
                since, seen = (int(record.numbered[-len(row) :][each]) for each in (at, at + STILL - 1))
                yield Change("frozen", name, math.exp(usual[name]) * float(record.rates[-1]), 0.0, since, seen, 0.0)

    def _bursts(self, record: Record, usual: dict[str, float]) -> Iterator[Change]:
        norms = {ALL: record.norms, **record.groups}
        sizes = np.array([values[-BLOCK:] for values in norms.values()]) / record.rates[-BLOCK:]
        peaks = np.where(np.isfinite(sizes), sizes, 0.0)
        heights = np.log(peaks.max(axis=1)) - [usual.get(name, math.nan) for name in norms]
        for place, (name, height) in enumerate(zip(norms, heights.tolist(), strict=True)):
            if not math.isfinite(height):
                continue
            before = self.largest.get(name, 0.0)
            self.largest[name] = max(height, before)
            if self.blocks > self.baseline and height > max(BURST * before, math.log(3)):
                at = int(peaks[place].argmax())
                step = int(record.numbered[-BLOCK:][at])
                yield Change("burst", name, math.exp(usual[name]), float(peaks[place, at]), step, step, 0.0)
