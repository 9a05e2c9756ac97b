"""Per seed, from the steady runs: the share of spikes that a statistic came before, that share by chance, leads and placement."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, interval_of_mean, interval_of_median
from studies.instability.spikes import AHEAD, START


class Warned(NamedTuple):
    """How a statistic did, over seeds."""

    share: Interval
    """Of spikes that an alarm came before."""
    chance: float
    excess: Interval
    lead: Interval
    """In steps."""
    placement: Interval
    false: float
    """Alarms in 1,000 steps without a spike."""
    spikes: int
    seeds: int
    """With a spike."""


def steady(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs at a constant high rate."""
    found = runs[runs["arm"] == "steady"]
    return found if len(found) else found.assign(spikes=0)


def warned(runs: pd.DataFrame, name: str, ahead: int = AHEAD) -> Warned:
    """How a statistic did in steady runs; `ahead` is 50, or 8 for what comes soon."""
    seeds = per_seed(runs, name, ahead)
    excess = interval_of_mean(seeds["share"] - seeds["chance"])
    false = runs[f"{name}_false"].dropna()  # none where every calm step is near a deviation
    calm = runs.loc[false.index, "calm"]
    return Warned(
        interval_of_mean(seeds["share"]),
        float(seeds["chance"].mean()),
        excess,
        interval_of_median(seeds["lead"]),
        interval_of_mean(seeds["placement"]),
        float(np.average(false, weights=calm)) if calm.any() else np.nan,
        int(seeds["spikes"].sum()),
        len(seeds),
    )


def per_seed(runs: pd.DataFrame, name: str, ahead: int = AHEAD) -> pd.DataFrame:
    """One row for each seed with a spike; each of its runs counts as often as it has spikes."""
    chance = "chance" if ahead == AHEAD else "chance_soon"
    columns = ["spikes", "share", "chance", "lead", "placement"]
    rows = {}
    for seed, group in runs[runs["spikes"] > 0].groupby("seed"):
        leads = np.concatenate([np.asarray(each) for each in group[f"{name}_leads"]])
        placed = np.concatenate([np.asarray(each, dtype=float) for each in group[f"{name}_placement"]])
        hit = (leads > 0) & (leads <= ahead)
        by_chance = float(np.average(group[f"{name}_{chance}"], weights=group["spikes"]))
        rows[seed] = [len(leads), hit.mean(), by_chance, np.median(leads[hit]) if hit.any() else np.nan, placed.mean()]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def spike_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Spikes in 1,000 judged steps, by seed (rows) and β₂ (columns)."""
    judged = runs.assign(steps=(runs["lasted"] - START).clip(lower=1))
    sums = judged.groupby(["seed", "b2"])[["spikes", "steps"]].sum()
    return (1000 * sums["spikes"] / sums["steps"]).unstack("b2")


def with_twin(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that are there with both values of β₂, all else equal."""
    return runs[runs.groupby(["task", "bits", "rate", "seed"])["b2"].transform("nunique") == 2]


def placement_gap(runs: pd.DataFrame, name: str, other: str) -> Interval:
    """By how much the placement of a statistic is above that of another, paired by seed."""
    return interval_of_mean(per_seed(runs, name)["placement"] - per_seed(runs, other)["placement"])
