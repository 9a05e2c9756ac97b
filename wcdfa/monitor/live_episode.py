"""A change of a run that several statistics show, one after the other, and its likely cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from wcdfa.monitor.live_messages import of_cause, of_changes, since
from wcdfa.monitor.live_tracks import Tracks
from wcdfa.verdicts.causes import Cause, clear, ranked
from wcdfa.verdicts.changes import Change, without_echo
from wcdfa.verdicts.effects import effects_on_blocks, events_at, in_notches
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.signatures import signatures

ENOUGH = 4
"""Blocks after a change from which its cause may be clear."""
WAIT = 8
"""Blocks after the first message in which more evidence is collected."""
PLAIN = ("burst", "learning rate")
"""What needs no cause, if nothing else changed."""


@dataclass
class Episode:
    """One change of a run."""

    changes: list[Change] = field(default_factory=list)
    since: int = 0
    """The step from which on it was first seen."""
    said: list[str] = field(default_factory=list)
    """The statistics that were in the first message."""
    blocks: int = 0
    """Blocks since the first message."""
    settled: bool = False
    """Whether its cause was said, or cannot be."""
    until: int = 0
    """The step up to which changes belong to it."""
    likely: list[Cause] = field(default_factory=list)
    """Its likely causes, when they were last looked for."""

    def holds(self, change: Change) -> bool:
        """Whether a change is one more sign of this one."""
        return not self.settled or change.since <= self.until

    def begin(self, changes: list[Change], tracks: Tracks, record: Record) -> Iterator[str]:
        """Take the first changes, and say them, with their cause if it is clear."""
        self.changes = without_echo(changes)
        if not self.changes:
            return
        self.since = since(self.changes)
        self.said = [change.statistic for change in self.changes]
        causes = self.likely = self.causes(tracks, record)
        self.settled = clear(causes)
        self.until = int(record.numbered[-1])
        yield of_changes(self.changes, causes if self.settled else [], 0 if self.settled or self._is_plain() else WAIT * BLOCK)

    def go_on(self, changes: list[Change], tracks: Tracks, record: Record) -> Iterator[str]:
        """Take what else changed in the next block. After `WAIT` blocks, say the cause if it was not said before."""
        self.changes = without_echo([*self.changes, *changes])
        self.blocks += 1
        if self.blocks > WAIT:
            return
        self.until = int(record.numbered[-1])
        if self.blocks == WAIT and not self.settled:
            self.settled = True
            self.likely = self.causes(tracks, record)
            if self.likely:
                yield of_cause(self.since, self.changes, self.likely, self.said)

    def causes(self, tracks: Tracks, record: Record) -> list[Cause]:
        """The likely causes; none if too little came after the change."""
        block = tracks.block_of(since(self.changes))
        if self._is_plain() or len(tracks.firsts) - block <= ENOUGH:
            return []
        onset = max(BLOCK, int(np.searchsorted(record.numbered, tracks.firsts[block])))
        found = effects_on_blocks(tracks.on_blocks(), block) | events_at(record, onset, self.changes)
        return ranked(in_notches(found), signatures(), "change", record.optimizer)

    def _is_plain(self) -> bool:
        return all(change.statistic in PLAIN for change in self.changes)
