"""A change of a run that several statistics show, one after the other, and its likely cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

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
    """What was in a message, as `_sign` names it."""
    blocks: int = 0
    """Blocks since the first message."""
    settled: bool = False
    """Whether its cause was said, or cannot be."""
    until: int = 0
    """The step up to which changes belong to it."""
    likely: list[Cause] = field(default_factory=list)
    """Its likely causes, when they were last looked for."""
    over: list[Change] = field(default_factory=list)
    """Groups that no longer moved, and then moved again."""

    def holds(self, change: Change) -> bool:
        """Whether a change is one more sign of this one."""
        return not self.settled or change.since <= self.until

    def begin(self, changes: list[Change], tracks: Tracks, record: Record) -> Iterator[str]:
        """Take the first changes, and say them, with their cause if it is clear."""
        self.changes = without_echo(changes)
        if not self.changes:
            return
        self.since = since(self.changes)
        self.said = [*map(_sign, self.changes)]
        causes = self.likely = self.causes(tracks, record)
        self.settled = clear(causes)
        self.until = int(record.numbered[-1])
        yield of_changes(self.changes, causes if self.settled else [], 0 if self.settled or self._is_plain() else WAIT * BLOCK)

    def go_on(self, changes: list[Change], tracks: Tracks, record: Record) -> Iterator[str]:
        """Take what else changed in the next block. After `WAIT` blocks, say what was not said before; events after a cause at once."""
        self.changes = without_echo([*self.changes, *changes])
        self.blocks += 1
        if self.blocks <= WAIT:
            self.until = int(record.numbered[-1])
        if self.blocks == WAIT:
            yield from self._look_again(tracks, record)
        elif self.settled and (new := [change for change in self._unsaid() if change.p == 0 or self.blocks > WAIT]):
            self.said += map(_sign, new)
            yield of_cause(self.since, [], new)

    def _look_again(self, tracks: Tracks, record: Record) -> Iterator[str]:
        """Say the cause if it was not said before, what was found since, and which groups move again."""
        self.over = [change for change in self.changes if _moves_again(change, record)]
        self.changes = [change for change in self.changes if change not in self.over]
        causes = [] if self.settled else self.causes(tracks, record)
        if not self.settled:
            self.settled, self.likely = True, causes
        new = self._unsaid()
        self.said += map(_sign, new)
        over = [change for change in self.over if _sign(change) in self.said]
        if causes or new or over:
            yield of_cause(self.since, causes, new, over)

    def _unsaid(self) -> list[Change]:
        return [change for change in self.changes if _sign(change) not in self.said]

    def causes(self, tracks: Tracks, record: Record) -> list[Cause]:
        """The likely causes; none if too little came after the change."""
        if (
            self._is_plain()
            or not record.rates_known
            or len(tracks.firsts) - (block := tracks.block_of(since(self.changes))) <= ENOUGH
        ):
            return []
        begun = int(np.searchsorted(record.numbered, tracks.firsts[block]))
        if begun < ENOUGH * BLOCK:  # too few of the steps before are still kept to compare single steps with
            record = replace(record, cosine=None, sketch=None)
        found = effects_on_blocks(tracks.on_blocks(), block) | events_at(record, begun + BLOCK, self.changes)
        return ranked(in_notches(found), signatures(), "change", record.optimizer)

    def _is_plain(self) -> bool:
        return all(change.statistic in PLAIN for change in self.changes)


def _sign(change: Change) -> str:
    """What a message is said of once: a statistic, or each group that no longer moves."""
    return f"frozen {change.group}" if change.statistic == "frozen" else change.statistic


def _moves_again(change: Change, record: Record) -> bool:
    """Whether a group that no longer moved has moved since."""
    norms = record.groups.get(change.group) if change.statistic == "frozen" else None
    return norms is not None and bool((norms[record.numbered > change.seen] > 0).any())
