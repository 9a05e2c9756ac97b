"""The picture of the study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from studies.common.pictures import save
from studies.plasticity import foretelling, tasks
from studies.plasticity.tables import BANDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = {
    "labels-adamw-1e-3": ("#c0392b", "loses plasticity"),
    "renewed-adamw-1e-3": ("#2471a3", "renewed with each task"),
    "pixels-adamw-3e-3": ("#1e8449", "permuted pixels, goes on learning"),
}
OPTIMIZERS = {"sgd": ("#2471a3", "SGD"), "adamw": ("#c0392b", "AdamW")}


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Write a picture of three panels: loss and α along the tasks, and time to learn a correction against α."""
    figure = Figure(figsize=(11, 3.4), dpi=85, layout="constrained")
    axes = figure.subplots(1, 3)
    table = tasks.table(runs)
    _along_tasks(axes[0], table, "loss", "loss at the end of the task")
    _along_tasks(axes[1], table, "alpha_old", "the author's α")
    if axes[0].lines:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=8, frameon=False)
    _bands(axes[1])
    _corrections(axes[2], foretelling.corrections(runs))
    save(figure, path)


def _along_tasks(axes: Axes, table: pd.DataFrame, name: str, title: str) -> None:
    for arm, (colour, label) in SHOWN.items():
        tracks = table[table["arm"] == arm].pivot_table(index="task", columns="run", values=name)
        if len(tracks):
            axes.plot(tracks.index, tracks.median(axis=1), color=colour, label=label)
            axes.fill_between(tracks.index, *np.nanpercentile(tracks, [10, 90], axis=1), color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="task", title=title)


def _bands(axes: Axes) -> None:
    """Mark where the bands of α begin."""
    for name, (low, _) in BANDS.items():
        if np.isfinite(low):
            axes.axhline(low, color="grey", linewidth=0.7, linestyle=":")
            axes.text(0.01, low, name, fontsize=7, color="grey", va="bottom", transform=axes.get_yaxis_transform())


def _corrections(axes: Axes, rows: pd.DataFrame) -> None:
    for optimizer, (colour, label) in OPTIMIZERS.items():
        chosen = rows[rows["optimizer"] == optimizer] if len(rows) else rows
        if len(chosen):
            axes.scatter(chosen["alpha_old"], chosen["relearning"], s=6, color=colour, alpha=0.5, linewidths=0, label=label)
    axes.set(xlabel="the author's α before the correction", title="steps to learn the correction", yscale="log")
    if len(rows):
        axes.legend(fontsize=8, frameon=False)
