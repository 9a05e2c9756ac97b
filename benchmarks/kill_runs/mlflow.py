"""A run of MLflow in an SQLite database."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np

from wcdfa.sinks.mlflow import MLflowSink

from .checking import NORM, Found, last, left_over, missing, selected, wrong
from .killing import in_a_child, killed, logging_steps

SECONDS = 0.05


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """MLflowSink into SQLite: what was logged `seconds` or more before the last call."""
    step, place = 1, folder / "mlflow.db"
    run = begun(folder, place)
    while True:
        program = logging_steps(lambda: MLflowSink(run, seconds=SECONDS), step, NORM, pause=0.001)
        told = killed(program, after=moment.uniform(0, 0.5))
        sound, rows = selected(place, "SELECT step, value FROM metrics WHERE key = ?", NORM)
        steps, norms = np.array([step for step, _ in rows], int), np.array([norm for _, norm in rows], float)
        yield Found(missing(told, SECONDS, set(steps.tolist())), (not sound) + wrong(steps, norms), left_over(folder))
        step = max(last(told), *steps.tolist(), 0) + 2


def begun(folder: Path, place: Path) -> str:
    """Start a run, in a process of its own so that none inherits a connection to the database."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{place}")

    def begin() -> None:
        with mlflow.start_run() as run:
            (folder / "run").write_text(run.info.run_id)

    in_a_child(begin)
    from sqlalchemy import orm

    orm.configure_mappers()  # which each program would do again
    return (folder / "run").read_text()
