"""Finds loss spikes, bursts of a statistic, and which of the bursts come before a spike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int_]
START = 1_000
"""Steps before this one are not judged."""
RUNNING = 100
"""Steps that the present one is compared with."""
DEVIATIONS, LEAST_HEIGHT, TOGETHER = 3.2, 0.02, 10
QUIET = 50
"""Steps without a deviation before a spike, so that no earlier spike passes for a warning."""
AHEAD = 50
MERGED = 10
LEAST_SCALE = 0.02


def deviating(loss: Floats) -> Flags:
    """Steps whose loss stands 3.2 running standard deviations, and 2 % of the first five losses, above its running mean, two of them within 10 steps."""
    past = pd.Series(loss).shift(1).rolling(RUNNING)
    high = loss > (past.mean() + np.maximum(DEVIATIONS * past.std(), LEAST_HEIGHT * loss[:5].mean())).to_numpy()
    ahead = pd.Series(high[::-1]).rolling(TOGETHER, min_periods=1).sum().to_numpy()[::-1]
    before = pd.Series(high).rolling(TOGETHER, min_periods=1).sum().to_numpy()
    return np.asarray(high & (np.maximum(ahead, before) >= 2), dtype=bool)


def within_last(flags: Flags, steps: int) -> Flags:
    """Steps with a flag among the steps before them, as many as are given, without the step itself."""
    return np.asarray(pd.Series(flags, dtype=float).shift(1).rolling(steps, min_periods=1).max().fillna(0) > 0, dtype=bool)


def calm(deviates: Flags) -> Flags:
    """Judged steps without a deviation in the 50 steps before them: where a spike can begin."""
    quiet = ~within_last(deviates, QUIET)
    quiet[:START] = False
    return quiet


def undisturbed(deviates: Flags) -> Flags:
    """Calm steps without a deviation in the 50 steps after them: a burst there is a false alarm."""
    return calm(deviates) & ~within_last(deviates[::-1], AHEAD)[::-1]


def departure(series: Floats) -> Floats:
    """How far a series lies above its running median, in running standard deviations from the quartiles, of 0.02 at least."""
    values = pd.Series(series)
    past = values.shift(1).rolling(RUNNING)
    scale = np.maximum((past.quantile(0.75) - past.quantile(0.25)) / 1.349, LEAST_SCALE)
    return ((values - past.median()) / scale).fillna(0).to_numpy()


def onsets(score: Floats, threshold: float) -> Flags:
    """Where a burst begins: at the threshold or above, after 10 steps below it."""
    above = score >= threshold
    return np.asarray(above & ~within_last(above, MERGED), dtype=bool)


def leads(starts: Flags, spikes: Places, ahead: int = AHEAD) -> Places:
    """How many steps before each spike the last burst began; 0 where none began within `ahead` steps."""
    found = np.flatnonzero(starts)
    last = np.searchsorted(found, spikes) - 1
    steps = spikes - found[np.maximum(last, 0)] if len(found) else np.full(len(spikes), ahead + 1)
    return np.where((last >= 0) & (steps <= ahead), steps, 0)


def placement(score: Floats, spikes: Places, at: Flags) -> Floats:
    """For each spike, the share of calm steps whose 50 steps before hold a lower maximum of the score; a tie counts half."""
    highest = pd.Series(score).shift(1).rolling(AHEAD).max().to_numpy()
    others = np.sort(highest[at])
    below = np.searchsorted(others, highest[spikes]) + np.searchsorted(others, highest[spikes], side="right")
    return below / (2 * max(len(others), 1))


def threshold_of(scores: list[tuple[Floats, Flags]], per_step: float = 1e-3) -> float:
    """The lowest threshold down to which bursts at calm steps begin at most once in 1,000 of these."""
    pooled = np.concatenate([score[at] for score, at in scores])
    steps = len(pooled)
    chosen = float(pooled.max())
    for share in np.geomspace(1 / steps, 0.2, 200):
        threshold = float(np.quantile(pooled, 1 - share))
        if sum((onsets(score, threshold) & at).sum() for score, at in scores) > per_step * steps:
            break
        chosen = threshold
    return chosen
