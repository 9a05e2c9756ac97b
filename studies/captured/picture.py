"""The picture of the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from studies.captured.arms import ADVERSARIAL, HEALTHY, MEMORISED, SHORTCUT
from studies.common.pictures import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"healthy": "#4477aa", "captured": "#ee7733", "against itself": "#aa3377"}
ORDER = (*HEALTHY, *MEMORISED, *SHORTCUT, *ADVERSARIAL, "climbing")
PANELS = {
    "gain": "mean gain per step on the held-out loss",
    "rho_64": "ρ(64) of log ‖ΔW‖ and gain",
    "alpha_1": "α of log norms, order 1",
    "vector_long": "vector α at sizes 16 to 125",
}


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Held-out loss by arm, and four measures of each run."""
    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    grid = figure.add_gridspec(2, 3, width_ratios=[1.3, 1, 1])
    _curves(figure.add_subplot(grid[:, 0]), runs)
    for at, (name, title) in enumerate(PANELS.items()):
        _dots(figure.add_subplot(grid[at // 2, 1 + at % 2]), runs, name, title)
    lines = [Line2D([], [], color=colour, label=kind) for kind, colour in COLOURS.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines))
    save(figure, path, colours=48)


def _curves(axes: Axes, runs: pd.DataFrame) -> None:
    last = len(runs["intended_curve"].iloc[0]) * int(runs["window"].iloc[0])
    for arm in ORDER:
        own = runs[runs["arm"] == arm]
        if len(own):
            mean = np.mean(np.array(own["intended_curve"].tolist(), dtype=float), axis=0)
            steps = np.arange(len(mean)) * int(own["window"].iloc[0])
            axes.plot(steps, mean, color=_colour(arm), label=arm)
            axes.annotate(arm, (steps[-1], mean[-1]), fontsize=7, xytext=(2, 0), textcoords="offset points", va="center")
    axes.set(xlabel="step", ylabel="held-out intended loss, mean over seeds", yscale="log")
    axes.set_xlim(0, 1.2 * last)


def _dots(axes: Axes, runs: pd.DataFrame, name: str, title: str) -> None:
    for at, arm in enumerate(ORDER):
        values = runs.loc[runs["arm"] == arm, name].to_numpy(float)
        axes.plot(values, at + np.linspace(-0.3, 0.3, len(values)), ".", color=_colour(arm), markersize=4)
    axes.set_yticks(range(len(ORDER)), list(ORDER), fontsize=7)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    if name == "gain":
        axes.set_xscale("symlog", linthresh=1e-5)
        axes.set_xticks([-1e-2, -1e-3, 0, 1e-4])
    if name in {"gain", "rho_64"}:
        axes.axvline(0, color="0.7", linewidth=0.8, zorder=0)


def _colour(arm: str) -> str:
    kind = "healthy" if arm in HEALTHY else "captured" if arm in (*MEMORISED, *SHORTCUT) else "against itself"
    return COLOURS[kind]
