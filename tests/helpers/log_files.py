"""Logs as the libraries that they are of write them; what leaves threads behind is written in a process of its own."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
import shutil
import zipfile
from pathlib import Path

import numpy as np

from tests.conftest import require
from tests.helpers.processes import printed, start
from tests.helpers.text_logs import printed as printed_by

STEPS = np.arange(1, 301)
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))
RATES = np.linspace(1e-3, 1e-4, 300)
LOSSES = NORMS[::-1].copy()
COLUMNS = {"step": STEPS, "update_norm": NORMS, "lr": RATES, "loss": LOSSES}


def frame(columns=COLUMNS):
    return require("pandas").DataFrame(columns)


def write_csv(path, columns=COLUMNS):
    frame(columns).to_csv(path, index=False)


def write_tsv(path, columns=COLUMNS):
    require("polars").DataFrame(columns).write_csv(path, separator="\t")


def write_jsonl(path, columns=COLUMNS):
    with path.open("w") as file:
        for row in zip(*(values.tolist() for values in columns.values()), strict=True):
            file.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")


def write_ndjson(path, columns=COLUMNS):
    require("polars").DataFrame(columns).write_ndjson(path)


def write_parquet(path, columns=COLUMNS):
    frame(columns).to_parquet(path)


def write_arrow(path, columns=COLUMNS):
    frame(columns).to_feather(path)


def write_npz(path, columns=COLUMNS):
    np.savez(path, **columns)


def write_npy(path, columns=COLUMNS):
    np.save(path, columns["update_norm"])


def write_trainer_state(path, columns=COLUMNS):
    require("torch")
    state = require("transformers").TrainerState()
    names = {"update_norm": "wcdfa/update_norm", "lr": "learning_rate"}
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    state.log_history = [dict(zip([names.get(name, name) for name in columns], row, strict=True)) for row in rows]
    state.log_history.insert(100, {"eval_loss": 0.5, "step": 100})
    state.save_to_json(str(path))


def write_history(path, columns=COLUMNS):
    path.write_text(json.dumps({"history": {name: values.tolist() for name, values in columns.items()}}))


def write_text(path, columns=COLUMNS):
    path.write_text(printed_by("logging", *(values.tolist() for values in columns.values())))


def write_packed(path, columns=COLUMNS):
    """A csv, compressed as the ending says, with a checksum as the programs of these names write it."""
    write_csv(plain := path.with_suffix(""), columns)
    data = plain.read_bytes()
    plain.unlink()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(plain.name, data)
    elif path.suffix == ".zst":
        path.write_bytes(require("zstandard").ZstdCompressor(write_checksum=True).compress(data))
    else:
        path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[path.suffix].compress(data))


def write_lightning(folder, columns=COLUMNS):
    """``metrics.csv`` of Lightning's CSVLogger, in which learning rates are in rows of their own."""
    require("torch")
    require("lightning")
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(folder, name="", version="")
    for step, norm, rate, loss in zip(*(values.tolist() for values in columns.values()), strict=True):
        logger.log_metrics({"lr-AdamW": rate}, step=step)
        logger.log_metrics({"wcdfa/update_norm": norm, "train_loss": loss, "epoch": 0}, step=step)
    logger.save()
    return folder / "metrics.csv"


def write_events(folder, columns=COLUMNS, **options):
    """Event files of torch's SummaryWriter: float32, but for the norms, which are asked to be float64."""
    require("tensorboard")
    require("torch")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, **options) as writer:
        for step, norm, *rest in zip(*(values.tolist() for values in columns.values()), strict=True):
            writer.add_scalar("train/update_norm", norm, step, new_style=True, double_precision=True)
            for name, value in zip(list(columns)[2:], rest, strict=True):
                writer.add_scalar(f"train/{name}", value, step)
        writer.add_text("notes", "text", 1)
        writer.add_histogram("weights", NORMS, 1)
    return folder


