"""What a call of each sink costs, beside what the tracker's own call costs with the same numbers: ratios from one process.

    python benchmarks/overhead_sinks.py [jsonl] [parquet] [tensorboard] [tf.summary] [mlflow] [trackio] [wandb] [--quick]

Both are called in turn, a block of calls at a time, in random order; what is printed are medians over the blocks, by the clock, in
microseconds a call, with all that is written in these calls. What the tracker does in a thread or process of its own is in it as far
as it takes time from these. All trackers are offline, in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.update(
    HF_HUB_OFFLINE="1", WANDB_MODE="offline", WANDB_SILENT="true", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0"
)

import harness
import numpy as np

warnings.simplefilter("ignore")

from wcdfa.sinks.keys import METRICS

NUMBERS = dict(zip(METRICS, np.random.default_rng(0).standard_normal(len(METRICS)).tolist(), strict=True))
Call = Callable[[int], Any]


@contextlib.contextmanager
def jsonl(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against a line of json.dumps, flushed."""
    from wcdfa.sinks.jsonl import JSONLinesSink

    with JSONLinesSink(folder / "a.jsonl") as sink, (folder / "b.jsonl").open("a") as file:

        def own(step: int) -> None:
            file.write(json.dumps(NUMBERS | {"wcdfa/step": step}) + "\n")
            file.flush()

        yield lambda step: sink(step, NUMBERS), own


@contextlib.contextmanager
def parquet(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against rows of a list, written by pyarrow every 10,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from wcdfa.sinks.parquet import ParquetSink

    rows: list[dict[str, float]] = []

    def own(step: int) -> None:
        rows.append(NUMBERS | {"wcdfa/step": step})
        if len(rows) == 10_000:
            pq.write_table(pa.Table.from_pylist(rows), folder / f"{step}.parquet")
            rows.clear()

    with ParquetSink(folder / "run") as sink:
        yield lambda step: sink(step, NUMBERS), own


@contextlib.contextmanager
def tensorboard(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against add_scalar of torch's writer."""
    from torch.utils.tensorboard import SummaryWriter

    from wcdfa.sinks.tensorboard import TensorBoardSink

    with SummaryWriter(folder / "a") as first, SummaryWriter(folder / "b") as second, TensorBoardSink(first) as sink:

        def own(step: int) -> None:
            for key, value in NUMBERS.items():
                second.add_scalar(key, value, step)

        yield lambda step: sink(step, NUMBERS), own


@contextlib.contextmanager
def tf_summary(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against tf.summary.scalar."""
    import tensorflow as tf

    from wcdfa.sinks.tensorboard import TensorBoardSink

    first, second = (tf.summary.create_file_writer(str(folder / name)) for name in "ab")

    def own(step: int) -> None:
        with second.as_default(step=step):
            for key, value in NUMBERS.items():
                tf.summary.scalar(key, value)

    with TensorBoardSink(first) as sink:
        yield lambda step: sink(step, NUMBERS), own


@contextlib.contextmanager
def mlflow(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against log_metrics."""
    import logging

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    import mlflow

    from wcdfa.sinks.mlflow import MLflowSink

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    with mlflow.start_run() as first, MLflowSink(first.info.run_id) as sink, mlflow.start_run(nested=True):
        yield lambda step: sink(step, NUMBERS), lambda step: mlflow.log_metrics(NUMBERS, step=step)


@contextlib.contextmanager
def mlflow_asynchronous(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against log_metrics that does not wait, and the end of its writing."""
    with mlflow(folder) as (sink, _):
        import mlflow as library

        waiting: list[Any] = []

        def own(step: int) -> None:
            waiting.append(library.log_metrics(NUMBERS, step=step, synchronous=False))
            if step % BLOCKS["mlflow, asynchronous"] == 0:
                for each in waiting:
                    each.wait()
                waiting.clear()

        yield sink, own


@contextlib.contextmanager
def trackio(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against trackio.log."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    from wcdfa.sinks.trackio import TrackioSink

    with contextlib.redirect_stdout(None):
        trackio.init(project="wcdfa", embed=False, auto_log_cpu=False, auto_log_gpu=False)  # another would end this one
        sink = TrackioSink()
        yield lambda step: sink(step, NUMBERS), lambda step: trackio.log(NUMBERS, step=step)
        trackio.finish()


@contextlib.contextmanager
def wandb(folder: Path) -> Iterator[tuple[Call, Call]]:
    """Against wandb.log, which sends a row; the sink leaves rows for the caller to send."""
    import wandb

    from wcdfa.sinks.wandb import WandbSink

    settings = wandb.Settings(silent=True, console="off", reinit="create_new")
    with (
        wandb.init(project="a", dir=folder, settings=settings) as first,
        wandb.init(project="b", dir=folder, settings=settings) as second,
    ):
        sink = WandbSink(first)
        yield lambda step: sink(step, NUMBERS), lambda step: second.log(NUMBERS)


PARTS = {
    "jsonl": jsonl,
    "parquet": parquet,
    "tensorboard": tensorboard,
    "tf.summary": tf_summary,
    "mlflow": mlflow,
    "mlflow, asynchronous": mlflow_asynchronous,
    "trackio": trackio,
    "wandb": wandb,
}
BLOCKS = dict.fromkeys(PARTS, 200) | {"parquet": 10_000, "jsonl": 2000, "mlflow": 111, "mlflow, asynchronous": 111}  # calls in one
BARS = dict.fromkeys(PARTS, 1.5) | {"parquet": 10.0, "mlflow": 0.5, "mlflow, asynchronous": 0.5, "wandb": 2.0}


def measured(part: str, rounds: int) -> tuple[float, float]:
    """Microseconds of a call of the sink and of the tracker's own."""
    rng, block, times = np.random.default_rng(0), BLOCKS[part], ([], [])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, PARTS[part](Path(folder)) as calls:
        for i in range(rounds + 1):
            for which in rng.permutation(2):
                begin = time.perf_counter()
                for step in range(1 + i * block, 1 + (i + 1) * block):
                    calls[which](step)
                times[which].append(1e6 * (time.perf_counter() - begin) / block)
    sink, own = (statistics.median(each[1:]) for each in times)  # the first block opens files
    return sink, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a few blocks, to see that everything runs")
    options = parser.parse_args()
    print(f"a call with {len(NUMBERS)} numbers: µs of the sink, µs of the tracker's own call, and their ratio")
    for part in options.parts or PARTS:
        sink, own = measured(part, 3 if options.quick else 15)
        against = PARTS[part].__doc__.removeprefix("Against ").rstrip(".")
        harness.value(
            f"{part}: {sink:.1f} µs, {own:.1f} µs ({against}); ratio", sink / own, f"{BARS[part]}", sink / own <= BARS[part]
        )


if __name__ == "__main__":
    main()
