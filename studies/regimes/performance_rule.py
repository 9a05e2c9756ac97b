"""The rule on α and how well a run does."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, held_out_gain, partial_spearman
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import CELL, seeds
from studies.regimes.shares import NOTHING
from studies.regimes.words import not_in, spread

VARIED = ("main", "small batch", "cosine", "rate / 10", "rate × 5")


def performance(runs: pd.DataFrame) -> Outcome:
    """Whether runs with α nearer to 1 do better than others of the same arm."""
    varied = runs[runs["arm"].isin(VARIED)]
    varied = varied[np.isfinite(varied[["mean_alpha", "loss"]].astype(float)).all(axis=1)] if len(varied) else varied
    rho, gain = _relation(varied)
    verdict = UNDECIDED
    if len(varied) >= 60:
        verdict = REPLICATES if rho[1] > 0 and gain[1] > 0 else NOT if rho[2] < 0.3 or gain[2] <= 0.02 else UNDECIDED
    few = f"{len(varied)} runs are too few for a relation of α with the loss within arms."
    line, effect = few if len(varied) else "", "no relation to judge"
    if math.isfinite(rho[0]):
        line = (
            f"Within arms, the distance of α from 1 and the validation loss have a rank correlation of {spread(rho)}, positive if runs "
            f"nearer to 1 do better; the distance adds {spread(gain, 3)} to R² on runs held out, {len(varied)} runs."
        )
        effect = f"ρ = {spread(rho)}, gain in R² {spread(gain, 3)}, {len(varied)} runs"
    absent = not_in(arm for arm in VARIED if arm not in set(varied["arm"]))
    null = "network, optimizer, batch, schedule and rate alone"
    return Outcome("performance", verdict, f"{line} {absent}".strip(), effect, null, seeds(varied))


def _relation(varied: pd.DataFrame) -> tuple[Interval, Interval]:
    """The partial correlation of |α − 1| with the loss, given the cell, and what it adds on runs held out."""
    names = varied[["arm", *CELL]].agg(" ".join, axis=1) if len(varied) else pd.Series(dtype=str)
    if len(varied) < 2 * max(5, names.nunique()):  # else the arms alone fit every run
        return NOTHING, NOTHING
    away, loss = (varied["mean_alpha"] - 1).abs(), varied["loss"]
    arms = pd.get_dummies(names, drop_first=True).to_numpy(float)
    return partial_spearman(away, loss, arms), held_out_gain(away.to_numpy(), arms, loss)
