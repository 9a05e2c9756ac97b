"""Reads damaged logs for as long as is asked: `python -m tests.fuzz --minutes 30`, or one case: `--format csv --seed 1234`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.formats import FORMATS
from tests.fuzz.tally import Tally, smallest
from tests.fuzz.worker import Worker

EVERY = 30.0  # seconds between two lines of progress


def main() -> int:
    """Run the cases; returns the exit status: 1 if there is a fault."""
    asked = _parser().parse_args()
    names = [asked.format] if asked.format else [name for name, each in FORMATS.items() if not each.missing()]
    tally, end, shown, seed = Tally(), time.monotonic() + 60 * asked.minutes, time.monotonic(), asked.seed
    with tempfile.TemporaryDirectory(prefix="wcdfa-fuzz-") as folder, Worker(Path(folder)) as worker:
        while True:
            for name in names:
                verdict = smallest(worker, worker.check(name, seed))
                tally.add(verdict)
                if verdict in tally.faults or asked.verbose:
                    print(verdict, flush=True)
            seed += 1
            if time.monotonic() > end if asked.minutes else seed == asked.seed + asked.cases:
                break
            if time.monotonic() > shown + EVERY:
                shown = time.monotonic()
                print(f"{seed - asked.seed:,} cases of each format, {len(tally.faults)} faults", file=sys.stderr, flush=True)
    print(tally)
    return int(bool(tally.faults))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="how long; default: until --cases are done")
    parser.add_argument("--cases", type=int, default=1, help="how many cases of each format, without --minutes")
    parser.add_argument("--format", choices=list(FORMATS), help="only this format")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    return parser


if __name__ == "__main__":
    sys.exit(main())
