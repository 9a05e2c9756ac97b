"""The tables of the page."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, spread_text
from studies.plasticity import foretelling, tasks
from studies.plasticity.alarms import Alarms, alarms_of
from studies.plasticity.foretelling import Foretelling
from studies.plasticity.measures import NAMES
from studies.plasticity.verdicts import AUTHORS, intervals, percent

BANDS = {"sealed": (1.5, math.inf), "ordered": (1.2, 1.5), "critical": (0.8, 1.2), "disordered": (-math.inf, 0.8)}
"""The author's bands of α; ordered reaches up to where sealed begins."""
STATES = {"learned": (-math.inf, tasks.LEARNED), "between": (tasks.LEARNED, tasks.LOST), "lost": (tasks.LOST, math.inf)}


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """All tables, each with its title; those without rows are left out."""
    table = tasks.table(runs)
    rows = foretelling.corrections(runs)
    before = {name: foretelling.of_loss(table, name) for name in NAMES}
    corrected = {name: foretelling.of_correction(rows, name) for name in NAMES}
    found = [
        ("Where α lies while networks learn, and when they no longer do", states(table)),
        ("What foretells the loss ten tasks later, given the loss so far, the task and the arm", predictions(before)),
        ("Alarms", alarms({name: alarms_of(table, name) for name in ("loss", *NAMES)})),
        ("What foretells the time to learn a correction, given hyperparameters, loss and accuracy", predictions(corrected)),
        ("Time to learn a correction by the band of the author's α", bands(rows)),
    ]
    return [(title, each) for title, each in found if len(each)]


def states(table: pd.DataFrame) -> pd.DataFrame:
    """For each arm and state the typical α, and the share of tasks in each band of the author."""
    rows = []
    for arm, of_arm in table.groupby("arm", sort=False):
        for state, (low, high) in STATES.items():
            chosen = of_arm[(of_arm["lost"] >= low) & (of_arm["lost"] < high)]
            if len(chosen):
                rows.append({"arm": arm, "tasks": f"{state}: {len(chosen):,}", **_alphas(chosen)})
    return pd.DataFrame(rows)


def _alphas(chosen: pd.DataFrame) -> dict[str, str]:
    shown = {"author's α": AUTHORS, "order 1": "alpha_1", "order 2": "alpha_2", "vector, 16–125": "vector_long", "dead": "dead"}
    medians = {title: _number(chosen[name].median()) for title, name in shown.items()}
    inside = {name: chosen[AUTHORS].between(*ends, inclusive="left").mean() for name, ends in BANDS.items()}
    return medians | {name: f"{100 * share:.0f} %" for name, share in inside.items()}


def predictions(found: dict[str, Foretelling]) -> pd.DataFrame:
    """For each measure its correlations, and what it adds to a prediction."""
    known = {name: each for name, each in found.items() if math.isfinite(each.partial[0])}
    rows = [
        {
            "measure": NAMES[name],
            "rank correlation": f"{each.plain:+.2f}",
            "partial": spread_text(*each.partial),
            "gain in R², held out": _spread(each.gain, 3),
            "runs": each.runs,
        }
        for name, each in known.items()
    ]
    return pd.DataFrame(rows)


def alarms(found: dict[str, Alarms]) -> pd.DataFrame:
    """For each measure how long before the loss its alarm comes, and how often without need."""
    rows = []
    for name, each in found.items():
        lead, false = intervals(each)
        if math.isfinite(lead[0]) and each.healthy:
            row = {"alarm on": NAMES.get(name, name), "median lead over the loss, tasks": _spread(lead, 1)}
            row |= {"before the loss": f"{(each.leads > 0).sum()} of {len(each.leads)}"}
            row |= {"before the failure": f"{(each.before_failure > 0).sum()} of {len(each.leads)}", "false alarms": percent(false)}
            rows.append(row)
    return pd.DataFrame(rows)


def bands(rows: pd.DataFrame) -> pd.DataFrame:
    """For each band of the author's α the time, and the time relative to that of like hyperparameters."""
    if len(rows) < 15:  # fewer than there are hyperparameters
        return pd.DataFrame()
    known = foretelling.known_of_run(rows).to_numpy()
    known = np.column_stack([np.ones(len(known)), known])
    expected = known @ np.linalg.lstsq(known, rows["log_time"].to_numpy(), rcond=None)[0]
    found = []
    for name, ends in BANDS.items():
        chosen = rows[AUTHORS].between(*ends, inclusive="left").to_numpy()
        if chosen.any():
            row = {"band": name, "runs": int(chosen.sum()), "median steps": f"{rows['relearning'][chosen].median():.0f}"}
            relative = np.median(np.exp(rows["log_time"].to_numpy() - expected)[chosen])
            found.append(row | {"times what hyperparameters, loss and accuracy lead to expect": f"{relative:.2f}"})
    return pd.DataFrame(found)


def _spread(found: Interval, digits: int) -> str:
    return spread_text(*found, digits) if math.isfinite(found[0]) else "unknown"


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "none"
