"""What is measured in a window of steps, and of the network at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import wcdfa
from studies.common.measures import alphas, old_alpha
from studies.plasticity.network import activations
from studies.plasticity.training import SCALARS
from wcdfa.inference.range_exponents import slope_weights

if TYPE_CHECKING:
    import jax

Floats = npt.NDArray[np.float64]

NAMES = {
    "alpha_old": "the author's α",
    "alpha_1": "α of log norms, order 1",
    "alpha_2": "α of log norms, order 2",
    "vector_short": "vector α, 4–16",
    "vector_long": "vector α, 16–125",
    "cosine": "cosine of changes",
    "update_ratio": "update ratio ‖ΔW‖ / ‖W‖",
    "level": "level of ‖ΔW‖",
    "gradient": "gradient norm",
    "weights": "‖W‖",
    "dead": "dead units",
    "rank": "effective rank",
}
RANGES = ((4, 16), (16, 125))


def of_steps(scalars: Floats) -> dict[str, float]:
    """Measures of a window whose steps are rows of `SCALARS`: α by definition and order, and means."""
    steps = dict(zip(SCALARS, scalars.T, strict=True))
    change, weights, gradient = (np.log(steps[name] + 1e-30) for name in ("change", "weights", "gradient"))
    found = {"loss": float(steps["loss"][-100:].mean()), "alpha_old": old_alpha(steps["change"])}
    found |= alphas(steps["change"], orders=(1, 2))
    found |= {"cosine": float(steps["cosine"].mean()), "level": float(change.mean()), "gradient": float(gradient.mean())}
    return found | {"update_ratio": float((change - weights).mean()), "weights": float(steps["weights"][-1])}


def vector_slopes(sketches: npt.ArrayLike) -> dict[str, list[float]]:
    """Exponents of ΔW as a vector in many windows at once, from sketches of shape (windows, steps, coordinates).

    The same numbers as `studies.common.measures.vector_alphas` gives for each window; NaN where no coordinate moved.
    """
    series = np.moveaxis(np.asarray(sketches, dtype=float), 1, 2)
    spread = np.ptp(series, axis=-1, keepdims=True)
    ranged = series / np.where(spread > 0, spread, 1)
    alike = ranged / np.where(spread > 0, np.sqrt(np.mean(np.diff(ranged, axis=-1) ** 2, axis=-1, keepdims=True)), 1)
    sizes, fluctuations = wcdfa.fluctuations(np.where(spread > 0, alike, 0))
    with np.errstate(divide="ignore"):
        logs = 0.5 * np.log(np.sum(fluctuations**2, axis=1))
    slopes = np.where(np.isfinite(logs).all(axis=1), np.nan_to_num(logs, neginf=0).T, np.nan).T @ slope_weights(
        tuple(int(size) for size in sizes), RANGES
    )
    return {"vector_short": slopes[:, 0].tolist(), "vector_long": slopes[:, 1].tolist()}


def of_network(parameters: jax.Array, x: npt.NDArray[np.float32]) -> dict[str, float]:
    """Share of hidden units that are active on less than 1 % of these digits, and effective rank of the last hidden layer."""
    first, second, _ = (np.asarray(each, dtype=float) for each in activations(parameters, x))
    active = np.concatenate([(first > 0).mean(axis=0), (second > 0).mean(axis=0)])
    return {"dead": float((active < 0.01).mean()), "rank": effective_rank(second)}


def effective_rank(rows: Floats) -> float:
    """Exponential of the entropy of the singular values (Roy & Vetterli 2007); 0 if all numbers are 0.

    >>> round(effective_rank(np.eye(5)), 6), effective_rank(np.zeros((3, 2)))
    (5.0, 0.0)
    """
    values = np.linalg.svd(rows, compute_uv=False)
    if values[0] == 0:
        return 0.0
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
