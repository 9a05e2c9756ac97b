"""What was left out, as sentences."""

from __future__ import annotations

import pandas as pd

from studies.regimes.arms import fewest, of_arm
from studies.regimes.tables import GPU

PLANNED = {
    "main": (80, 10),
    "nothing to learn": (24, 3),
    "full batch": (15, None),
    "minibatch": (5, None),
    "small batch": (24, 3),
    "cosine": (24, 3),
    "rate / 10": (24, 3),
    "rate × 5": (24, 3),
}
"""Runs of each arm; seeds of each combination of network and optimizer, in arms that have them."""
LEFT_OUT = (
    "Networks of practical size and long schedules exceed the compute: networks are small, and runs have 2,000 steps.",
    "Rates were chosen by trying, not tuned; weight decay was not varied.",
    "The arms other than main are planned with 3 seeds, those of the tanh network with 5: their intervals are rough.",
    "The null of Muon is that of one matrix, while Adam moves the rest: its p-values are an approximation.",
    "Batch normalisation uses the statistics of the validation images at validation, so a run has no running averages.",
)


def not_done(runs: pd.DataFrame) -> list[str]:
    """Arms that are not whole, with counts, then what was never planned."""
    gpu = "The larger networks of `studies/regimes/gpu.py` (arm gpu main) were not run: they need a GPU."
    return [*_unfinished(runs), *([] if GPU.exists() else [gpu]), *LEFT_OUT]


def _unfinished(runs: pd.DataFrame) -> list[str]:
    lines = []
    for arm, (wanted, seeds) in PLANNED.items():
        part = of_arm(runs, arm)
        if len(part) < wanted:
            least = f"{fewest(part)} of {seeds} seeds in the combination with the fewest, " if seeds else ""
            lines.append(f"Arm {arm}: {least}{len(part)} of {wanted} runs are in.")
    return lines