def write_tf_events(folder, columns=COLUMNS):
    """Event files of ``tf.summary``: float32 throughout."""
    tf = require("tensorflow")
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, *row in zip(*(values.tolist() for values in columns.values()), strict=True):
            for name, value in zip(list(columns)[1:], row, strict=True):
                tf.summary.scalar(name, value, step=step)
    writer.close()
    return folder


def write_tracker(tracker, folder, *runs):
    """The store or file that a tracker writes in a process of its own: of each run a name, and its rows as lists by name."""
    require(tracker)
    folder.mkdir(parents=True, exist_ok=True)
    asked = folder / "asked.json"
    asked.write_text(json.dumps([{"name": name, **options} for name, options in runs]))
    kept = {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1", "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    found = printed(
        start(
            "tracker_logs.py",
            tracker,
            folder,
            asked,
            **kept,
            **{f"WANDB_{n}_DIR": str(folder) for n in ("CONFIG", "CACHE", "DATA")},
        )
    )
    asked.unlink()
    return Path(found)


def rows_of(columns):
    """The columns as lists, for `write_tracker`."""
    return {"rows": {name: np.asarray(values).tolist() for name, values in columns.items()}}


def columns_of(path, write, name):
    """Write the columns into a file in a folder."""
    path.mkdir()
    try:
        write(path / name)
    except BaseException:  # a skip is not an Exception; the next test must find nothing here
        shutil.rmtree(path)
        raise
    return path / name


ODD = {
    "step": [1, 2, 3, 4, 5, 4, 5],
    "update_norm": [0.5, math.nan, math.inf, -math.inf, 9.0, 1e-300, 2.0],
}  # as trackers are given it
SECOND = {"step": STEPS, "update_norm": LOSSES}
HOSTILE = "\x1b[31m<script>\n[red]x[/red] \u202etxt 🔥"  # the name of a run
RUNS = [
    ("a run", rows_of(COLUMNS)),
    ("a run", rows_of(SECOND)),
    ("gone", {**rows_of(COLUMNS), "deleted": True}),
    ("odd", rows_of(ODD)),
    (HOSTILE, rows_of(SECOND)),
]
WRITERS = {
    "csv": lambda path: columns_of(path, write_csv, "log.csv"),
    "tsv": lambda path: columns_of(path, write_tsv, "log.tsv"),
    "jsonl": lambda path: columns_of(path, write_jsonl, "log.jsonl"),
    "ndjson": lambda path: columns_of(path, write_ndjson, "log.ndjson"),
    "parquet": lambda path: columns_of(path, write_parquet, "log.parquet"),
    "feather": lambda path: columns_of(path, write_arrow, "log.feather"),
    "npz": lambda path: columns_of(path, write_npz, "log.npz"),
    "npy": lambda path: columns_of(path, write_npy, "update_norm.npy"),
    "json": lambda path: columns_of(path, write_trainer_state, "trainer_state.json"),
    "history": lambda path: columns_of(path, write_history, "history.json"),
    "text": lambda path: columns_of(path, write_text, "log.txt"),
    **{
        kind: lambda path, kind=kind: columns_of(path, write_packed, f"log.csv.{kind}")
        for kind in ("gz", "bz2", "xz", "zst", "zip")
    },
    "lightning": write_lightning,
    "events": write_events,
    "tf events": write_tf_events,
    "wandb": lambda path: write_tracker("wandb", path, (HOSTILE, rows_of(COLUMNS))),
    "mlflow": lambda path: write_tracker("mlflow", path, *RUNS),
    "trackio": lambda path: write_tracker("trackio", path, *RUNS),
}
ENDINGS = {
    "parquet": {".parquet", ".pq"},
    "feather": {".feather", ".arrow", ".ipc"},
    "history": {".json"},
    "text": {".txt", ".log", ".out"},
    "mlflow": {".db", ".sqlite", ".sqlite3"},
    "trackio": {".db"},
    "lightning": {".csv"},
    "events": set(),
    "tf events": set(),
}
