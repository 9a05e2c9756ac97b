"""The picture of the page: one seed in float32 and with float64 logits, and when the slingshot comes at each rounding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.common.pictures import save
from studies.grokking.verdicts import of_arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"float32": "#c0392b", "float64 logits": "#2471a3"}
NAMES = {"grok": "grokking", "second": "second transition", "slingshot": "slingshot"}
ROUNDINGS = {"rounded 17": "2⁻¹⁷", "rounded 20": "2⁻²⁰", "float32": "float32", "float64 logits": "float64\nlogits"}


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Draw it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained", dpi=80)
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([["alpha", "steps"], ["loss", "steps"], ["test", "steps"]], width_ratios=[2.2, 1])
    for name, label in (("alpha", "α (0.1.0)"), ("loss", "loss"), ("test", "test accuracy")):
        _curves(axes[name], runs, {"alpha": "alpha_old"}.get(name, name), label)
    axes["alpha"].axhspan(0.8, 1.2, color="#888888", alpha=0.2, lw=0)
    axes["alpha"].legend(fontsize=8, loc="lower left")
    axes["loss"].set_yscale("log")
    axes["test"].set_xlabel("step")
    _steps(axes["steps"], runs)
    save(figure, path)


def _curves(axes: Axes, runs: pd.DataFrame, name: str, label: str) -> None:
    """All seeds pale, the first one bold."""
    for arm, color in COLORS.items():
        rows = runs[(runs["arm"] == arm) & (runs["p"] == runs["p"].iloc[0])]
        for first, (steps, values) in enumerate(zip(rows["curve_steps"], rows[f"curve_{name}"], strict=True)):
            shown = np.exp(values) if name == "loss" else np.asarray(values, float)
            bold = {"lw": 1.6, "label": arm} if first == 0 else {"lw": 0.5, "alpha": 0.35}
            axes.plot(steps, shown, color=color, **bold)
    axes.set_ylabel(label)
    axes.grid(alpha=0.2)


def _steps(axes: Axes, runs: pd.DataFrame) -> None:
    """The second transition and the slingshot of each run, by rounding."""
    for place, arm in enumerate(ROUNDINGS):
        rows = of_arm(runs, arm)
        spread = place + np.linspace(-0.15, 0.15, len(rows)) if len(rows) > 1 else np.full(len(rows), float(place))
        for column, marker, color in (("grok", ".", "#27ae60"), ("second", "o", "#8e44ad"), ("slingshot", "x", "#c0392b")):
            axes.plot(spread, rows[column], marker, ms=5, color=color, label=NAMES[column] if place == 0 else None)
    axes.set_xticks(range(len(ROUNDINGS)), list(ROUNDINGS.values()))
    axes.set_ylabel("step")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.2)
