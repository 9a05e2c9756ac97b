"""Draws α against the mean cosine of consecutive changes, one point a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from studies.common.pictures import save
from studies.regimes.arms import OPTIMIZERS, TITLES, of_arm
from studies.regimes.descent_rules import HIGH
from studies.regimes.rules import LOW
from studies.regimes.tables import ARMS

COLORS = dict(zip(OPTIMIZERS, ("#4477aa", "#ee6677", "#228833", "#aa3377"), strict=True))
MARKS = {"resnet": "o", "transformer": "^"}
TANH = {"full batch": "black", "minibatch": "0.5"}


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Left: each run by its cosine; hollow where there was nothing to learn. Right: α of each arm. Grey is the healthy band."""
    figure = Figure(figsize=(9, 4.8), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        axes.axhspan(LOW, HIGH, color="0.9", zorder=0)
    _by_cosine(left, runs)
    _by_arm(right, runs)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    save(figure, path)


def _by_cosine(axes, runs: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]  # matplotlib's axes
    for optimizer in OPTIMIZERS:
        for network, mark in MARKS.items():
            for arm in ("main", "nothing to learn"):
                part = of_arm(runs, arm)
                part = part[(part["optimizer"] == optimizer) & (part["network"] == network)]
                _points(axes, part, COLORS[optimizer], mark, hollow=arm != "main")
        axes.plot([], [], "o", color=COLORS[optimizer], label=TITLES[optimizer])
    for arm, color in TANH.items():
        part = of_arm(runs, arm)
        _points(axes, part, color, "s", hollow=arm == "minibatch")
        if len(part):
            face = "none" if arm == "minibatch" else color
            axes.plot([], [], "s", color=color, markerfacecolor=face, label=f"tanh, {arm}")
    axes.set(xlabel="mean cosine of consecutive changes", ylabel="α of log ‖ΔW‖, order 1 (grey: 0.8 to 1.2)")
    axes.set_title("Circles: ResNet, triangles: transformer,\nhollow: nothing to learn", fontsize=10)


def _points(axes, part: pd.DataFrame, color: str, mark: str, *, hollow: bool) -> None:  # type: ignore[no-untyped-def]  # matplotlib's axes
    if len(part):
        face = "none" if hollow else color
        axes.scatter(part["mean_cosine"], part["mean_alpha"], s=18, marker=mark, facecolors=face, edgecolors=color, linewidths=0.8)


def _by_arm(axes, runs: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]  # matplotlib's axes
    shown = [arm for arm in ARMS if len(of_arm(runs, arm))]
    for place, arm in enumerate(shown):
        for shift, optimizer in enumerate(OPTIMIZERS):
            part = of_arm(runs, arm)
            part = part[part["optimizer"] == optimizer]
            at = np.full(len(part), place + 0.15 * (shift - 1.5))
            axes.scatter(at, part["mean_alpha"], s=8, color=COLORS[optimizer])
    axes.set_xticks(range(len(shown)), shown, rotation=30, ha="right", fontsize=8)
    axes.set_xlim(-0.5, max(len(shown), 1) - 0.5)
    axes.set_title("Both networks, by arm", fontsize=10)
