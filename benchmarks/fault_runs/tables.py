"""The tables: each fault by each statistic, and runs that have a fault from the first step on beside healthy ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from wcdfa.verdicts.signatures import signatures

from . import statistics, storage
from .catalogue import TUNING
from .detection import Changes, Detector, changes, detectors
from .diagnosing import Said, said
from .faults import HEALTHY, applying
from .statistics import Tracks
from .storage import BASELINE, FROM_START, LATER
from .trainings import TRAININGS

Map = Callable[..., Iterable]  # map, or that of a pool of processes
FOUND = 80  # per cent of the seeds at which a fault counts as found
SOON = 500  # steps
LEFT_OUT = 2  # runs of each fault that are judged with their training left out of the catalogue
FEWEST = 3  # healthy runs without which there is no table
THREE, ALL = "these three", "all of wcdfa"
SHORT = {"validation loss": "validation", "gradient norm": "gradient", "update ratio": "ratio", "tensor level": "tensors"}
NO_BASELINE = ("level, 500", "spread", "lag-1", "α", "cosine, 500", "vector α, 4-16", "vector α, 16-125")


@dataclass(frozen=True)
class Found:
    """A fault by one detector: per cent of the runs in which it was found, and the median delay in steps over all runs."""

    share: float
    delay: float

    def __str__(self) -> str:
        return f"{self.share:3.0f} {self.delay:5.0f}" if np.isfinite(self.delay) else f"{self.share:3.0f}     -"


@dataclass(frozen=True)
class Source:
    """The runs of a training with one optimizer."""

    folder: Path
    training: str
    optimizer: str

    def changes(self, fault: str, seed: int) -> Changes:
        before, after = (
            storage.read(storage.path(self.folder, self.training, self.optimizer, LATER, name, seed)) for name in (BASELINE, fault)
        )
        return changes(storage.joined(before, after), TRAININGS[self.training], len(before["steps"]))

    def said(self, fault: str, seed: int) -> Said:
        """What the diagnosis says of a run in which the fault set in later."""
        run = storage.run(self.folder, self.training, self.optimizer, fault, seed)
        return said(run, self.training, self.optimizer, fault, TRAININGS[self.training].start, seed)

    def said_from_start(self, fault: str, seed: int) -> Said:
        """What the diagnosis says of a run that had the fault from its first step on."""
        run = storage.run_from_start(self.folder, self.training, self.optimizer, fault, seed)
        return said(run, self.training, self.optimizer, fault, None, seed)

    def said_elsewhere(self, fault: str, seed: int) -> Said:
        """What it says of a run if the catalogue holds no run of this network."""
        kind = self.training.split(" with")[0]
        others = tuple(each for each in signatures() if each.training.split(" with")[0] != kind)
        run = storage.run(self.folder, self.training, self.optimizer, fault, seed)
        return said(run, self.training, self.optimizer, fault, TRAININGS[self.training].start, seed, others)

    def seeds(self, fault: str, moment: str = LATER) -> list[int]:
        return storage.seeds(self.folder, self.training, self.optimizer, fault, moment)

    def tracks_from_start(self, fault: str, seed: int) -> Tracks:
        return statistics.tracks(storage.run_from_start(self.folder, self.training, self.optimizer, fault, seed))


def detection(source: Source, mapped: Map) -> None:
    """Print which faults each statistic finds."""
    controls = list(mapped(partial(source.changes, HEALTHY), source.seeds(HEALTHY)))
    if len(controls) < FEWEST:
        return
    half = len(controls) // 2
    fitted = detectors(controls[:half])
    names = [name for name in applying(source.training, source.optimizer) if source.seeds(name)]
    print(
        f"{source.training}, {source.optimizer}: limits from {half} healthy runs, false alarms in {len(controls) - half} others; "
        f"per cent of runs in which the fault was found, median delay in steps"
    )
    print(f"  {'':31}" + " ".join(f"{SHORT.get(name, name):>16}" for name in fitted))
    rows = {}
    line("healthy", found_by(fitted, controls[half:]))
    for name in names:
        rows[name] = found_by(fitted, list(mapped(partial(source.changes, name), source.seeds(name))))
        line(name, rows[name])
    summary(rows)


def found_by(fitted: dict[str, Detector], runs: Sequence[Changes]) -> dict[str, Found]:
    delays = {name: np.array([detector.delay(run) for run in runs]) for name, detector in fitted.items()}
    return {name: Found(100 * float(np.isfinite(each).mean()), float(np.median(each))) for name, each in delays.items()}


def line(name: str, row: dict[str, Found]) -> None:
    print(f"  {name:<31}" + " ".join(f"{found!s:>16}" for found in row.values()), flush=True)


def diagnoses(source: Source, mapped: Map) -> None:
    """Print what the diagnosis finds as it is shipped, without any healthy run to compare with, and which cause it names."""
    names = [name for name in applying(source.training, source.optimizer) if source.seeds(name)]
    healthy = list(mapped(partial(source.said, HEALTHY), source.seeds(HEALTHY)))
    if len(healthy) < FEWEST or not names:
        return
    alarms = sum(each.found for each in healthy)
    print(
        f"{source.training}, {source.optimizer}: wcdfa.diagnose with a baseline, as shipped: false alarms in {alarms} of {len(healthy)} "
        f"healthy runs; seed 0 made the catalogue, the others judge the cause"
    )
    print(f"  {'':31}{'found':>8}{'steps':>8}{'runs judged':>13}{'first':>8}{'of three':>10}  named instead")
    rows = {name: list(mapped(partial(source.said, name), source.seeds(name))) for name in names}
    for name, each in rows.items():
        print(f"  {name:<31}{row_of(each)}", flush=True)
    totals(rows)


def elsewhere(sources: Sequence[Source], mapped: Map) -> None:
    """Print how often causes are right in trainings that the catalogue does not hold."""
    runs = []
    for source in sources:
        for name in applying(source.training, source.optimizer):
            runs += [
                each
                for each in mapped(partial(source.said_elsewhere, name), source.seeds(name)[:LEFT_OUT])
                if each.found and each.cause
            ]
    if not runs:
        return
    likely = [each for each in runs if each.clear]
    print(
        f"trainings that the catalogue does not hold, {len(runs)} runs of {', '.join(f'{each.training} {each.optimizer}' for each in sources)}: "
        f"the right cause is the first in {percent([each.place == 1 for each in runs])} %, among the first three in "
        f"{percent([each.place <= 3 for each in runs])} %; where one is called likely, in {len(likely)} runs, it is right in "
        f"{percent([each.place == 1 for each in likely])} %"
    )


def diagnoses_from_start(source: Source, mapped: Map) -> None:
    """Print what the diagnosis finds of runs that have the fault from their first step on, without a baseline."""
    healthy = list(mapped(partial(source.said_from_start, HEALTHY), source.seeds(HEALTHY, FROM_START)))
    if len(healthy) < FEWEST:
        return
    windows = sum(each.windows for each in healthy)
    wrong = sum(each.deviating for each in healthy)
    print(
        f"{source.training}, {source.optimizer}: wcdfa.diagnose without a baseline, fault from the first step on: false alarms in {wrong} "
        f"of {windows} healthy windows"
    )
    print(f"  {'':31}{'windows':>8}{'steps':>8}{'runs judged':>13}{'first':>8}{'of three':>10}  named instead")
    rows = {}
    for name in applying(source.training, source.optimizer, from_start=True):
        rows[name] = list(mapped(partial(source.said_from_start, name), source.seeds(name, FROM_START)))
        if rows[name]:
            print(f"  {name:<31}{row_of(rows[name], of_windows=True)}", flush=True)
    totals(rows)


def row_of(runs: Sequence[Said], *, of_windows: bool = False) -> str:
    """Share found, median delay, and how often the right cause is the first, and among three, of the runs that judge it."""
    share = 100 * (
        sum(each.deviating for each in runs) / sum(each.windows for each in runs)
        if of_windows
        else np.mean([each.found for each in runs])
    )
    delay = float(np.median([each.delay for each in runs]))
    judged = [each for each in runs if each.found and each.seed not in TUNING]
    wrong = sorted({each.cause for each in judged if each.place != 1 and each.cause})
    steps = f"{delay:8.0f}" if np.isfinite(delay) else f"{'-':>8}"
    places = "".join(f"{percent([each.place <= most for each in judged]):>{wide}}" for most, wide in ((1, 8), (3, 10)))
    return f"{share:8.0f}{steps}{len(judged):>13}{places}  {', '.join(wrong)}"


def totals(rows: dict[str, list[Said]]) -> None:
    """How many faults were found in enough runs, and the causes over all runs that judge them."""
    found = sum(np.mean([each.found for each in runs]) >= FOUND / 100 for runs in rows.values() if runs)
    judged = [each for runs in rows.values() for each in runs if each.found and each.seed not in TUNING]
    print(
        f"  found in {FOUND} % of the runs: {found} of {sum(bool(runs) for runs in rows.values())} faults; the right cause is the first in "
        f"{percent([each.place == 1 for each in judged])} %, among the first three in {percent([each.place <= 3 for each in judged])} % "
        f"of {len(judged)} runs\n"
    )


def percent(values: Sequence[bool]) -> str:
    return f"{100 * np.mean(values):.0f}" if values else "-"


def summary(rows: dict[str, dict[str, Found]]) -> None:
    """How many faults each finds, and which ones only the weight change shows soon."""
    if not rows:
        return
    counts = {name: sum(row[name].share >= FOUND for row in rows.values()) for name in next(iter(rows.values()))}
    print(f"  {f'found in {FOUND} %, of {len(rows)} faults':<31}" + " ".join(f"{count:>16}" for count in counts.values()))
    gained = [name for name, row in rows.items() if row[ALL].share >= FOUND > row[THREE].share and row[ALL].delay <= SOON]
    print(
        f"  found by {ALL} within {SOON} steps and not by loss, validation loss and gradient norm: {len(gained)}: {', '.join(gained)}\n"
    )


def from_start(source: Source, mapped: Map) -> None:
    """Print in which runs a statistic is outside the range of the healthy runs, if the fault is there from the first step on."""
    healthy = list(mapped(partial(source.tracks_from_start, HEALTHY), source.seeds(HEALTHY, FROM_START)))
    if len(healthy) < FEWEST:
        return
    print(
        f"{source.training}, {source.optimizer}, fault from the first step on: median, and per cent of runs outside {len(healthy)} healthy ones"
    )
    for when, window in (("first 500 steps", 0), ("last 500 steps", -1)):
        print(f"  {when:31}" + " ".join(f"{name:>16}" for name in NO_BASELINE))
        for name in (HEALTHY, *applying(source.training, source.optimizer, from_start=True)):
            runs = (
                healthy
                if name == HEALTHY
                else list(mapped(partial(source.tracks_from_start, name), source.seeds(name, FROM_START)))
            )
            if runs:
                print(f"  {name:<31}" + " ".join(f"{outside(each, window, runs, healthy):>16}" for each in NO_BASELINE), flush=True)
    print()


def outside(name: str, window: int, runs: Sequence[Tracks], healthy: Sequence[Tracks]) -> str:
    """The median of a statistic, and per cent of the runs that are below or above all healthy ones."""
    values, normal = (np.array([tracks[name][window] for tracks in each]) for each in (runs, healthy))
    share = 100 * np.mean((values < normal.min()) | (values > normal.max()))
    return f"{np.median(values):.3f} {share:3.0f}"
