"""The picture: both figures over the free range, with and without a network, and α by share of perturbed steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.hebbian.network import FRACTIONS
from studies.hebbian.summary import TARGETS, cells_of, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"network": "tab:blue", "trend": "tab:orange"}
NAMES = {"network": "Hebbian network", "trend": "trend and impulses, no network"}
SHORT = {"network": "with a network", "trend": "without"}
SHOWN = (-0.1, 1.6)
CLAIMED = {0: 1.84, 2: 1.55, 40: 1.02, 95: 0.80}


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Write the picture; settings count with the seeds they have."""
    from matplotlib.figure import Figure

    cells = cells_of(runs, seeds=1)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for axes, target in zip((left, middle), TARGETS.values(), strict=True):
        _distribution(axes, cells, target.column)
        axes.axvline(target.value, color="black", linewidth=1, linestyle="--")
        beyond = _beyond(cells, target.column)
        axes.set(xlabel=f"{target.name}\n{beyond}", ylabel="share of settings below", xlim=SHOWN)
    _curves(right, cells)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside upper left", ncols=2)
    figure.legend(*right.get_legend_handles_labels(), fontsize=7, loc="outside upper right", ncols=4)
    figure.savefig(path, dpi=90)


def _distribution(axes: Axes, cells: pd.DataFrame, column: str) -> None:
    for arm, colour in COLOURS.items():
        values = np.sort(figures(cells, arm, column))
        if len(values):
            axes.step(values, np.arange(1, len(values) + 1) / len(values), where="post", color=colour, label=NAMES[arm])


def _beyond(cells: pd.DataFrame, column: str) -> str:
    """How many settings lie where the axis does not reach."""
    low, high = SHOWN
    counts = {name: int((~figures(cells, arm, column).between(low, high)).sum()) for arm, name in SHORT.items()}
    return f"(not shown: {', '.join(f'{count} {name}' for name, count in counts.items() if count)})" if any(counts.values()) else ""


def _curves(axes: Axes, cells: pd.DataFrame) -> None:
    """Medians over network cells with an effect, and the figures claimed."""
    kept = cells[(cells["arm"] == "network") & cells["effect"].astype(bool)]
    shares = [round(100 * each) for each in FRACTIONS]
    places = np.arange(len(shares))
    for measure, name in (("old", "as in 0.1.0"), ("order_2", "order 2 of the logarithm"), ("vector", "ΔW as a vector, 16–125")):
        values = kept[[f"{measure}_{share}" for share in shares]].astype(float).to_numpy()
        if np.isfinite(values).any():
            medians = [np.median(each[np.isfinite(each)]) if np.isfinite(each).any() else np.nan for each in values.T]
            axes.plot(places, medians, marker="o", markersize=3, label=name)
    axes.plot([shares.index(share) for share in CLAIMED], list(CLAIMED.values()), "k--", linewidth=1, label="claimed")
    axes.set(
        xticks=places, xticklabels=[f"{share} %" for share in shares], xlabel="perturbed steps", ylabel="α (median over settings)"
    )
