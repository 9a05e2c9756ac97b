"""Reads damaged logs for as long as is asked: `python -m tests.fuzz --minutes 30`, or one case: `--format csv --seed 1234`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.checking import FAULTS, Verdict
from tests.fuzz.formats import FORMATS
from tests.fuzz.plan import plan
from tests.fuzz.tally import Tally, smallest
from tests.fuzz.worker import Worker

EVERY = 60.0  # seconds between two lines of progress
COMMANDS = 40  # the command line runs on one case in so many


def main() -> int:
    """Run the cases; returns the exit status: 1 if there is a fault."""
    asked = _parser().parse_args()
    session = Session(asked)
    with tempfile.TemporaryDirectory(prefix="wcdfa-fuzz-") as folder:
        threads = [threading.Thread(target=session.work, args=(Path(folder, str(i)),)) for i in range(asked.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(session.tally)
    return int(bool(session.tally.faults or session.broken))


class Session:
    """The cases that are left, and what came of the others."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked, self.tally, self._lock = asked, Tally(), threading.Lock()
        self._began = self._shown = time.monotonic()
        self._left = self._cases()
        self.broken = ""

    def work(self, folder: Path) -> None:
        """Check cases until none is left."""
        folder.mkdir()
        with Worker(folder, COMMANDS if self.asked.minutes else None) as worker:
            try:
                while not self.broken and (case := self._next()) is not None:
                    self._note(smallest(worker, worker.check(*case)))
            except RuntimeError as error:
                self.broken = str(error)
                print(f"the fuzzer is broken: {error}", file=sys.stderr)

    def _cases(self) -> Iterator[tuple[str, int]]:
        names = [self.asked.format] if self.asked.format else [name for name, each in FORMATS.items() if not each.missing()]
        seed = self.asked.seed
        while self._wanted(seed):
            yield from ((name, seed) for name in names)
            seed += 1

    def _wanted(self, seed: int) -> bool:
        if self.asked.minutes:
            return time.monotonic() < self._began + 60 * self.asked.minutes
        return seed < self.asked.seed + self.asked.cases

    def _next(self) -> tuple[str, int] | None:
        with self._lock:
            return None if self.asked.until_fault and self.tally.faults else next(self._left, None)

    def _note(self, verdict: Verdict) -> None:
        with self._lock:
            self.tally.add(verdict)
            if verdict.kind in FAULTS or self.asked.verbose:
                print(verdict, flush=True)
            if verdict.kind in FAULTS and self.asked.keep:
                keep(verdict, self.asked.keep)
            if time.monotonic() > self._shown + EVERY:
                self._shown = time.monotonic()
                count = sum(each.total() for each in self.tally.counts.values())
                print(f"{count:,} cases, {len(self.tally.faults)} faults", file=sys.stderr, flush=True)


def keep(verdict: Verdict, folder: Path) -> None:
    """Write the files of a case, with as few changes as it needs, into a folder of their own."""
    place = folder / f"{verdict.format.replace(' ', '-')}-{verdict.seed}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "verdict.txt").write_text(f"{verdict}\n")
    made = place / "files"
    if not made.exists():
        made.mkdir()
        FORMATS[verdict.format].build(made, plan(verdict.format, verdict.seed, verdict.kept))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="how long; default: until --cases are done")
    parser.add_argument("--cases", type=int, default=1, help="how many cases of each format, without --minutes")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--format", choices=list(FORMATS), help="only this format")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--keep", type=Path, help="a folder for the files of cases with a fault")
    parser.add_argument("--until-fault", action="store_true", help="stop after the first fault")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    return parser


if __name__ == "__main__":
    sys.exit(main())
