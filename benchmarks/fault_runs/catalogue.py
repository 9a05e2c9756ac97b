"""Makes the catalogue of signatures from runs with a fault: the mean effect of each on every statistic, and its spread over the seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from wcdfa.verdicts.change_search import undone_for
from wcdfa.verdicts.changes import changes_of
from wcdfa.verdicts.checked_window import Window
from wcdfa.verdicts.checks import CHECKS
from wcdfa.verdicts.effects import NOTCHES, effects, effects_of_checks
from wcdfa.verdicts.record import Record
from wcdfa.verdicts.signatures import Signature
from wcdfa.verdicts.tracks import tracks_of

from . import storage
from .diagnosing import cause_of, run_of
from .faults import HEALTHY, applying
from .trainings import TRAININGS

HEADS = ("cause", "fault", "training", "optimizer", "question")
FROM_START = 500  # steps of a window of a run that has a fault from its start
TUNING = range(1)
"""Seeds whose runs make the catalogue; the others judge it. One is enough: seeds differ by less than trainings do."""

Effects = dict[str, float]


def signatures(folder: Path, pairs: Iterable[tuple[str, str]], seeds: Sequence[int] = TUNING) -> Iterator[Signature]:
    """The signature of each fault in each training with each optimizer, of runs that are there."""
    for training, optimizer in pairs:
        for fault in applying(training, optimizer):
            late = [later(folder, training, optimizer, fault, seed) for seed in there(folder, training, optimizer, fault, seeds)]
            yield from averaged(late, fault, training, optimizer, "change")
        for fault in applying(training, optimizer, from_start=True):
            found = there(folder, training, optimizer, fault, seeds, storage.FROM_START)
            early = [list(from_start(folder, training, optimizer, fault, seed)) for seed in found]
            for windows in zip(*early, strict=True):  # the first window of a run is of another kind than later ones
                yield from averaged(windows, fault, training, optimizer, "named")


def there(folder: Path, training: str, optimizer: str, fault: str, seeds: Sequence[int], moment: str = storage.LATER) -> list[int]:
    """The seeds of these whose runs are there."""
    assert fault != HEALTHY
    return [seed for seed in storage.seeds(folder, training, optimizer, fault, moment) if seed in seeds]


def later(folder: Path, training: str, optimizer: str, fault: str, seed: int) -> Effects:
    """Effects at the step at which the fault set in."""
    run = run_of(storage.run(folder, training, optimizer, fault, seed), training, optimizer, TRAININGS[training].start)
    assert run.baseline is not None
    tracks = tracks_of(run.record, undone_for(run.record, run.baseline))
    return effects(run.record, tracks, run.baseline, changes_of(run.record, tracks, run.baseline))


def from_start(folder: Path, training: str, optimizer: str, fault: str, seed: int) -> Iterator[Effects]:
    """Effects in each window of a run that has the fault from its first step on."""
    record = run_of(storage.run_from_start(folder, training, optimizer, fault, seed), training, optimizer, None).record
    for first in range(0, len(record) - FROM_START + 1, FROM_START):
        yield of_window(record.part(slice(first, first + FROM_START)))


def of_window(record: Record) -> Effects:
    """Distances from the named optimizer; none if it has no name."""
    window = Window(record)
    return {} if record.filter is None else effects_of_checks(each for check in CHECKS for each in check(window))


def averaged(found: Sequence[Effects], fault: str, training: str, optimizer: str, question: str) -> Iterator[Signature]:
    """The signature of some runs; none if there are no runs, or they show no effect."""
    means = {}
    for name in NOTCHES:
        values = [effect[name] for effect in found if name in effect]
        if values and len(values) * 2 > len(found):
            means[name] = (float(np.mean(values)), float(np.std(values)))
    if means:
        yield Signature(cause_of(fault, optimizer), fault, training, optimizer, question, means)


def text(found: Iterable[Signature], command: str) -> str:
    """The catalogue as `wcdfa.verdicts.signatures.parsed` reads it."""
    lines = [f"# made by: {command}", "\t".join((*HEADS, *NOTCHES))]
    for each in found:
        cells = [
            f"{mean:.2f}±{spread:.2f}"
            for mean, spread in (each.effects.get(name, (None, None)) for name in NOTCHES)
            if mean is not None
        ]
        by_name = dict(zip((name for name in NOTCHES if name in each.effects), cells, strict=True))
        lines.append("\t".join((*each[:5], *(by_name.get(name, "") for name in NOTCHES))))
    return "\n".join(lines) + "\n"
