"""Measures whether Hebbian networks pin down the therapeutic window and clean-step retention, or any trend with impulses gives them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.common.measures import alphas, old_alpha, vector_alphas
from studies.common.study import Claim, Study, Value
from studies.hebbian import network, trend
from studies.hebbian.about import ABOUT
from studies.hebbian.cells import NETWORK_CELLS, SEEDS, TREND_CELLS, settings
from studies.hebbian.network import FRACTIONS, Cell, Recorded
from studies.hebbian.picture import draw
from studies.hebbian.summary import TARGETS, cells_of, figures, outcomes, percent, range_of
from studies.hebbian.trend import Trend

README = "doi:10.5281/zenodo.19389821, and the README of wcdfa 0.1.0"
CLAIMS = (
    Claim(
        "first_two_percent",
        "The first 2 % of perturbed steps bring 27 % of the whole effect on α",
        f"{README}, “The therapeutic window”",
        "27 % of the effect from the first 2 %",
    ),
    Claim(
        "clean_steps",
        "If perturbed steps are taken out, 95.5 % of the effect on α stays",
        f"{README}, “Key finding”",
        "95.5 % stays without perturbed steps",
    ),
    Claim(
        "transition",
        "From 2 % to 95 % of perturbed steps α falls by 0.75, through criticality into disorder",
        f"{README}, “The therapeutic window”",
        "a transition through criticality",
    ),
)


def run(arm: str, cell: int, seed: int, **own: str | float) -> dict[str, Value]:
    """α of one network, or of one series without a network, at each share of perturbed steps."""
    recorded = network.simulate(seed, Cell(**own)) if arm == "network" else trend.simulate(seed, Trend(**own))  # type: ignore[arg-type]
    found: dict[str, Value] = {}
    for index, fraction in enumerate(FRACTIONS):
        found |= {f"{name}_{round(100 * fraction)}": value for name, value in _measured(recorded, index).items()}
    return found


def _measured(recorded: Recorded, index: int) -> dict[str, float | None]:
    norms, clean = recorded.norms[index], ~recorded.perturbed[index]
    found = {"old": old_alpha(norms), "clean": old_alpha(norms[clean])}
    found |= {f"order_{order}": alphas(norms, (order,))[f"alpha_{order}"] for order in (1, 2, 3)}
    found["vector"] = vector_alphas(recorded.sketch[index])[1] if recorded.sketch.shape[-1] else np.nan
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Both figures by kind of perturbation, and α by share of perturbed steps."""
    cells = cells_of(runs, seeds=1)
    return [
        ("Share of the effect at 2 %, and what clean steps keep: median (middle 90 %); number of settings", _ranges(cells)),
        ("α by share of perturbed steps: medians over settings with an effect", _curves(cells)),
    ]


def _groups(cells: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    arms = cells[cells["arm"] == "network"], cells[cells["arm"] == "trend"]
    kinds = [(f"network, {kind}", arms[0][arms[0]["kind"] == kind]) for kind in network.KINDS]
    matching = [
        (f"{name}, matching 1.84 and 0.80", arm[arm["matching"].astype(bool)])
        for name, arm in zip(("network", "no network"), arms, strict=True)
    ]
    return [("network, all", arms[0]), *kinds, ("no network", arms[1]), *matching]


def _ranges(cells: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, group in _groups(cells):
        row = {"settings": name, "number": str(len(group)), "with an effect": str(int(group["effect"].astype(bool).sum()))}
        for column, title in (("share", "share at 2 %"), ("retention", "kept at 40 %"), ("retention_2", "kept at 2 %")):
            values = group[column].dropna().astype(float)
            low, high = range_of(values)
            row[title] = f"{percent(values.median())} ({percent(low)} to {percent(high)}); {len(values)}" if len(values) else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def _curves(cells: pd.DataFrame) -> pd.DataFrame:
    """Medians over cells with an effect."""
    names = {
        "old": "as in 0.1.0",
        "clean": "clean steps only",
        "order_1": "order 1 of the logarithm",
        "order_2": "order 2",
        "order_3": "order 3",
    }
    rows = []
    for arm, extra in (("network", {"vector": "ΔW as a vector, 16–125"}), ("trend", {})):
        group = cells[(cells["arm"] == arm) & cells["effect"].astype(bool)]
        for measure, title in (names | extra).items():
            medians = {percent(f): _median(group[f"{measure}_{round(100 * f)}"]) for f in FRACTIONS}
            rows.append({"arm": "network" if arm == "network" else "no network", "α": title, **medians})
    return pd.DataFrame(rows)


def _median(values: pd.Series) -> str:
    """Of the cells in which α is defined."""
    kept = values.dropna().astype(float)
    return f"{kept.median():.2f}" if len(kept) else "–"


def not_done(runs: pd.DataFrame) -> list[str]:
    """What this study leaves open."""
    whole = cells_of(runs)
    counts = {arm: int((whole["arm"] == arm).sum()) for arm in ("network", "trend")}
    without = counts["network"] - len(figures(whole, "network", TARGETS["first_two_percent"].column))
    return [
        f"{counts['network']} of {NETWORK_CELLS} settings of the network and {counts['trend']} of {TREND_CELLS} settings without a network have all their seeds.",
        f"In {without} of these settings of the network α falls by less than 0.3 in all, so that a share of the effect means nothing.",
        f"The {NETWORK_CELLS * SEEDS} runs of a first set of network settings are left out: size and kind of perturbation went in step (see the changes, below).",
        *_undefined(runs),
        "The author's own network, its parameters and the length of its series are not published, so they were not run.",
        "Networks beyond 150 units, series beyond 2,200 steps and perturbations with a structure (such as corrections toward a target) were not run.",
    ]


def _undefined(runs: pd.DataFrame) -> list[str]:
    """One sentence for each order at which α is undefined in some runs."""
    found = []
    for arm, name in (("network", "of the network"), ("trend", "without a network")):
        group = runs[runs["arm"] == arm]
        for order in (1, 2, 3):
            counts = {percent(f): int(group[f"order_{order}_{round(100 * f)}"].isna().sum()) for f in FRACTIONS}
            some = ", ".join(f"{count} at {share}" for share, count in counts.items() if count)
            if some:
                text = f"α at order {order} is undefined in some of the {len(group)} runs {name}: {some} of perturbed steps."
                found.append(f"{text} Means and medians leave these runs out.")
    return found


STUDY = Study("hebbian", "The therapeutic window", ABOUT, CLAIMS, settings, run, outcomes, tables, draw, not_done)
