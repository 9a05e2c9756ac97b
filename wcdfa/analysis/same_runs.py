"""Recognises one run in several logs, as two loggers write it, so that it counts once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wcdfa.analysis.agreement import agree, contradict
from wcdfa.analysis.fingerprint_index import FingerprintIndex
from wcdfa.analysis.fingerprints import Fingerprint, fingerprint_of
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import shown


class Joined(NamedTuple):
    """What became of a fingerprint: the number of its run, and whether it stands for the run from now on."""

    run: int
    kept: bool


def distinct(found: Iterable[RecordedSeries]) -> list[RecordedSeries]:
    """One series for each run, in the order in which the runs come; a note says in which other logs the run is.

    >>> from pathlib import Path
    >>> import numpy as np
    >>> norms = 1 + np.random.default_rng(0).random(1000)
    >>> logs = [RecordedSeries(Path(name), "", "norms", norms, None, None, None, 0, ()) for name in ("a.csv", "b.csv")]
    >>> [(str(each.path), each.notes) for each in distinct(logs)]
    [('a.csv', ('the same norms are in b.csv: one run',))]
    """
    runs, kept = SameRuns(), dict[int, RecordedSeries]()
    for series in found:
        joined = runs.add(fingerprint_of(series))
        if joined.kept:
            kept[joined.run] = series
    noted = [(series, runs.note(run)) for run, series in kept.items()]
    return [series._replace(notes=(*series.notes, note)) if note else series for series, note in noted]


class SameRuns:
    """Collects fingerprints, and finds for each the run that it belongs to.

    >>> from pathlib import Path
    >>> import numpy as np
    >>> norms = 1 + np.random.default_rng(0).random(1000)
    >>> logs = {"metrics.csv": norms.round(5), "events": np.float64(np.float32(norms)), "other.csv": norms[::-1]}
    >>> runs = SameRuns()
    >>> for path, values in logs.items():
    ...     series = RecordedSeries(Path(path), "", "norms", values, None, None, None, 0, ())
    ...     print(runs.add(fingerprint_of(series))[:2])
    (0, True)
    (0, True)
    (1, True)
    >>> runs.note(0)
    'the same norms are in metrics.csv: one run'

    Two logs hold one run if they have the same id, or the same values at the same steps, to the digits that they give. One log never
    holds a run twice. Each fingerprint is compared with few others, so ten thousand take about as long each as ten.
    """

    def __init__(self) -> None:
        self._all: list[Fingerprint] = []
        self._run_of: list[int] = []
        self._members: list[list[int]] = []
        self._kept: list[int] = []
        self._settled = set[int]()
        self._index = FingerprintIndex()
        self._by_id: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, fingerprint: Fingerprint) -> Joined:
        """Find the run of a fingerprint, or begin a new one."""
        number, run = len(self._all), self._run_for(fingerprint)
        self._all.append(fingerprint)
        if fingerprint.identity:
            self._by_id[fingerprint.identity, _last(fingerprint.column)].append(number)
        if run is None:
            return self._begin(number)
        self._run_of.append(run)
        self._members[run].append(number)
        before = self._all[self._kept[run]]
        if run in self._settled or not fingerprint.better(before):
            return Joined(run, kept=False)
        self._kept[run] = number
        self._index.put(number, fingerprint)
        return Joined(run, kept=True)

    def _begin(self, number: int) -> Joined:
        self._run_of.append(len(self._members))
        self._members.append([number])
        self._kept.append(number)
        self._index.put(number, self._all[number])
        return Joined(self._run_of[-1], kept=True)

    def settle(self, run: int) -> None:
        """Let the log that stands for a run now stand for it in future too, because it was printed."""
        self._settled.add(run)

    def column(self, run: int) -> str:
        """The shortest name that a log of this run gives the series."""
        return min((self._all[each].column for each in self._members[run]), key=lambda name: (len(name), name))

    def note(self, run: int) -> str:
        """The note on a run that is in several logs; empty if it is in one."""
        kept = self._all[self._kept[run]]
        others = [each for each in map(self._all.__getitem__, self._members[run]) if each.source != kept.source]
        if not others:
            return ""
        sources = sorted({each.source for each in others})
        where = " and ".join(": ".join(shown(part) for part in each if part) for each in sources)
        what = "norms are" if all(agree(kept, each) for each in others) else "run is"
        return f"the same {what} in {where}: one run"

    def _run_for(self, fingerprint: Fingerprint) -> int | None:
        """The run that it belongs to; of several the one in which the column has the same name."""
        found = [*self._of_same_id(fingerprint), *self._of_same_values(fingerprint)]
        free = [each for each in found if self._is_free(self._run_of[each], fingerprint)]
        named = [each for each in free if _last(self._all[each].column) == _last(fingerprint.column)]
        return self._run_of[(named or free)[0]] if free else None

    def _is_free(self, run: int, fingerprint: Fingerprint) -> bool:
        """Whether the log has no other series of this run: two columns of a log are two series."""
        return all(self._all[each].source != fingerprint.source for each in self._members[run])

    def _of_same_id(self, fingerprint: Fingerprint) -> Iterator[int]:
        if fingerprint.identity:
            for each in self._by_id[fingerprint.identity, _last(fingerprint.column)]:
                if not contradict(self._all[each], fingerprint):  # an id that a user gave may come back in another project
                    yield each

    def _of_same_values(self, fingerprint: Fingerprint) -> Iterator[int]:
        for number in self._index.like(fingerprint):
            other = self._all[number]
            if _same_quantity(fingerprint, other) and agree(fingerprint, other):
                yield number


def _last(column: str) -> str:
    """The last part of the name of a column: loggers put different prefixes before it."""
    return column.rpartition("/")[2]


def _same_quantity(one: Fingerprint, other: Fingerprint) -> bool:
    return one.quantity == other.quantity or "unknown" in (one.quantity, other.quantity)
