"""The picture: F(s) of the recordings with both slopes, and α by stretch of the longest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.biology.exponents import RANGES, WHOLE
from studies.biology.recordings import NAMES
from studies.biology.summary import BAND, HEALTH, alpha_of, arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    rows = [row for _, row in arm(runs, "recording").iterrows()]
    for place, row in enumerate(rows):
        left.loglog(WHOLE, np.asarray(row["fluctuations"], dtype=float), marker="o", markersize=3, label=NAMES[row["recording"]])
        for name, shift in zip(RANGES, (-0.1, 0.1), strict=True):
            found = alpha_of(row, name)
            middle.plot([found.low, found.high], [place + shift] * 2, color="tab:blue" if name == "alpha1" else "tab:orange")
            middle.plot(found.value, place + shift, "ko", markersize=3)
    left.axvline(16, color="grey", linewidth=0.8, linestyle=":")
    left.set(xlabel="box size (beats)", ylabel="F(s) (ms)", xticks=[4, 8, 16, 32, 64], yticks=[25, 50, 100, 200, 400])
    left.set(xticklabels=["4", "8", "16", "32", "64"], yticklabels=["25", "50", "100", "200", "400"])
    left.minorticks_off()
    left.legend(fontsize=7)
    middle.axvspan(*BAND, color="grey", alpha=0.15, linewidth=0)
    middle.set(
        yticks=range(len(rows)), yticklabels=[row["recording"].replace("_", " ") for row in rows], xlabel="α (95 % interval)"
    )
    middle.set_title("blue: 4–16, orange: 16–64 beats;\ngrey: the band called critical", fontsize=8)
    _stretches(right, max(rows, key=lambda row: row["beats"], default=None))
    figure.savefig(path, dpi=90)


def _stretches(axes: Axes, row: pd.Series | None) -> None:
    axes.axhspan(*BAND, color="grey", alpha=0.15, linewidth=0)
    if row is not None:
        for name, title in (("alpha1", "4–16 beats"), ("alpha2", "16–64 beats")):
            values = np.asarray(row[f"{name}_stretches"], dtype=float)
            axes.plot(np.arange(1, len(values) + 1), values, marker="o", markersize=3, label=title)
    axes.axhline(HEALTH["alpha1"][0], color="tab:blue", linewidth=0.8, linestyle="--", label="healthy α1 (Peng 1995)")
    axes.set(xlabel="stretch of 512 beats", ylabel="α", ylim=(0.6, 1.6))
    axes.legend(fontsize=7, loc="upper left")
