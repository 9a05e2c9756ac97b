"""`wcdfa analyze` on many runs: one process, two, and a Dask cluster of two workers; the three tables must be the same.

python benchmarks/many_runs.py [--runs 1000] [--points 10000]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pyarrow import parquet

import wcdfa
from wcdfa.nulls import optimizer_norms

KINDS = {  # what a folder of runs may hold: momentum and Adam on white gradients, and noise with and without long memory
    "adamw": lambda n, seed: optimizer_norms(n, optimizer="adamw", replicates=1, seed=seed)[0],
    "sgd": lambda n, seed: optimizer_norms(n, optimizer="sgd", momentum=0.9, replicates=1, seed=seed)[0],
    "arfima": lambda n, seed: np.exp(0.1 * wcdfa.synthetic.arfima(n, d=0.4, seed=seed)),
    "white": lambda n, seed: np.exp(0.1 * wcdfa.synthetic.white_noise(n, seed=seed)),
}


def write_runs(folder: Path, runs: int, points: int) -> None:
    for run in range(runs):
        kind = list(KINDS)[run % len(KINDS)]
        norms = KINDS[kind](points, run)
        place = folder / kind
        place.mkdir(exist_ok=True)
        rows = "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1))
        (place / f"{run:04}.csv").write_text("step,update_norm\n" + rows)


def analyze(folder: Path, table: Path, *options: str) -> tuple[float, float]:
    """Seconds, and the most memory that one of its processes held, in MB."""
    program = "from wcdfa.cli.app import main; main()"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, "analyze", folder, "--table", table, *options], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = work / "runs"
        folder.mkdir()
        write_runs(folder, given.runs, given.points)
        found = {}
        for label, options in {
            "2 processes": ["--jobs=2"],
            "1 process": ["--jobs=1"],
            "Dask, 2 workers": ["--jobs=2", "--dask=local"],
        }.items():
            table = work / f"{label}.parquet"
            seconds, memory = analyze(folder, table, *options)
            rows = parquet.read_table(table).sort_by([("path", "ascending"), ("window", "ascending")])
            found[label] = seconds, rows
            print(f"{label:16} {seconds:7.1f} s   {rows.num_rows:,} windows   largest process {memory:,.0f} MB", flush=True)
    one, two, dask = (found[label] for label in ("1 process", "2 processes", "Dask, 2 workers"))
    print(
        f"{given.runs:,} runs of {given.points:,}: two processes are {one[0] / two[0]:.2f} times as fast as one, Dask {one[0] / dask[0]:.2f} times"
    )
    print(f"the same table: {one[1].equals(two[1])}, from Dask too: {one[1].equals(dask[1])}")


if __name__ == "__main__":
    main()
