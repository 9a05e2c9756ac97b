"""Which runs there are, and those that are missing: one training up to the fault, then a copy of it for each fault."""

from __future__ import annotations

import copy
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from . import storage
from .faults import HEALTHY, Fault, applying
from .loop import Loop
from .recording import Recorder, record
from .storage import BASELINE, FROM_START, LATER
from .trainings import TRAININGS

STEPS_FROM_START = 1000


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Steps before a fault, after it, and of a run that has it from the start."""

    start: int
    after: int
    from_start: int = STEPS_FROM_START


@dataclass(frozen=True, kw_only=True)
class Item:
    """Runs of one seed that share what comes before the fault."""

    folder: Path
    training: str
    optimizer: str
    seed: int
    moment: str
    faults: tuple[str, ...]
    lengths: Lengths

    def path(self, fault: str) -> Path:
        return storage.path(self.folder, self.training, self.optimizer, self.moment, fault, self.seed)

    @property
    def missing(self) -> list[str]:
        return [name for name in self.faults if not self.path(name).exists()]

    def __str__(self) -> str:
        return f"{self.training}, {self.optimizer}, seed {self.seed}, {self.moment.replace('_', ' ')}"


def lengths_of(training: str) -> Lengths:
    return Lengths(start=TRAININGS[training].start, after=TRAININGS[training].after)


def items(
    folder: Path,
    training: str,
    optimizer: str,
    *,
    seeds: int,
    controls: int,
    only: tuple[str, ...] = (),
    lengths: Lengths | None = None,
) -> Iterator[Item]:
    """Faults from the start, then healthy runs, then faults that set in later."""
    chosen = lengths or lengths_of(training)

    def item(seed: int, moment: str, faults: tuple[str, ...]) -> Item:
        return Item(folder=folder, training=training, optimizer=optimizer, seed=seed, moment=moment, faults=faults, lengths=chosen)

    early = (HEALTHY, *wanted(training, optimizer, only, from_start=True))
    late = wanted(training, optimizer, only)
    yield from (item(seed, FROM_START, early) for seed in range(seeds) if len(early) > 1)
    yield from (item(seed, LATER, (HEALTHY,)) for seed in range(controls) if late)
    yield from (item(seed, LATER, late) for seed in range(seeds) if late)


def wanted(training: str, optimizer: str, only: tuple[str, ...], *, from_start: bool = False) -> tuple[str, ...]:
    """Names of the faults, all or those in `only`."""
    return tuple(name for name in applying(training, optimizer, from_start=from_start) if not only or name in only)


def compute(item: Item) -> int:
    """Run what is missing; the number of runs."""
    torch.set_num_threads(1)
    missing = item.missing
    if missing:
        (_later if item.moment == LATER else _from_start)(item, missing)
    return len(missing)


def _later(item: Item, missing: list[str]) -> None:
    loop = TRAININGS[item.training].begin(item.optimizer, item.seed)
    recorder = Recorder(loop)
    before = record(loop, item.lengths.start, recorder)
    if not item.path(BASELINE).exists():
        storage.write(item.path(BASELINE), before)
    loop.remember()
    for name in missing:
        copied, recorder_of_copy = copy.deepcopy((loop, recorder))
        copied.resume()
        _inject(copied, item, name)
        storage.write(item.path(name), record(copied, item.lengths.after, recorder_of_copy))


def _from_start(item: Item, missing: list[str]) -> None:
    for name in missing:
        loop = TRAININGS[item.training].begin(item.optimizer, item.seed)
        _inject(loop, item, name)
        storage.write(item.path(name), record(loop, item.lengths.from_start, Recorder(loop)))


def _inject(loop: Loop, item: Item, name: str) -> None:
    fault: Fault | None = applying(item.training, item.optimizer).get(name)
    if fault is not None:
        fault.inject(loop)


def compute_all(work: list[Item], processes: int) -> None:
    """Run everything that is missing, and say how far it is."""
    left = [item for item in work if item.missing]
    print(f"{len(left)} of {len(work)} groups of runs have something missing", flush=True)
    begun = time.perf_counter()
    for done, (item, count) in enumerate(_results(left, processes), 1):
        passed = time.perf_counter() - begun
        print(f"[{passed:6.0f} s, {done}/{len(left)}] {item}: {count} runs", flush=True)


def _results(work: list[Item], processes: int) -> Iterator[tuple[Item, int]]:
    if processes == 1:
        yield from ((item, compute(item)) for item in work)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        pending = {pool.submit(compute, item): item for item in work}
        yield from ((pending[each], each.result()) for each in as_completed(pending))
