"""Looks for changes in a record, after the baseline that it has or is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wcdfa.nulls.memory_filter import MemoryFilter, geometric
from wcdfa.support.text import several
from wcdfa.verdicts.causes import Cause, ranked
from wcdfa.verdicts.changes import Change, changes_of, frozen
from wcdfa.verdicts.effects import effects
from wcdfa.verdicts.lasting_steps import with_lasting_steps
from wcdfa.verdicts.level_watch import BLOCK, LEAST
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.signatures import Signature
from wcdfa.verdicts.tracks import Track, tracks_of

BEGUN = 300
"""Steps at the start of a run that no baseline should hold: momentum and running averages fill up there, and the run settles."""


class ChangeSearch:
    """The search for changes, and what it was made with."""

    def __init__(self, record: Record, baseline: int | None, alarms: float) -> None:
        begun = 0 if record.taken is None else max(0, BEGUN - record.taken)
        self.skip = min(begun, len(record) // 4)
        self.record = record.part(slice(self.skip, None)) if self.skip else record
        self.baseline = (len(record) // 2 if baseline is None else baseline) - self.skip
        self.found: list[Change] = []
        self.shown: list[Change] = []
        """What was found, each lasting step with its first step and true size."""
        self.compared: list[str] = []
        self.not_compared: list[str] = []
        if self.baseline < LEAST * BLOCK or len(self.record) - self.baseline < BLOCK:
            self.tracks: list[Track] = []
            self.found = self.shown = list(frozen(self.record))
            self.not_compared.append(self._too_few(begun))
            return
        self.tracks = tracks_of(self.record, undone_for(self.record, self.baseline))
        self.found = changes_of(self.record, self.tracks, self.baseline, alarms=alarms)
        self.shown = with_lasting_steps(self.record, self.tracks, self.found)
        first, last = int(self.record.numbered[0]), int(self.record.numbered[self.baseline - 1])
        self.compared.append(f"{len(self.tracks)} series after step {last:,} with steps {first:,} to {last:,}")

    def _too_few(self, begun: int) -> str:
        """Why no change is looked for, and what to do."""
        needed, n = LEAST * BLOCK, len(self.record) + self.skip
        behind = f" after the first {self.skip:,} of the run" if self.skip else ""
        if self.record.consecutive and n >= self.skip + needed + BLOCK:
            remedy = f"give baseline={self.skip + needed}"
        else:
            remedy = f"record at least {2 * (needed + min(begun, needed)):,}"
        if self.baseline < needed:
            return f"changes, because a baseline needs {needed:,} norms{behind}, and has {max(0, self.baseline):,}: {remedy}"
        left = several(max(0, len(self.record) - self.baseline), "norm", "norms")
        return f"changes, because {BLOCK} norms are needed after the baseline, and there are {left}: {remedy}"

    def causes(self, catalogue: Sequence[Signature]) -> list[Cause]:
        """The likely causes of what changed first."""
        onset = int(np.searchsorted(self.record.numbered, min(change.since for change in self.found)))
        return ranked(effects(self.record, self.tracks, onset, self.found), catalogue, "change", self.record.optimizer)


def undone_for(record: Record, baseline: int) -> MemoryFilter | None:
    """The memory of the named optimizer, or else of the momentum that fits the cosine of the baseline."""
    if record.filter is not None:
        return record.filter
    if record.cosine is None or not np.isfinite(record.cosine[:baseline]).any():
        return None
    return geometric(float(np.clip(np.nanmean(record.cosine[:baseline]), 0.0, 0.99)))
