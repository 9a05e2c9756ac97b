"""What it takes to read the displacement between two checkpoints, against loading both wholly with the library of the format.

    python benchmarks/read_checkpoints.py [safetensors] [torch] [orbax] [--quick]

A model of 202 M parameters in float32, in 25 tensors: 0.8 GB a checkpoint, two of them at a time in a temporary folder. Each way is
measured in a process of its own, with one thread: the least of three times, after one that warms the cache of files, and the peak of
the resident memory above what it was after the imports (VmHWM of Linux, in which mapped files count where they were touched).
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

REPEATS = 3
BARS = {"time": 1.0, "memory": 0.25}  # of loading both
WAYS = {
    "safetensors": ("load_file",),
    "torch": ("torch.load", "torch.load(mmap=True)"),
    "orbax": ("restore",),
}


def tensors(step: int, quick: bool) -> dict[str, Any]:
    rng = np.random.default_rng(step)
    shapes = {"embedding": (50_000, 1024)} | {f"layer{i}": (2048, 3072) for i in range(24)}
    return {key: rng.standard_normal((rows // (20 if quick else 1), n), np.float32) for key, (rows, n) in shapes.items()}


def write(kind: str, folder: Path, quick: bool) -> None:
    for step in (1, 2):
        held = tensors(step, quick)
        if kind == "safetensors":
            from safetensors.numpy import save_file

            save_file(held, folder / f"step_{step}.safetensors")
        elif kind == "torch":
            import torch

            torch.save({key: torch.from_numpy(part) for key, part in held.items()}, folder / f"step_{step}.pt")
        else:
            import orbax.checkpoint

            with orbax.checkpoint.StandardCheckpointer() as checkpointer:
                checkpointer.save(folder / f"step_{step}", held)


def load(way: str, path: Path) -> dict[str, Any]:
    """A checkpoint, wholly, by its own library."""
    if way == "load_file":
        from safetensors.numpy import load_file

        return load_file(path)
    if way == "restore":
        import orbax.checkpoint

        with orbax.checkpoint.StandardCheckpointer() as checkpointer:
            return {key: np.asarray(part) for key, part in checkpointer.restore(path).items()}
    import torch

    return {key: part.numpy() for key, part in torch.load(path, weights_only=True, mmap="mmap" in way).items()}


def displacement(way: str, folder: Path) -> float:
    if way == "wcdfa":
        from wcdfa.readers.checkpoints.displacement import read_checkpoints

        return float(next(read_checkpoints(folder)).columns["displacement"].values[0])
    old, new = (load(way, path) for path in sorted(folder.iterdir()))
    squares = []
    for key, part in new.items():
        difference = np.subtract(part, old[key], dtype=np.float64).ravel()
        squares.append(float(difference @ difference))
    return math.sqrt(math.fsum(squares))


def resident(which: str) -> int:
    return 1024 * int(re.search(rf"{which}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def measure(way: str, folder: Path, small: Path) -> None:
    """Print what one way takes; imports, and what libraries set up once, are done with a small model."""
    displacement(way, small)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts over
    before, times = resident("VmRSS"), []
    for _ in range(REPEATS + 1):
        begun = time.perf_counter()
        value = displacement(way, folder)
        times.append(time.perf_counter() - begun)
    print(json.dumps({"time": min(times[1:]), "memory": resident("VmHWM") - before, "value": value}))


def compare(kind: str, quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        for place, few in ((large, quick), (small, True)):
            place.mkdir()
            write(kind, place, few)
        size = sum(part.nbytes for part in tensors(1, quick).values())
        found = {}
        for way in ("wcdfa", *WAYS[kind]):
            command = [sys.executable, __file__, "--measure", way, str(large), str(small)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            found[way] = json.loads(said.splitlines()[-1])
    ours = found.pop("wcdfa")
    print(f"{kind}: two checkpoints of {size / 1e9:.2f} GB in {ours['time']:.2f} s, {ours['memory'] / 1e6:.0f} MB of memory")
    for way, theirs in found.items():
        shares = {what: ours[what] / theirs[what] for what in BARS}
        met = all(shares[what] <= BARS[what] for what in BARS) and abs(ours["value"] / theirs["value"] - 1) < 1e-12
        print(
            f"  {'ok   ' if met else 'SHORT'} {shares['time']:.2f} of the time and {shares['memory']:.3f} of the memory of both by {way}, "
            f"{theirs['time']:.2f} s and {theirs['memory'] / 1e6:.0f} MB (bars {BARS['time']} and {BARS['memory']}); "
            f"{abs(ours['value'] / theirs['value'] - 1):.0e} apart",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="format", help=f"{', '.join(WAYS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a small model, to see that everything runs: bars may be missed")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, large, small = options.measure
        measure(way, Path(large), Path(small))
        return
    for kind in options.kinds or WAYS:
        compare(kind, options.quick)


if __name__ == "__main__":
    main()
