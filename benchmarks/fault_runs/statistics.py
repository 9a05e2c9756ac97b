"""The statistics that a fault may show in, each along windows of a run: what people watch, and what the weight change tells."""

from __future__ import annotations

import warnings

import numpy as np

import wcdfa
from wcdfa.scales import half_sizes

from .recording import Floats, Recorded

WINDOW, SHORT = 500, 50  # steps: of statistics that need many, and of means
STRIDE = 50  # steps from one window to the next
TINY = 1e-30
DIVERGED = 1e6  # stands for what is not finite

Tracks = dict[str, Floats]


def stops(steps: int) -> np.ndarray:
    """How many steps there are up to the end of each window."""
    return np.arange(WINDOW, steps + 1, STRIDE)


def tracks(recorded: Recorded) -> Tracks:
    """Each statistic along windows that end at the same steps, all of shape (windows,): names begin with the family."""
    level, ratio = (np.log(recorded["norms"] / by + TINY) for by in (1.0, recorded["weight_norm"]))
    tensors = {name: np.log(norms.astype(float) + TINY) for name, norms in recorded["groups"].items()}
    found = {
        **means("train loss", recorded["loss"]),
        **means("validation loss", recorded["validation"], short=200),
        **means("gradient norm", np.log(recorded["gradients"] + TINY)),
        **means("level", level),
        **means("update ratio", ratio),
        **means("cosine", recorded["cosine"]),
        **{f"tensor level, {name}": mean(norms, SHORT) for name, norms in tensors.items()},
        **of_windows(level),
        **vector_alphas(recorded["sketch"]),
    }
    return {name: np.nan_to_num(values, nan=DIVERGED, posinf=DIVERGED, neginf=-DIVERGED) for name, values in found.items()}


def means(name: str, values: Floats, short: int = SHORT) -> Tracks:
    """Over a short window and over a long one, because a fault may be large and sudden or small and lasting."""
    return {f"{name}, {window}": mean(values, window) for window in (short, WINDOW)}


def mean(values: Floats, window: int) -> Floats:
    """Over the steps of each window that have a value, NaN where none has."""
    rows = np.lib.stride_tricks.sliding_window_view(values, window)[stops(len(values)) - window]
    with np.errstate(invalid="ignore", over="ignore"):
        there = ~np.isnan(rows)
        return np.where(there, rows, 0).sum(-1) / there.sum(-1)


def of_windows(level: Floats) -> Tracks:
    """Spread, lag-1 autocorrelation and α of the logarithm of the norms."""
    rows = np.nan_to_num(windows(level), posinf=DIVERGED, neginf=-DIVERGED, nan=DIVERGED)
    centred = rows - rows.mean(-1, keepdims=True)
    power = (centred**2).sum(-1) + TINY
    return {
        "spread": 0.5 * np.log(power / WINDOW),
        "lag-1": (centred[:, 1:] * centred[:, :-1]).sum(-1) / power,
        "α": alphas(rows),
    }


def alphas(rows: Floats) -> Floats:
    """NaN where nothing changes in a window."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wcdfa.DFAWarning)
        return wcdfa.dfa(rows, method="gls").alpha


def vector_alphas(sketch: Floats) -> Tracks:
    """α of the weight change as a vector, over small and large boxes; each coordinate that moves counts alike."""
    rows = windows(sketch.T.astype(float))  # coordinates, windows, steps
    finite = np.isfinite(rows).all(-1)
    deviation = np.where(finite, np.where(finite[..., None], rows, 0).std(-1), 0)
    moves = deviation > 0
    scaled = np.where(moves[..., None], rows, 0) / np.where(moves, deviation, 1)[..., None]
    sizes, fluctuation = wcdfa.fluctuations(scaled, scales=half_sizes(WINDOW, 1), overlap=0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = 0.5 * np.log((fluctuation**2).sum(0) / moves.sum(0)[:, None])
    return {f"vector α, {low}-{high}": slope(sizes, curve, low, high) for low, high in ((4, 16), (16, WINDOW // 4))}


def slope(sizes: np.ndarray, curve: Floats, low: int, high: int) -> Floats:
    """Of the logarithm of F along the logarithm of the size."""
    used = (sizes >= low) & (sizes <= high)
    x = np.log(sizes[used])
    x -= x.mean()
    return curve[:, used] @ x / (x @ x)


def windows(values: Floats) -> Floats:
    """Shape (..., windows, WINDOW)."""
    return np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=-1)[..., ::STRIDE, :]
