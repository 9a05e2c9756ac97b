"""Logs 400 norms, goes back to a checkpoint at 250 and logs on to 600, into a sink: ``python round_trip.py sink folder``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from wcdfa import WeightChangeDFA, synthetic

FIRST, SECOND = np.exp(0.1 * synthetic.white_noise(600, batch=(2,), seed=0))
SAVED, STOPPED = 250, 400


@contextmanager
def wandb(folder: Path):
    import wandb

    from wcdfa.sinks.wandb import WandbSink

    with wandb.init(mode="offline", dir=folder):
        yield WandbSink()


@contextmanager
def tensorboard(folder: Path):
    from wcdfa.sinks.tensorboard import TensorBoardSink

    sys.modules["tensorboard.compat.notf"] = ModuleType("notf")  # its switch that keeps TensorFlow out, which takes long to import
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        yield TensorBoardSink(writer)


@contextmanager
def mlflow(folder: Path):
    import mlflow

    from wcdfa.sinks.mlflow import MLflowSink

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    with mlflow.start_run(), MLflowSink() as sink:
        yield sink


@contextmanager
def trackio(folder: Path):
    os.environ.update(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1")
    import trackio

    from wcdfa.sinks.trackio import TrackioSink

    trackio.init(project="round-trip", embed=False)
    yield TrackioSink()
    trackio.finish()


@contextmanager
def jsonl(folder: Path):
    from wcdfa.sinks.jsonl import JSONLinesSink

    with JSONLinesSink(folder / "run.jsonl") as sink:
        yield sink


@contextmanager
def parquet(folder: Path):
    from wcdfa.sinks.parquet import ParquetSink

    with ParquetSink(folder / "run") as sink:
        yield sink


def main(name: str, folder: str) -> None:
    with globals()[name](Path(folder)) as sink:
        monitor = WeightChangeDFA(window=128, method="gls", logger=sink, log_every=1)
        for norm in FIRST[:SAVED]:
            monitor.update(norm)
        saved = monitor.state_dict()
        for norm in FIRST[SAVED:STOPPED]:
            monitor.update(norm)
        restored = WeightChangeDFA(window=128, method="gls", logger=sink, log_every=1)
        restored.load_state_dict(saved)
        for norm in SECOND[SAVED:]:
            restored.update(norm)
    print(json.dumps(np.concatenate([FIRST[:SAVED], SECOND[SAVED:]]).tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
