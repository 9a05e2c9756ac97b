"""From the runs with a growing rate and those with a constant one: how long before the failure each statistic alarms."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.common.measures import first_sustained
from studies.instability.ramp import GROWS_FROM, STRIDE, WATCHED
from studies.instability.scores import LOSS

Floats = npt.NDArray[np.float64]
BASE_FROM, LEVEL_OF_ALARM, IN_A_ROW = 700, 0.95, 3


def alarms(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each run whose rate grew and that failed: its failure, and the lead of each statistic in steps.

    The lead is negative where the alarm came after the failure, and −inf where none came. The threshold of a statistic is the 95th
    percentile, over the runs at a constant rate with the same task and β₂, of the largest departure.
    """
    found = []
    for (task, b2), group in ramps(runs).groupby(["task", "b2"]):
        constant, grown = group[group["arm"] == "constant"], group[(group["arm"] == "ramp") & group["failure"].notna()]
        if constant.empty:
            continue
        limits = {name: _limit(constant, name) for name in WATCHED}
        for _, run in grown.iterrows():
            leads = {name: float(run["failure"]) - alarm(run, name, limits[name]) for name in WATCHED}
            found.append({"task": task, "b2": b2, "seed": run["seed"], "failure": float(run["failure"]), **leads})
    return pd.DataFrame(found, columns=["task", "b2", "seed", "failure", *WATCHED])


def ramps(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with a growing rate, and those at a constant one beside them."""
    found = runs[runs["arm"].isin(["ramp", "constant"])]
    return found if len(found) else found.assign(failure=np.nan)


def alarm(run: pd.Series, name: str, limit: float) -> float:
    """The step at which the third departure in a row above the limit is known; inf if there is none."""
    ends, departures = departure(run, name)
    first = first_sustained(departures > limit, ends, run=IN_A_ROW)
    return math.inf if math.isnan(first) else first + (IN_A_ROW - 1) * STRIDE


def departure(run: pd.Series, name: str) -> tuple[Floats, Floats]:
    """Distance from the median of the windows that end before the rate grows; of the loss only upwards."""
    ends, values = np.asarray(run["ends"], dtype=float), np.asarray(run[name], dtype=float)
    base = np.median(values[(ends >= BASE_FROM) & (ends <= GROWS_FROM)])
    away = values - base if name == LOSS else np.abs(values - base)
    return ends[ends > GROWS_FROM], away[ends > GROWS_FROM]


def _limit(constant: pd.DataFrame, name: str) -> float:
    largest = [np.nanmax(departure(run, name)[1]) for _, run in constant.iterrows()]
    return float(np.quantile(largest, LEVEL_OF_ALARM, method="higher"))
