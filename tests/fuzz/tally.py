"""Runs many cases and counts what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.checking import ERROR, FAULTS, HANG, RIGHT, Verdict
from tests.fuzz.plan import MOST
from tests.fuzz.worker import Worker

SHOWN = 20


@dataclass
class Tally:
    """What came of the cases of each format."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count a case."""
        self.counts.setdefault(verdict.format, Counter())[verdict.kind] += 1
        if verdict.kind in FAULTS:
            self.faults.append(verdict)

    def __str__(self) -> str:
        """The table."""
        kinds = (RIGHT, ERROR, *FAULTS)
        head = f"{'format':<20}{'cases':>10}" + "".join(f"{kind:>14}" for kind in kinds)
        every = sum(self.counts.values(), Counter())
        rows = [*sorted(self.counts.items()), ("all", every)]
        lines = [f"{name:<20}{found.total():>10,}" + "".join(f"{found[kind]:>14,}" for kind in kinds) for name, found in rows]
        return "\n".join([head, *lines])

    def report(self) -> str:
        """The faults, one a line."""
        return "\n".join(
            [*map(str, self.faults[:SHOWN]), *([f"and {len(self.faults) - SHOWN} more"] if len(self.faults) > SHOWN else [])]
        )


def run(name: str, seeds: Iterable[int], folder: Path) -> Tally:
    """Check the cases of a format."""
    tally = Tally()
    with Worker(folder) as worker:
        for seed in seeds:
            tally.add(smallest(worker, worker.check(name, seed)))
    return tally


def smallest(worker: Worker, verdict: Verdict) -> Verdict:
    """The same fault with as few changes as it needs; other verdicts as they are."""
    kept = set(range(MOST))
    if verdict.kind not in FAULTS or verdict.kind == HANG:  # which would take long to see again
        return verdict
    for each in range(MOST):
        fewer = worker.check(verdict.format, verdict.seed, kept - {each})
        if fewer.kind == verdict.kind:
            verdict, kept = fewer, kept - {each}
    return verdict
