"""MLflow and trackio."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, counted, gradients, losses, norms, usual

NAMES = {"update_norm": norms(), "loss": losses()}


def mlflow_client(folder: Path, store: str = "sqlite"):
    """A client whose store lies in the folder."""
    import logging

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    return MlflowClient(f"sqlite:///{folder}/mlflow.db" if store == "sqlite" else f"file://{folder}/mlruns")


def mlflow_run(client, columns: dict[str, np.ndarray], steps: np.ndarray | None = None, name: str = "run", **options) -> str:
    """Log a run, and return its id."""
    from mlflow.entities import Metric

    run = client.create_run("0", run_name=name, start_time=1_700_000_000_000, **options).info.run_id
    size = len(next(iter(columns.values())))
    steps = counted(size) if steps is None else steps
    batch = [
        Metric(key, float(values[i]), 1_700_000_000_000 + 10 * i, int(steps[i]))
        for i in range(size)
        for key, values in columns.items()
    ]
    for start in range(0, len(batch), 1000):
        client.log_batch(run, batch[start : start + 1000])
    return run


def by_mlflow(client, run: str, key: str = "update_norm", quantity: str = "update norm", thinned: int = 1) -> Series:
    """What MLflow's client reads."""
    found = sorted((each.step, each.value) for each in client.get_metric_history(run, key))
    steps, values = zip(*found, strict=True)
    return Series(np.array(values), np.array(steps), quantity, thinned)


@case("MLflow", "SQLite", "mlflow", "sqlalchemy")
def sqlite(folder: Path) -> Log:
    client = mlflow_client(folder)
    return Log(folder / "mlflow.db", [by_mlflow(client, mlflow_run(client, NAMES))])


@case("MLflow", "SQLite, two runs", "mlflow", "sqlalchemy")
def sqlite_two(folder: Path) -> Log:
    client = mlflow_client(folder)
    runs = [mlflow_run(client, {"update_norm": norms(seed)}, name=f"seed{seed}") for seed in (0, 1)]
    return Log(folder / "mlflow.db", [by_mlflow(client, run) for run in runs])


@case("MLflow", "SQLite, every 10th step", "mlflow", "sqlalchemy")
def sqlite_tenth(folder: Path) -> Log:
    client = mlflow_client(folder)
    return Log(folder / "mlflow.db", [by_mlflow(client, mlflow_run(client, NAMES, counted(every=10)), thinned=10)])


@case("MLflow", "SQLite, log_metric without a step", "mlflow", "sqlalchemy")
def sqlite_no_step(folder: Path) -> Log:
    client = mlflow_client(folder)
    run = mlflow_run(client, {"update_norm": norms()}, np.zeros(600, int))
    return Log(folder / "mlflow.db", [by_mlflow(client, run)._replace(values=norms(), steps=None)], "step")


@case("MLflow", "SQLite, a gradient norm only", "mlflow", "sqlalchemy")
def sqlite_gradient(folder: Path) -> Log:
    client = mlflow_client(folder)
    run = mlflow_run(client, {"loss": losses(), "grad_norm": gradients()})
    return Log(folder / "mlflow.db", [by_mlflow(client, run, "grad_norm", GRADIENT)], "gradient norm")


@case("MLflow", "SQLite, a loss only", "mlflow", "sqlalchemy")
def sqlite_loss(folder: Path) -> Log:
    mlflow_run(mlflow_client(folder), {"loss": losses()})
    return Log(folder / "mlflow.db", says="norm")


@case("MLflow", "SQLite, a parent run without metrics", "mlflow", "sqlalchemy")
def sqlite_nested(folder: Path) -> Log:
    client = mlflow_client(folder)
    parent = client.create_run("0", run_name="sweep").info.run_id
    run = mlflow_run(client, NAMES, name="child", tags={"mlflow.parentRunId": parent})
    return Log(folder / "mlflow.db", [by_mlflow(client, run)])


@case("MLflow", "file store", "mlflow")
def files(folder: Path) -> Log:
    client = mlflow_client(folder, "file")
    return Log(folder / "mlruns", [by_mlflow(client, mlflow_run(client, NAMES))])


@case("MLflow", "file store, three runs, tags and parameters", "mlflow")
def files_three(folder: Path) -> Log:
    client = mlflow_client(folder, "file")
    runs = [mlflow_run(client, {"train/update_norm": norms(seed), "train/loss": losses()}, name=f"s{seed}") for seed in range(3)]
    for run in runs:
        client.log_param(run, "lr", 0.1)
        client.set_tag(run, "note", "x")
    return Log(folder / "mlruns", [by_mlflow(client, run, "train/update_norm") for run in runs])


@case("MLflow", "file store, a loss only", "mlflow")
def files_loss(folder: Path) -> Log:
    mlflow_run(mlflow_client(folder, "file"), {"loss": losses()})
    return Log(folder / "mlruns", says="norm")


@case("MLflow", "file store, a deleted run", "mlflow")
def files_deleted(folder: Path) -> Log:
    client = mlflow_client(folder, "file")
    run = mlflow_run(client, NAMES)
    client.delete_run(mlflow_run(client, {"update_norm": norms(1)}))
    return Log(folder / "mlruns", [by_mlflow(client, run)])


@cache
def trackio_folder(folder: Path) -> Path:
    """Where trackio writes, which it reads from the environment when it is imported."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio.sqlite_storage
    import trackio.utils

    for module in (trackio.sqlite_storage, trackio.utils):
        module.TRACKIO_DIR = folder
    return folder


def trackio_run(
    project: str, columns: dict[str, np.ndarray], name: str = "run", steps: np.ndarray | None = None, **options
) -> None:
    import trackio

    with redirect_stdout(None):
        trackio.init(project=project, name=name, embed=False, auto_log_cpu=False, auto_log_gpu=False, **options)
        for i in range(len(next(iter(columns.values())))):
            trackio.log({key: float(values[i]) for key, values in columns.items()}, step=None if steps is None else int(steps[i]))
        trackio.finish()


def by_trackio(
    project: str, name: str = "run", key: str = "update_norm", quantity: str = "update norm", thinned: int = 1
) -> Series:
    """What trackio reads."""
    from trackio.sqlite_storage import SQLiteStorage

    found = [(row["step"], row[key]) for row in SQLiteStorage.get_logs(project, name) if key in row]
    steps, values = zip(*found, strict=True)
    return Series(np.array(values), np.array(steps), quantity, thinned)


@case("trackio", "log at each step", "trackio")
def trackio_plain(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    trackio_run("plain", NAMES)
    return Log(place / "plain.db", [by_trackio("plain")])


@case("trackio", "step= of log, every 10th", "trackio")
def trackio_steps(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    trackio_run("tenth", NAMES, steps=counted(every=10))
    return Log(place / "tenth.db", [by_trackio("tenth", thinned=10)])


@case("trackio", "two runs of a project", "trackio")
def trackio_two(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    for seed in (0, 1):
        trackio_run("two", {"update_norm": norms(seed)}, f"seed{seed}")
    return Log(place / "two.db", [by_trackio("two", f"seed{seed}") for seed in (0, 1)])


@case("trackio", "resumed", "trackio")
def trackio_resumed(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    trackio_run("resumed", {"update_norm": norms()[:350]})
    trackio_run("resumed", {"update_norm": norms()[350:]}, resume="must")
    return Log(place / "resumed.db", [usual()])


@case("trackio", "a loss only", "trackio")
def trackio_loss(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    trackio_run("loss", {"loss": losses()})
    return Log(place / "loss.db", says="norm")
