"""Draws α against the mean cosine of consecutive changes, one point a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from studies.regimes.arms import OPTIMIZERS, of_arm
from studies.regimes.rules import HIGH, LOW
from studies.regimes.tables import ARMS

TITLES = {"sgd": "SGD", "momentum": "momentum 0.9", "adamw": "AdamW(0.9, 0.99)", "muon": "Muon"}
COLORS = dict(zip(OPTIMIZERS, ("#4477aa", "#ee6677", "#228833", "#aa3377"), strict=True))
MARKS = {"resnet": "o", "transformer": "^"}


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Left: runs of networks by optimizer; hollow where there was nothing to learn. Right: α of each arm. Grey is the band."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        axes.axhspan(LOW, HIGH, color="0.9", zorder=0)
    for optimizer in OPTIMIZERS:
        for network, mark in MARKS.items():
            for arm in ("main", "nothing to learn"):
                part = of_arm(runs, arm)
                part = part[(part["optimizer"] == optimizer) & (part["network"] == network)]
                _points(left, part, COLORS[optimizer], mark, hollow=arm != "main")
        left.plot([], [], "o", color=COLORS[optimizer], label=TITLES[optimizer])
    for arm, color in (("full batch", "black"), ("minibatch", "0.5")):
        _points(left, of_arm(runs, arm), color, "s", hollow=arm == "minibatch")
    left.plot([], [], "s", color="black", label="full batch (hollow: minibatch)")
    left.set(
        xlabel="mean cosine of consecutive changes",
        ylabel="α of log ‖ΔW‖, order 1",
        title="Circles: ResNet, triangles: transformer",
    )
    left.legend(fontsize=7, loc="upper left")
    _by_arm(right, runs)
    figure.savefig(path, dpi=90)


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
    axes.set_title("Both networks, by arm")
