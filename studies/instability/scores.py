"""The statistics that may warn of a spike, one score for each step: the higher, the more unusual."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

import wcdfa
from studies.instability.spikes import departure
from studies.instability.training import Trace

Floats = npt.NDArray[np.float64]
LEAST = 1e-8  # below it losses, gradients and updates are rounding errors
STRIDE = 5
REFERENCE = 500
LOSS, GRADIENT, GRADIENT_LAYER = "loss", "gradient", "gradient_layer"
UPDATE, UPDATE_FIRST, UPDATE_LAYER, RATIO = "update", "update_first", "update_layer", "ratio"
RMS_FIRST, RMS_LAYER, RMS_RULE, COSINE = "rms_first", "rms_layer", "rms_rule", "cosine"
ALPHA_SHORT, ALPHA = "alpha_128", "alpha_500"
NAMES = {
    LOSS: "loss",
    GRADIENT: "gradient norm",
    GRADIENT_LAYER: "gradient norm of a layer",
    UPDATE: "‖ΔW‖",
    UPDATE_FIRST: "‖ΔW‖ of the first layer",
    UPDATE_LAYER: "‖ΔW‖ of a layer",
    RATIO: "‖ΔW‖/‖W‖",
    RMS_FIRST: "RMS of the first layer",
    RMS_LAYER: "RMS of a layer",
    RMS_RULE: "RMS of the first layer ≥ 2.3",
    COSINE: "cosine of updates",
    ALPHA_SHORT: "α in 128 steps",
    ALPHA: "α in 500 steps",
}
"""The names of the statistics on the page."""


def scores(trace: Trace) -> dict[str, Floats]:
    """The score of each statistic at each step, from what is known once the update of this step is made."""
    update, gradient = total(trace.update), total(trace.gradient)
    first = trace.rms[:, 0]
    return {
        LOSS: _burst(trace.loss),
        GRADIENT: _burst(gradient),
        GRADIENT_LAYER: _burst_of_any(trace.gradient),
        UPDATE: _burst(update),
        UPDATE_FIRST: _burst(trace.update[:, 0]),
        UPDATE_LAYER: _burst_of_any(trace.update),
        RATIO: _burst(update / total(trace.weight)),
        RMS_FIRST: first,
        RMS_LAYER: trace.rms.max(axis=1),
        RMS_RULE: first,
        COSINE: departure(-cosines(trace)),
        ALPHA_SHORT: _change_of_alpha(update, 128),
        ALPHA: _change_of_alpha(update, 500),
    }


def total(layers: Floats) -> Floats:
    """Norm of all layers together."""
    return np.sqrt((layers**2).sum(axis=1))


def cosines(trace: Trace) -> Floats:
    """Cosine of each update with the one before; 0 at the first step."""
    update = total(trace.update)
    before = np.concatenate([[1.0], update[:-1]])
    return trace.turn.sum(axis=1) / np.maximum(update * before, LEAST)


def alpha_at(norms: Floats, window: int, stride: int) -> tuple[npt.NDArray[np.int_], Floats]:
    """α of the log norms in windows, at order 1. Return the number of steps up to the end of each window, and α."""
    rolling = wcdfa.rolling_dfa(np.log(np.maximum(norms, LEAST)), window=window, stride=stride, method="gls")
    return np.asarray(rolling.stops), np.asarray(rolling.result.alpha, dtype=float)


def _burst(series: Floats) -> Floats:
    return departure(np.log(np.maximum(series, LEAST)))


def _burst_of_any(layers: Floats) -> Floats:
    return np.asarray(np.max([_burst(layer) for layer in layers.T], axis=0), dtype=float)


def _change_of_alpha(norms: Floats, window: int) -> Floats:
    """Distance of α from its median over the 500 steps before; each α holds from the end of its window to the next."""
    if len(norms) < window:
        return np.zeros(len(norms))
    stops, found = alpha_at(norms, window, STRIDE)
    alphas = pd.Series(found)
    usual = alphas.shift(1).rolling(REFERENCE // STRIDE, min_periods=20).median()
    held = pd.Series((alphas - usual).abs().to_numpy(), index=stops - 1).reindex(range(len(norms))).ffill()
    return held.fillna(0).to_numpy()
