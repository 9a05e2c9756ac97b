"""Four processes resume at once on one JSON-lines file whose last line is torn: how many lines are lost or torn, and without a lock.

    python benchmarks/resumes.py [--trials 300]

Each process appends 20 lines. The torn line has between 30 and a million characters: the longer it is, the longer it takes to find that
it is torn. Without a lock means: the last line is mended when the file is opened, by each process on its own, and
lines are appended by one system call each. Needs a system with fork.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

from wcdfa.sinks.jsonl import JSONLinesSink

PROCESSES, LINES = 4, 20
WHOLE, TORN = '{"wcdfa/step": 1, "wcdfa/update_norm": 0.5}\n', '{"wcdfa/step": 2, "wcdfa/alpha/'


class Unlocked:
    """Mends the file when it is opened, as if no other process did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, step: int, metrics: dict[str, float]) -> None:
        if not hasattr(self, "file"):
            self.file = self.path.open("a+b", buffering=0)
            size = self.file.seek(0, os.SEEK_END)
            self.file.seek(0)
            last = self.file.read(size).rpartition(b"\n")[2]
            if last:
                self.file.truncate(size - len(last))
        self.file.write(json.dumps({"wcdfa/step": step, **metrics}).encode() + b"\n")


def work(make: Callable[[Path], Callable[..., object]], path: Path, number: int, barrier: Barrier) -> None:
    sink = make(path)
    barrier.wait()
    for step in range(LINES):
        sink(step, {"wcdfa/update_norm": float(number)})


def trial(make: Callable[[Path], Callable[..., object]], path: Path, number: int) -> tuple[int, int]:
    """Lines that are lost, and that are torn."""
    path.write_text(WHOLE + TORN + "x" * random.Random(number).choice([0, 1000, 100_000, 1_000_000]))
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(PROCESSES)
    running = [context.Process(target=work, args=(make, path, number, barrier)) for number in range(PROCESSES)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    found, torn = set(), 0
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            torn += 1
        else:
            found.add((row["wcdfa/step"], row["wcdfa/update_norm"]))
    expected = {(step, float(number)) for step in range(LINES) for number in range(PROCESSES)} | {(1, 0.5)}
    return len(expected - found), torn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    trials = parser.parse_args().trials
    print(f"{PROCESSES} processes resume on a file with a torn last line, {trials} times, {LINES} lines each\n")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for label, make in {"JSONLinesSink": JSONLinesSink, "without a lock": Unlocked}.items():
            results = [trial(make, Path(folder, "run.jsonl"), number) for number in range(trials)]
            lost, torn = (sum(part) for part in zip(*results, strict=True))
            harmed = sum(any(each) for each in results)
            print(f"{label:16} {lost:4} lines lost, {torn:3} torn; in {harmed} of {trials} trials", flush=True)
            failed |= make is JSONLinesSink and harmed > 0
    print("\nbar: none lost and none torn with the sink")
    sys.exit(failed)


if __name__ == "__main__":
    main()
