"""The tasks of continual learning as one table, and when a network fails."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.measures import first_sustained
from studies.plasticity.measures import NAMES, Floats

REFERENCE = slice(1, 4)
"""The tasks that later ones are compared with; task 0 starts from fresh weights."""
CHANCE = math.log(10)
FAILED, LOST, LEARNED = 0.5, 0.9, 0.25


def lost_parts(loss: Floats) -> Floats:
    """How much of what the network could learn it no longer learns: 0 as in the reference, 1 at chance.

    >>> lost_parts(np.array([1.0, 0.0, 0.0, 0.0, CHANCE / 2, CHANCE])).tolist()[3:]
    [0.0, 0.5, 1.0]
    """
    reference = float(loss[REFERENCE].mean())
    return np.asarray((loss - reference) / max(CHANCE - reference, 1e-9))


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a task, with the part that is lost, when its run failed, and the loss ten tasks later."""
    parts = [_of_run(number, row) for number, row in enumerate(of_part(runs, "continual").to_dict("records"))]
    columns = ["run", "arm", "seed", "task", "loss", "lost", "failure", "recent", "later", *NAMES]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns, dtype=float)


def of_part(runs: pd.DataFrame, part: str) -> pd.DataFrame:
    """The runs of one part of the study."""
    return runs[runs["part"] == part]


def _of_run(number: int, row: dict[str, list[float]]) -> pd.DataFrame:
    loss = np.asarray(row["loss"], dtype=float)
    lost, tasks = lost_parts(loss), np.arange(len(loss))
    found = {"run": number, "arm": row["arm"], "seed": row["seed"], "task": tasks, "loss": loss, "lost": lost}
    found |= {"failure": first_sustained(lost >= FAILED, tasks), "later": pd.Series(loss).shift(-10)}
    found |= {"recent": pd.Series(loss).rolling(3, min_periods=1).mean()}
    return pd.DataFrame(found | {name: np.asarray(row[name], dtype=float) for name in NAMES})
