"""The tables of the page, and what was not done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studies.captured.arms import ADVERSARIAL, ARMS, HEALTHY, MEMORISED, SEEDS, SHORTCUT
from studies.captured.exponents import MEASURES, pair_areas
from studies.captured.flags import BESIDE, COUPLING, GAIN, hits
from studies.captured.separation import area
from studies.common.statistics import interval_of_mean, spread_text

Row = dict[str, Any]
WINDOW_FLAGS = {
    "coupled": ("p_either_windows", 0.05),
    "negative": ("p_negative_windows", 0.025),
    "positive": ("p_positive_windows", 0.025),
    "mean gain below 0": ("gain_high_windows", 0.0),
}


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """All tables, each with its title."""
    return [
        ("How the arms trained, from start to end of the measured part", _by_arm(runs, _training)),
        ("Runs flagged, over the whole measured part", _by_arm(runs, _flagged)),
        ("Share of windows flagged (95 % interval over seeds)", _by_arm(runs, _windows_flagged)),
        ("Coupling and exponents: mean over seeds (95 % interval)", _by_arm(runs, _means)),
        ("AUC of adversarial training against healthy arms: of runs (99 % interval); of single windows", _areas(runs)),
    ]


def _by_arm(runs: pd.DataFrame, row: Any) -> pd.DataFrame:
    own = {arm: runs[runs["arm"] == arm] for arm in ARMS}
    return pd.DataFrame([{"arm": arm, **row(each)} for arm, each in own.items() if len(each)])


def _training(own: pd.DataFrame) -> Row:
    columns = {
        "training loss at the end": "train_loss",
        "held-out loss, start": "held_before",
        "held-out loss, end": "held_after",
        "held-out accuracy, start": "right_before",
        "held-out accuracy, end": "right_after",
        "‖ΔW‖": "norm",
    }
    return {"runs": len(own), **{title: f"{own[name].mean():.3f}" for title, name in columns.items()}}


def _flagged(own: pd.DataFrame) -> Row:
    arm = str(own["arm"].iloc[0])
    counts = {name: hits(own, rule, arm) for name, rule in (COUPLING | GAIN | BESIDE).items()}
    return {name: f"{some} of {total}" for name, (some, total) in counts.items()}


def _windows_flagged(own: pd.DataFrame) -> Row:
    found = {}
    for title, (name, limit) in WINDOW_FLAGS.items():
        flagged = [float(np.mean(np.asarray(each, dtype=float) <= limit)) for each in own[name]]
        found[title] = spread_text(*interval_of_mean(flagged))
    return found


def _means(own: pd.DataFrame) -> Row:
    columns = {"rho_4": "ρ(4)", "rho_16": "ρ(16)", "rho_64": "ρ(64)"} | MEASURES | {"old_alpha": "α of version 0.1.0"}
    return {title: spread_text(*interval_of_mean(own[name])) for name, title in columns.items()}


def _areas(runs: pd.DataFrame) -> pd.DataFrame:
    found = {(name, *pair): interval for name in MEASURES for pair, interval in pair_areas(runs, name).items()}
    rows: dict[tuple[str, str], Row] = {}
    for (name, arm, healthy), interval in found.items():
        row = rows.setdefault((name, arm), {"measure": MEASURES[name], "arm": arm})
        above, below = (np.concatenate([[], *runs.loc[runs["arm"] == each, f"{name}_windows"]]) for each in (arm, healthy))
        row[f"against {healthy}"] = f"{spread_text(*interval)}; {area(above, below)[0]:.2f}"
    return pd.DataFrame(list(rows.values()))


def _beside(runs: pd.DataFrame) -> list[str]:
    """That adversarial runs were compared with healthy ones alone."""
    means = runs.groupby("arm")["vector_short"].mean() if len(runs) else {}
    there = [f"{means[arm]:.2f} ({arm})" for arm in (*MEMORISED, *SHORTCUT, *ADVERSARIAL) if arm in means]
    if len(there) < 2:
        return []
    return [f"Whether a measure tells adversarial from captured runs was not judged: vector α, 4 to 16, is {', '.join(there)}."]


def not_done(runs: pd.DataFrame) -> list[str]:
    """What the runs leave open."""
    counts = runs.groupby("arm")["seed"].nunique() if len(runs) else pd.Series(dtype=int)
    short = [f"{arm}: {counts.get(arm, 0)} of {SEEDS} seeds." for arm in ARMS if counts.get(arm, 0) < SEEDS]
    return [
        *short,
        "One data set (scikit-learn's digits), one small network and one optimizer (AdamW) were used.",
        "No reward hacking in reinforcement learning, and no language model: wrong labels and a shortcut stand for a wrong goal.",
        *_beside(runs),
        f"Whether {' or '.join(ADVERSARIAL)} made the network robust was not measured; healthy arms are {', '.join(HEALTHY)}.",
    ]
