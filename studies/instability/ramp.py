"""A rate that grows until training fails, beside a constant one: windows of the statistics, and where training failed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.common.study import Value
from studies.instability.networks import task as task_of
from studies.instability.scores import ALPHA, COSINE, GRADIENT, LEAST, LOSS, RMS_LAYER, alpha_at, cosines, total
from studies.instability.training import STEPS, Trace, train

Floats = npt.NDArray[np.float64]
LEVEL = "level"
WATCHED = {
    LOSS: "loss",
    GRADIENT: "gradient norm",
    LEVEL: "‖ΔW‖/rate",
    RMS_LAYER: "RMS of a layer",
    COSINE: "cosine of updates",
    ALPHA: "α",
}
"""The names of the statistics on the page."""
FIRST_RATE, LAST_RATE, GROWS_FROM = 0.001, 10.0, 1_500
WINDOW, STRIDE, MEAN_OF = 500, 50, 100
SUSTAINED = 25
"""Losses whose mean tells whether training has failed."""


def ramp(task: str, bits: int, b2: float, seed: int, *, grows: bool) -> dict[str, Value]:
    """Train at the low rate, and from step 1,500 with a rate that grows to 10 if it is to; keep windows of 500 steps, 50 apart."""
    rates = np.full(STEPS, FIRST_RATE)
    if grows:
        rates[GROWS_FROM:] = np.geomspace(FIRST_RATE, LAST_RATE, STEPS - GROWS_FROM)
    trace = train(task, bits, b2, rates, seed)
    failed = failure(trace.loss, task_of(task).guess)
    found: dict[str, Value] = {"lasted": len(trace.loss), "failure": None if math.isnan(failed) else failed}
    ends, alphas = alpha_at(total(trace.update), WINDOW, STRIDE)
    found |= {"ends": ends.tolist(), ALPHA: alphas.tolist()}
    return found | {name: _means(series, ends) for name, series in _levels(trace, rates).items()}


def failure(loss: Floats, guess: float) -> float:
    """The step from which the mean of 25 losses stays halfway to that of the best constant guess; NaN if it does not at the end.

    Half is counted from the least mean before the rate grows. A loss that is not finite ends a run, and is above everything.
    """
    means = pd.Series(loss).rolling(SUSTAINED).mean().to_numpy()
    limit = (np.nanmin(means[:GROWS_FROM]) + guess) / 2
    last = int(np.flatnonzero(means < limit)[-1]) + 1
    return float(last) if last < STEPS else math.nan


def _levels(trace: Trace, rates: Floats) -> dict[str, Floats]:
    update = total(trace.update)
    return {
        LOSS: np.log(np.maximum(trace.loss, LEAST)),
        GRADIENT: np.log(np.maximum(total(trace.gradient), LEAST)),
        LEVEL: np.log(np.maximum(update, LEAST) / rates[: len(update)]),
        RMS_LAYER: trace.rms.max(axis=1),
        COSINE: cosines(trace),
    }


def _means(series: Floats, ends: npt.NDArray[np.int_]) -> list[float]:
    return [round(float(series[end - MEAN_OF : end].mean()), 5) for end in ends]
