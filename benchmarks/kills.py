"""Processes that are killed at random moments (kill -9): what was promised and is lost, what is damaged, and what is left over.

    python benchmarks/kills.py [save] [jsonl] [shared] [parquet] [tensorboard] [mlflow] [trackio] [wandb] [table] [watch]
                               [--trials 100] [--seed 0]

Each trial forks a process, lets it work, and kills it a random time after its first report. The process reports each call that returned
through a pipe, so it is known exactly what it was promised. Then the same files are used again. What is promised is what the
documentation of each part says; the line of a part repeats it. Needs a system with fork, and of the trackers those that are installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(
    HF_HUB_OFFLINE="1", WANDB_MODE="offline", WANDB_SILENT="true", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0"
)

import harness  # noqa: F401 - one thread

PARTS = {  # a module of kill_runs, and the packages that it needs
    "save": (),
    "jsonl": (),
    "shared": (),
    "parquet": ("pyarrow",),
    "tensorboard": ("torch", "tensorboard"),
    "mlflow": ("mlflow",),
    "trackio": ("trackio",),
    "wandb": ("wandb",),
    "table": ("cyclopts", "pyarrow"),
    "watch": ("cyclopts",),
}


def main() -> None:
    options = parsed()
    print(
        f"{options.trials} kills each: lost of what was promised, damaged, left over after the next use (bar 0, 0, 0)\n", flush=True
    )
    failed = [part for part in options.parts or PARTS if not shown(part, options.trials, options.seed)]
    sys.exit(bool(failed))


def shown(name: str, trials: int, seed: int) -> bool:
    """Print the line of a part; whether it meets the bar."""
    if absent := [each for each in PARTS[name] if importlib.util.find_spec(each) is None]:
        print(f"{name:12} {absent[0]} is not installed", flush=True)
        return True
    begun = time.monotonic()
    part = importlib.import_module(f"kill_runs.{name}").trials
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = part(Path(folder), random.Random(seed))
        lost, damaged, left = (int(sum(each)) for each in zip(*(next(found) for _ in range(trials)), strict=True))
    print(f"{name:12} {lost:3} lost, {damaged:3} damaged, {left:3} left   {part.__doc__}", flush=True)
    print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return not (lost or damaged or left)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all that are installed")
    parser.add_argument("--trials", type=int, default=100, help="kills of each part; default: 100")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments; default: 0")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{min(unknown)!r} is unknown; there are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    main()
