"""Diagnoses a run while it goes on: what changed, what the named optimizer does not give, and the likely cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from wcdfa.monitor.live_checks import checks_of
from wcdfa.monitor.live_episode import Episode
from wcdfa.monitor.live_events import Events
from wcdfa.monitor.live_messages import of_deviations
from wcdfa.monitor.live_record import Recent
from wcdfa.monitor.live_tracks import ALARMS, BASELINE, NEAR, Tracks
from wcdfa.nulls.memory_filter import MemoryFilter
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.causes import Cause, ranked
from wcdfa.verdicts.change_search import BEGUN, undone_for
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.diagnosis import SHORTEST, WINDOW, Diagnosis, compared, not_compared
from wcdfa.verdicts.effects import effects_of_checks
from wcdfa.verdicts.level_watch import BLOCK, LEAST
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.signatures import signatures

WINDOWS = 10_000 / WINDOW
"""In so many windows, the probability of any false deviation is `ALARMS`."""


class LiveDiagnosis:
    """Takes the readings of a run, and returns a message for each change, and for what the named optimizer does not give.

    >>> rng = np.random.default_rng(0)
    >>> norms, cosine = np.exp(0.1 * rng.standard_normal(3000)), 0.9 + 0.02 * rng.standard_normal(3000)
    >>> cosine[2000:] -= 0.1
    >>> message = LiveDiagnosis().update(Reading(norms, 3000, 0, cosine=cosine))[0]
    >>> print(message.partition(" (since step ")[0])
    the run changed from about step 2,001 on: consecutive changes are less alike, from 0.903 to 0.802

    A change is looked for in the mean of every 25 steps of each series (`wcdfa.verdicts.tracks`), against the first 1,000 steps after
    the start of a run. After a change, a series learns what is usual anew. Every 500 steps, the window is compared with the optimizer
    that the reading names. In 10,000 steps in which nothing changes, one run in twenty has any message, for each of the two. What a
    reading lacks is not compared.

    Parameters
    ----------
    baseline : int, optional
        Steps that show what is usual, instead of 1,000. At least 300 are used.
    """

    def __init__(self, baseline: int | None = None) -> None:
        self.baseline = BASELINE if baseline is None else max(LEAST, baseline // BLOCK)
        self.reset()

    def reset(self) -> None:
        """Forget the run."""
        self.recent = Recent()
        self.changes: list[Change] = []
        """All changes so far, in the order in which they were seen."""
        self.deviations: list[Check] = []
        """What the named optimizer does not give, as it was first found."""
        self.causes: list[Cause] = []
        """The likely causes of what was found last."""
        self._deviating: list[str] = []
        self._checks: tuple[Check, ...] = ()
        self._begin()

    def _begin(self) -> None:
        self.tracks, self.events = Tracks(self.baseline), Events(self.baseline)
        self._episode: Episode | None = None
        self._undone: MemoryFilter | None = None
        self._began = False
        self._rated = True

    @property
    def diagnosis(self) -> Diagnosis:
        """Everything that was found so far. The record holds the last 500 steps."""
        record = self.recent.last(WINDOW)
        known = sum(watch.model is not None for watch in self.tracks.watches.values())
        return Diagnosis(
            deviations=tuple(self.deviations),
            checks=self._checks,
            changes=tuple(self.changes),
            causes=tuple(self.causes),
            compared=(*compared(record, list(self._checks)), *self._usual(known)),
            not_compared=(*self._too_early(record, known), *not_compared(record, list(self._checks))),
            alarms=ALARMS,
            record=record,
        )

    @staticmethod
    def _usual(known: int) -> Iterator[str]:
        if known:
            yield f"{known} series, every {BLOCK} steps, with what was usual before"

    def _too_early(self, record: Record, known: int) -> Iterator[str]:
        """What is not compared yet, because more steps are needed."""
        if not known:
            first = self.baseline * BLOCK
            yield f"changes, because {first:,} steps after the first {BEGUN} show what is usual, got {self.recent.count:,} in all"
        if record.filter is not None and SHORTEST <= len(record) < WINDOW:
            yield f"whether the run is {record.optimizer}, because this is looked at every {WINDOW} steps, got {len(record)}"

    @property
    def awaited(self) -> int:
        """How many norms the next block lacks."""
        return BLOCK - self.recent.count % BLOCK

    def update(self, reading: Reading) -> list[str]:
        """Take the steps that are new, and return messages about what they show."""
        if not self.recent.continues(reading):
            self.reset()
        messages: list[str] = []
        with np.errstate(all="ignore"):
            for _ in self.recent.take(reading):
                messages += self._after_block()
        return messages

    def _after_block(self) -> Iterator[str]:
        record = self.recent.last(NEAR)
        if self._rated and not self.recent.rated:  # without rates, levels are other numbers
            self._begin()
            self._rated = False
        if self._has_begun(record):
            yield from self._of_changes(record)
        else:
            self.events.pass_over(record)
        if self.recent.count % WINDOW == 0:
            yield from self._of_checks(self.recent.last(WINDOW))

    def _has_begun(self, record: Record) -> bool:
        """Whether the start of the run is over, and it is known which memory to undo."""
        first = int(record.numbered[-BLOCK] - record.numbered[0]) + (
            int(record.numbered[0]) - 1 if record.taken is None else record.taken
        )
        if self._began or first < BEGUN:
            return self._began
        named = record.filter is not None
        known = record if named else self.recent.last(SHORTEST)
        if not named and record.cosine is not None and first < BEGUN + SHORTEST:
            return False
        self._undone, self._began = undone_for(known, len(known)), True
        return True

    def _of_changes(self, record: Record) -> Iterator[str]:
        found = self.tracks.take(record, self._undone)
        found += self.events.take(record, self.tracks, found)
        self.changes += found
        held, new = list[Change](), list[Change]()
        for change in found:
            (held if self._episode is not None and self._episode.holds(change) else new).append(change)
        if self._episode is not None:
            yield from self._episode.go_on(held, self.tracks, self.recent.last(WINDOW))
            self.changes = [change for change in self.changes if change not in self._episode.over]
        if new:
            self._episode = Episode()
            yield from self._episode.begin(new, self.tracks, self.recent.last(WINDOW))
        if self._episode is not None and self._episode.likely:
            self.causes = self._episode.likely

    def _of_checks(self, record: Record) -> Iterator[str]:
        checks = checks_of(record) if len(record) == WINDOW else []
        self._checks = tuple(checks)
        fine = [check.statistic for check in checks if check.direction == 0]
        self._deviating = [name for name in self._deviating if name not in fine]
        tests = len(checks) * WINDOWS
        sure = [check._replace(p=min(1.0, check.p * tests)) for check in checks if check.p * tests < ALARMS]
        new = [check for check in sure if check.statistic not in self._deviating]
        if not new:
            return
        again = bool(self._deviating)
        self._deviating += [check.statistic for check in new]
        self.deviations += new
        causes: list[Cause] = []
        if record.rates_known and (self._episode is None or not self._episode.changes):  # otherwise a change has shown it before
            causes = ranked(effects_of_checks(checks), signatures(), "named", record.optimizer)
            known = again and self.causes and causes and self.causes[0].name == causes[0].name
            self.causes, causes = causes, [] if known else causes
        yield of_deviations(new, record.optimizer, causes)

    def state(self) -> str:
        """Everything as JSON; unknown numbers are NaN."""
        return json.dumps(
            {
                "recent": self.recent.state(),
                "tracks": self.tracks.state(),
                "baseline": self.baseline,
                "events": vars(self.events),
                "episode": None if self._episode is None else asdict(self._episode),
                "undone": None if self._undone is None else self._undone.weights.tolist(),
                "began": self._began,
                "rated": self._rated,
                "deviating": self._deviating,
                "changes": self.changes,
                "deviations": self.deviations,
                "checks": self._checks,
                "causes": self.causes,
            }
        )

    def load(self, text: str) -> None:
        """Go on from what `state` gave."""
        saved = json.loads(text)
        self.baseline = saved["baseline"]
        self.reset()
        self.recent.load(saved["recent"])
        self.tracks.load(saved["tracks"])
        vars(self.events).update(saved["events"])
        self.events.pending = [Change(*each) for each in self.events.pending]
        if saved["episode"] is not None:
            lists = {"changes": Change, "likely": Cause, "over": Change}
            parts = {name: [kind(*each) for each in saved["episode"][name]] for name, kind in lists.items()}
            self._episode = Episode(**saved["episode"] | parts)
        if saved["undone"] is not None:
            self._undone = MemoryFilter(np.zeros(0), np.array(saved["undone"]), None, exact=False)
        self._began, self._rated, self._deviating = saved["began"], saved["rated"], saved["deviating"]
        self.changes = [Change(*each) for each in saved["changes"]]
        self.deviations = [Check(*each) for each in saved["deviations"]]
        self._checks = tuple(Check(*each) for each in saved["checks"])
        self.causes = [Cause(*each) for each in saved["causes"]]
