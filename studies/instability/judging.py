"""One run at a constant rate: its spikes, and for each statistic which spikes it came before and how often it alarmed for nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from studies.common.study import Value
from studies.instability.scores import GRADIENT, LOSS, RMS_FIRST, RMS_RULE, UPDATE_LAYER, scores
from studies.instability.spikes import (
    AHEAD,
    Flags,
    Floats,
    calm,
    deviating,
    leads,
    onsets,
    placement,
    threshold_of,
    undisturbed,
    within_last,
)
from studies.instability.training import STEPS, train

STABLE_RATE = 0.001
STABLE_SEEDS = range(100, 110)
WORTSMAN, SOON = 2.3, 8
"""The threshold of the RMS rule, and the steps within which a spike follows."""
MOST = 200
DRAWN = (LOSS, GRADIENT, UPDATE_LAYER, RMS_FIRST)
AFTER = 10


def steady(task: str, bits: int, b2: float, rate: float, seed: int) -> dict[str, Value]:
    """Train at a constant rate and judge every statistic by the thresholds of the stable runs of this task."""
    trace = train(task, bits, b2, np.full(STEPS, rate), seed)
    deviates = deviating(trace.loss)
    found: dict[str, Value] = {"lasted": len(trace.loss), "deviations": int(deviates.sum()), "calm": int(calm(deviates).sum())}
    spikes = np.flatnonzero(deviates & calm(deviates))[:MOST]
    found |= {"spikes": len(spikes), "final_loss": float(np.median(trace.loss[-100:]))}
    limits = thresholds(task, bits, b2)
    for name, score in scores(trace).items():
        found |= {f"{name}_{key}": value for key, value in _judged(score, limits[name], spikes, deviates).items()}
        if name in DRAWN and len(spikes):
            found[f"{name}_around"] = _around(score, spikes)
    return found


@cache
def thresholds(task: str, bits: int, b2: float) -> dict[str, float]:
    """For each statistic, the threshold at which it alarms once in 1,000 undisturbed steps of runs at a low rate, of other seeds."""
    traces = [train(task, bits, b2, np.full(STEPS, STABLE_RATE), seed) for seed in STABLE_SEEDS]
    places = [undisturbed(deviating(trace.loss)) for trace in traces]
    every = [scores(trace) for trace in traces]
    found = {name: threshold_of([(each[name], at) for each, at in zip(every, places, strict=True)]) for name in every[0]}
    return found | {RMS_RULE: WORTSMAN}


def _judged(score: Floats, threshold: float, spikes: npt.NDArray[np.int_], deviates: Flags) -> dict[str, Value]:
    starts, at, apart = onsets(score, threshold), calm(deviates), undisturbed(deviates)
    return {
        "threshold": threshold,
        "leads": leads(starts, spikes).tolist(),
        "chance": _share(within_last(starts, AHEAD), at),
        "chance_soon": _share(within_last(starts, SOON), at),
        "false": 1000 * _share(starts, apart),
        "placement": placement(score, spikes, at).tolist(),
    }


def _share(flags: Flags, among: Flags) -> float:
    return float(flags[among].mean()) if among.any() else float("nan")


def _around(score: Floats, spikes: npt.NDArray[np.int_]) -> list[float]:
    """Median score from 50 steps before the spikes to 10 after."""
    padded = np.concatenate([score, np.full(AFTER, np.nan)])
    rows = padded[spikes[:, None] + np.arange(-AHEAD, AFTER + 1)]
    return [round(float(each), 3) for each in np.nanmedian(rows, axis=0)]
