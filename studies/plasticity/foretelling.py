"""What a measure tells of the loss ten tasks later, and of the time to learn a correction, beyond what is known without it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from studies.common.statistics import Interval, held_out_gain, partial_spearman
from studies.plasticity.tasks import of_part

KNOWN_OF_TASK = ["loss", "recent", "task"]
PLAIN = ["batch", "noise", "flips", "length", "loss", "accuracy"]
COLUMNS_OF_RUN = ["relearning", "optimizer", "rate", "momentum", "decay", *PLAIN]


class Foretelling(NamedTuple):
    """How a measure and what it should foretell go together."""

    plain: float
    """Rank correlation, nothing held fixed."""
    partial: Interval
    """Rank correlation, given what is known without the measure."""
    gain: Interval
    """In R² on data held out."""
    runs: int


def of_loss(tasks: pd.DataFrame, name: str) -> Foretelling:
    """Foretell the loss ten tasks later, from tasks before failure of networks that are not renewed."""
    rows = before_failure(tasks)
    rows = rows[np.isfinite(rows[name])]
    columns = [name, "later", *KNOWN_OF_TASK]
    ranked = rows.groupby("arm")[columns].rank(pct=True)  # within arms, which differ in hyperparameters only
    return _foretelling(ranked[name], ranked["later"], ranked[KNOWN_OF_TASK], rows["run"])


def before_failure(tasks: pd.DataFrame) -> pd.DataFrame:
    """The tasks from which a loss of plasticity can be foretold."""
    ageing = ~tasks["arm"].astype(str).str.startswith("renewed")
    intact = tasks["failure"].isna() | (tasks["task"] < tasks["failure"])
    return tasks[ageing & intact & (tasks["task"] > 0) & tasks["later"].notna()]


def corrections(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of relearning that count, with the logarithm of the time."""
    rows = of_part(runs, "relearning").reindex(columns=runs.columns.union(COLUMNS_OF_RUN))
    rows = rows[np.isfinite(rows["relearning"].astype(float))]
    return rows.assign(log_time=np.log(rows["relearning"].astype(float)))


def of_correction(rows: pd.DataFrame, name: str) -> Foretelling:
    """Foretell the time to learn a correction."""
    rows = rows[np.isfinite(rows[name].astype(float))]
    return _foretelling(rows[name].astype(float), rows["log_time"], known_of_run(rows), pd.Series(np.arange(len(rows))))


def known_of_run(rows: pd.DataFrame) -> pd.DataFrame:
    """Hyperparameters, loss and accuracy; rate, momentum and decay once more for AdamW alone."""
    adam = (rows["optimizer"] == "adamw").astype(float)
    momentum = rows["momentum"].astype(float)
    effective = rows["rate"].astype(float) / np.where(adam > 0, 1, 1 - momentum)
    known = pd.DataFrame(
        {"adam": adam, "rate": np.log(effective), "momentum": momentum, "decay": np.log(rows["decay"].astype(float))}
    )
    known = known.assign(**{f"{name} of AdamW": known[name] * adam for name in ("rate", "momentum", "decay")})
    return known.assign(**{name: rows[name].astype(float) for name in PLAIN})


def _foretelling(measure: pd.Series, target: pd.Series, known: pd.DataFrame, runs: pd.Series) -> Foretelling:
    count = int(runs.nunique())
    if count < 3:
        return Foretelling(np.nan, (np.nan,) * 3, (np.nan,) * 3, count)
    plain = float(spearmanr(measure, target).statistic)
    partial = partial_spearman(measure, target, known, groups=runs)
    return Foretelling(plain, partial, held_out_gain(measure, known, target, groups=runs), count)
