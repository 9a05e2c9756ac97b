"""The figures of each cell and the rules of the protocol."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.common.statistics import interval_of_median, spread_text
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.hebbian.cells import SEEDS
from studies.hebbian.network import KINDS

EFFECT = 0.3
"""Least fall of α by the definition of 0.1.0 that counts as an effect."""
START, END, AWAY = 1.84, 0.80, 0.25
"""α without perturbation and at 95 %, as claimed; cells this near at both ends match."""
FEWEST = {"network": 20, "trend": 10}
FALL = 0.75
NO_SETTING = "no setting with an effect is in"


class Target(NamedTuple):
    """A claimed figure."""

    column: str
    name: str
    value: float
    tolerance: float

    @property
    def text(self) -> str:
        """The value in percent."""
        return f"{100 * self.value:g} %"


TARGETS = {
    "first_two_percent": Target("share", "share of the effect at 2 %", 0.27, 0.10),
    "clean_steps": Target("retention", "effect kept by clean steps", 0.955, 0.05),
}


def cells_of(runs: pd.DataFrame, seeds: int = SEEDS) -> pd.DataFrame:
    """One row for each cell whose seeds are all in: parameters, means of α, and the figures of the protocol."""
    groups = runs.groupby(["arm", "cell"], sort=True)
    whole = [group for _, group in groups if group["seed"].nunique() >= seeds]
    if not whole:
        return pd.DataFrame(columns=["arm", "cell", "kind", "share", "retention", "retention_2", "matching", "effect"])
    cells = pd.DataFrame([_cell(group) for group in whole])
    start, end = cells["old_0"], cells["old_95"]
    cells["effect"] = start - end >= EFFECT
    cells["matching"] = ((start - START).abs() <= AWAY) & ((end - END).abs() <= AWAY)
    cells["share"] = ((start - cells["old_2"]) / (start - end)).where(cells["effect"])
    for share, name in ((40, "retention"), (2, "retention_2")):
        fall = start - cells[f"old_{share}"]
        cells[name] = ((start - cells[f"clean_{share}"]) / fall).where(fall >= EFFECT)
    for measure in ("old", "order_1", "order_2", "order_3", "vector"):
        cells[f"fall_{measure}"] = cells[f"{measure}_2"] - cells[f"{measure}_95"]
    return cells


def _cell(group: pd.DataFrame) -> pd.Series:
    """Parameters of the first run, and means over the seeds; α that is undefined in some seeds has the mean of the others."""
    first = group.iloc[0].copy()
    measured = [name for name in group.columns if name.startswith(("old_", "clean_", "order_", "vector_"))]
    first[measured] = group[measured].astype(float).mean()
    first["seeds"] = group["seed"].nunique()
    return first


def range_of(values: pd.Series) -> tuple[float, float]:
    """The 5th and 95th percentile."""
    kept = values.dropna().astype(float)
    return (float(np.percentile(kept, 5)), float(np.percentile(kept, 95))) if len(kept) else (math.nan, math.nan)


def figures(cells: pd.DataFrame, arm: str, column: str) -> pd.Series:
    """A figure in each cell of an arm that has it."""
    return cells.loc[cells["arm"] == arm, column].dropna().astype(float)


def verdict_on_figure(network: pd.Series, trend: pd.Series, target: Target) -> str:
    """The rule of claims 1 and 2."""
    if len(network) < FEWEST["network"] or len(trend) < FEWEST["trend"]:
        return UNDECIDED
    (low, high), (lowest, highest) = range_of(network), range_of(trend)
    if target.value - target.tolerance <= low and high <= target.value + target.tolerance:
        return REPLICATES
    covered = max(min(high, highest) - max(low, lowest), 0.0)
    same = lowest <= target.value <= highest and covered >= 0.5 * (high - low)
    return f"{ARTEFACT}a trend with impulses" if same else NOT


def verdict_on_fall(old: pd.Series, second: pd.Series) -> str:
    """The rule of claim 3."""
    kept = second.dropna()
    if len(kept) < FEWEST["network"]:
        return UNDECIDED
    _, low, high = interval_of_median(kept)
    if low > FALL / 2:
        return REPLICATES
    if high >= 0.19:
        return UNDECIDED
    return f"{ARTEFACT}the trend that order 1 leaves in" if float(np.nanmedian(old)) > 0.19 else NOT


def outcomes(runs: pd.DataFrame, seeds: int = SEEDS) -> list[Outcome]:
    """One for each claim."""
    cells = cells_of(runs, seeds)
    return [_of_figure(key, target, cells) for key, target in TARGETS.items()] + [_of_fall(cells)]


def _of_figure(key: str, target: Target, cells: pd.DataFrame) -> Outcome:
    network, trend = (figures(cells, arm, target.column) for arm in ("network", "trend"))
    line = f"Too few runs are in to say anything about the {target.name} (claimed: {target.text})."
    if len(network) and len(trend):
        line = (
            f"The {target.name} is {_range_text(network)} in the middle 90 % of {len(network)} settings of a Hebbian network "
            f"(claimed: {target.text}), and {_range_text(trend)} in that of {len(trend)} settings of a trend with impulses and no network."
        )
    null = f"no network: {_figure_text(trend)}"
    effect = _figure_text(network) + _by_kind(cells, target.column)
    return Outcome(key, verdict_on_figure(network, trend, target), line, effect, null, _seeds(cells))


def _by_kind(cells: pd.DataFrame, column: str) -> str:
    """The median of each kind of perturbation, which that of all kinds together hides."""
    kept = cells[(cells["arm"] == "network") & cells[column].notna()]
    medians = kept.groupby("kind")[column].apply(lambda values: values.astype(float).median())
    texts = [f"{kind} {percent(medians[kind])}" for kind in KINDS if kind in medians]
    return f"; median by kind: {', '.join(texts)}" if len(texts) > 1 else ""


def _of_fall(cells: pd.DataFrame) -> Outcome:
    kept = cells[(cells["arm"] == "network") & cells["effect"].astype(bool)] if len(cells) else pd.DataFrame()
    old, second = (kept[name].astype(float) if len(kept) else pd.Series(dtype=float) for name in ("fall_old", "fall_order_2"))
    line = (
        f"Between 2 % and 95 % of perturbed steps α falls by {np.nanmedian(old):.2f} by the definition of 0.1.0 and by {np.nanmedian(second):.2f} at order 2 "
        f"(medians over {len(kept)} settings of a Hebbian network; claimed: {FALL})."
        if len(second.dropna())
        else f"Too few runs are in to say whether α falls by {FALL} between 2 % and 95 % of perturbed steps."
    )
    effect, null = (_fall_text(each) for each in (second, old))
    null = f"the same settings by the definition of 0.1.0: {null}"
    return Outcome("transition", verdict_on_fall(old, second), line, f"at order 2: {effect}", null, _seeds(cells))


def _seeds(cells: pd.DataFrame) -> int:
    return int(cells["seeds"].min()) if len(cells) else 0


def _fall_text(falls: pd.Series) -> str:
    kept = falls.dropna()
    return f"median fall {spread_text(*interval_of_median(kept))}, {len(kept)} settings" if len(kept) else NO_SETTING


def _figure_text(values: pd.Series) -> str:
    if not len(values):
        return NO_SETTING
    median, *ends = map(percent, interval_of_median(values))
    interval = f" ({' to '.join(ends)})" if len(values) > 2 else ""
    return f"median {median}{interval}, middle 90 % of settings {_range_text(values)}, {len(values)} settings"


def _range_text(values: pd.Series) -> str:
    return " to ".join(map(percent, range_of(values)))


def percent(share: float) -> str:
    """A share in whole percent; a dash if there is none.

    >>> percent(-0.00062), percent(12.34), percent(math.nan)
    ('0 %', '1,234 %', '–')
    """
    return f"{round(100 * share):,} %" if math.isfinite(share) else "–"
