"""Logs runs with a tracker, as a training loop would, and prints where they are: TRACKER FOLDER ASKED."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def by_wandb(folder, runs):
    import wandb

    begun = set()
    for asked in runs:
        if (identity := asked.get("id")) in begun:
            time.sleep(1.1)  # the folder of each piece is named after the second of its start
        begun.update([identity] if identity else [])
        run = wandb.init(
            project="wcdfa",
            name=asked["name"],
            id=identity,
            resume=None if identity is None else "allow",
            dir=folder,
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        )
        for row in rows(asked):
            step = row.pop("step", None)
            run.log(row | asked.get("every", {}), step=step if identity is not None else None)
        run.finish()
    return next(folder.glob("wandb/offline-run-*/*.wandb")) if len(runs) == 1 else folder / "wandb"


def by_mlflow(folder, runs):
    os.environ["MLFLOW_TRACKING_URI"] = uri = f"sqlite:///{folder}/mlflow.db"
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(uri)
    for number, asked in enumerate(runs):
        run = client.create_run("0", run_name=asked["name"], start_time=1000 + number)
        batch = [
            Metric(name, value, 1000 + place, row.get("step", place))
            for place, row in enumerate(rows(asked))
            for name, value in row.items()
            if name != "step"
        ]
        for start in range(0, len(batch), 900):
            client.log_batch(run.info.run_id, batch[start : start + 900])
        if asked.get("deleted"):
            client.delete_run(run.info.run_id)
    return folder / "mlflow.db"


def by_trackio(folder, runs):
    import trackio

    for asked in runs:
        trackio.init(project="wcdfa", name=asked["name"], embed=False)
        for row in rows(asked):
            step = row.pop("step", None)
            trackio.log(row, step=step)
        trackio.finish()
    return folder / "wcdfa.db"


def rows(asked):
    """A dict a row, without what is null in it."""
    columns = asked["rows"]
    for values in zip(*columns.values(), strict=True):
        yield {name: value for name, value in zip(columns, values, strict=True) if value is not None}


if __name__ == "__main__":
    tracker, folder, asked = sys.argv[1], Path(sys.argv[2]).resolve(), json.loads(Path(sys.argv[3]).read_text())
    where = {"wandb": by_wandb, "mlflow": by_mlflow, "trackio": by_trackio}[tracker](folder, asked)
    print("\n" + json.dumps(str(where)))
