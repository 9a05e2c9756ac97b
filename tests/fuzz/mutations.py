"""Breaks the readers on purpose and looks whether the fuzzer sees it: `python -m tests.fuzz.mutations`, or some: `--only npz`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.breakages import BREAKAGES, Breakage
from tests.fuzz.formats import FORMATS
from tests.fuzz.worker import ROOT

FIRST = 10_000  # the seed of the first case: not those of the tests
CASES = 400


class Trial(NamedTuple):
    """What the fuzzer said of a breakage."""

    breakage: Breakage
    caught: bool
    said: str
    """The first fault, and the format in which it was found."""
    seconds: float

    def __str__(self) -> str:
        mark = "caught" if self.caught else "MISSED"
        return f"{mark:<8}{self.breakage.kind:<22}{self.breakage.what:<68}{self.seconds:5.0f} s  {self.said}"


def tried(breakage: Breakage, cases: int = CASES, first: int = FIRST) -> Trial:
    """Run the fuzzer on a copy of the package with this breakage, until it finds a fault."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wcdfa-broken-") as folder:
        copy = Path(folder)
        for each in ("wcdfa", "tests/fuzz"):
            shutil.copytree(ROOT / each, copy / each, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "tests/__init__.py", copy / "tests")
        breakage.make(copy)
        said = next(
            filter(None, (_fault(copy, name, cases, first) for name in breakage.formats if not FORMATS[name].missing())), ""
        )
    return Trial(breakage, bool(said), said, time.monotonic() - began)


def _fault(copy: Path, name: str, cases: int, first: int) -> str:
    """The first fault that the fuzzer finds in a format; empty if there is none."""
    command = [sys.executable, "-m", "tests.fuzz", "--until-fault", "--format", name, "--cases", str(cases), "--seed", str(first)]
    done = subprocess.run(
        command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or "the fuzzer is broken" in done.stderr or not done.stdout:
        msg = f"the fuzzer could not run on the broken copy:\n{done.stdout}\n{done.stderr}"
        raise RuntimeError(msg)
    return done.stdout.partition("\n")[0] if done.returncode else ""


def main() -> int:
    """Try the breakages and print the table; returns the exit status: 1 if one was missed."""
    asked = _parser().parse_args()
    chosen = [each for each in BREAKAGES if asked.only in f"{each.kind} {each.what} {' '.join(each.formats)}"]
    with ThreadPoolExecutor(asked.jobs) as pool:
        trials = []
        for trial in pool.map(lambda each: tried(each, asked.cases, asked.seed), chosen):
            print(trial, flush=True)
            trials.append(trial)
    caught = sum(trial.caught for trial in trials)
    print(f"{caught} of {len(trials)} breakages are caught within {asked.cases} cases of each format concerned")
    return int(caught < len(trials))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.mutations", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="of each format that a breakage concerns")
    parser.add_argument("--only", default="", help="only breakages with this text in their kind, description or formats")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    parser.add_argument("--seed", type=int, default=FIRST, help="of the first case")
    return parser


if __name__ == "__main__":
    sys.exit(main())
