"""Logs that are wide, and folders of many logs: how long they take.

    python benchmarks/reading_speed.py [--logs 10000] [--repeat 3]

Wide csv files are read by `wcdfa.readers.read_series` and by pandas, in turn and in one process, once all is imported: best times. For the
folder, the time is from the start of ``wcdfa analyze FOLDER`` in a process of its own, with all its imports, to the first row that it
prints. A SHORT row misses its bar.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np

PROGRAM = [sys.executable, "-c", "from wcdfa.cli.app import main; main()"]
COLUMNS, ROWS = "1,000 columns × 5,000 rows", "10,000 columns × 60 rows"


def wide(path: Path, columns: int, rows: int) -> Path:
    """A csv file of steps, norms and other columns."""
    rng = np.random.default_rng(0)
    names = ["step", "update_norm", *(f"c{i}" for i in range(columns - 2))]
    values = np.exp(0.1 * rng.standard_normal((rows, columns)))
    values[:, 0] = np.arange(rows)
    np.savetxt(path, values, "%.6g", ",", header=",".join(names), comments="")
    return path


def best(read: Callable[[], object], repeat: int) -> float:
    """Seconds of the fastest call."""
    taken = []
    for _ in range(repeat):
        begun = time.perf_counter()
        read()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def both(path: Path, repeat: int) -> tuple[float, float]:
    """Seconds of wcdfa and of pandas, which read in turn."""
    import pandas

    from wcdfa.readers import read_series

    found = [(best(lambda: read_series(path), 1), best(lambda: pandas.read_csv(path), 1)) for _ in range(repeat + 1)]
    ours, theirs = zip(*found[1:], strict=True)  # the first time imports
    return min(ours), min(theirs)


def folder_of(path: Path, logs: int) -> Path:
    """Short runs in folders of their own, as a sweep leaves them."""
    rng = np.random.default_rng(0)
    for i in range(logs):
        place = path / f"seed={i}"
        place.mkdir(parents=True)
        norms = np.exp(0.1 * rng.standard_normal(60))
        (place / "metrics.csv").write_text(
            "step,update_norm\n" + "".join(f"{step},{norm:.6g}\n" for step, norm in enumerate(norms))
        )
    return path


def first_row(path: Path, *options: str) -> float:
    """Seconds from the start of the command to the first row that it prints; then it is ended, with its processes."""
    begun = time.perf_counter()
    command = [*PROGRAM, "analyze", str(path), *options]
    wide = {**os.environ, "COLUMNS": "200"}  # so that no path is broken over two lines
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env=wide) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if b"seed=" in line), b"")
        seconds = time.perf_counter() - begun
        os.killpg(process.pid, signal.SIGTERM)
        process.stdout.read()
    if not line:
        msg = "the command printed no row"
        raise RuntimeError(msg)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        ours, theirs = both(wide(Path(made, "tall.csv"), 1_000, 5_000), options.repeat)
        harness.value(f"csv, {COLUMNS}: {ours:.2f} s, pandas {theirs:.2f} s, ratio", ours / theirs, "1.5", ours <= 1.5 * theirs)
        ours, theirs = both(wide(Path(made, "wide.csv"), 10_000, 60), options.repeat)
        harness.value(f"csv, {ROWS}, in seconds (pandas {theirs:.2f})", ours, "2", ours <= 2)
        place = folder_of(Path(made, "runs"), options.logs)
        for asked in ((), ("--json",)):
            seconds = min(first_row(place, *asked) for _ in range(options.repeat))
            what = " ".join([f"{options.logs:,} logs in a folder: analyze FOLDER", *asked])
            harness.value(f"{what}, first row after seconds", seconds, "3", seconds <= 3)


if __name__ == "__main__":
    main()
