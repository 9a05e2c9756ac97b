"""The statistics of a run in windows of 500 steps, every 100 steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studies.common.measures import Floats, alphas, old_alpha, vector_alphas, windowed
from studies.grokking.recorded import EVERY, Recorded

WINDOW = 500
STRIDE = 100
NAMES = {
    "alpha_old": "α by 0.1.0",
    "alpha_1": "α, order 1",
    "alpha_2": "α, order 2",
    "alpha_3": "α, order 3",
    "vector_short": "vector α, sizes 4–16",
    "vector_long": "vector α, sizes 16–125",
    "cosine": "cosine of consecutive ΔW",
    "norm": "log ‖ΔW‖",
    "gradient": "log gradient norm",
    "loss": "log loss",
    "weights": "log ‖W‖",
}
"""How people call them. Those from the cosine on are means over the window, but ‖W‖, which is that at its end."""
ALPHAS = tuple(NAMES)[:6]
OTHERS = tuple(NAMES)[6:]


def tracks_of(recorded: Recorded) -> tuple[npt.NDArray[np.int_], dict[str, Floats]]:
    """Return where the windows end, and each statistic there."""
    ends, old = windowed(recorded.norms, old_alpha, window=WINDOW, stride=STRIDE)
    by_order = [alphas(recorded.norms[end - WINDOW : end]) for end in ends]
    short, long = np.array([vector_alphas(recorded.sketch[end - WINDOW : end]) for end in ends]).T
    found = {"alpha_old": old, **{name: np.array([each[name] for each in by_order]) for name in by_order[0]}}
    found |= {"vector_short": short, "vector_long": long, "cosine": _mean(recorded.cosine)}
    levels = {"norm": recorded.norms, "gradient": recorded.gradient, "loss": recorded.loss}
    found |= {name: _mean(np.log(np.maximum(series, 1e-300))) for name, series in levels.items()}
    return ends, found | {"weights": np.log(at_ends(recorded.weights, ends))}


def at_ends(evaluations: Floats, ends: npt.NDArray[np.int_]) -> Floats:
    """What was evaluated, at the ends of windows."""
    return evaluations[ends // EVERY - 1]


def _mean(series: Floats) -> Floats:
    return windowed(series, np.mean, window=WINDOW, stride=STRIDE)[1]
