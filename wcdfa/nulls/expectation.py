"""What a named optimizer gives: cosine, exponents of the direction, and lag-1, spread and α of ‖ΔW‖, each with its spread over windows."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import dfa
from wcdfa.inference.range_exponents import RANGES, bounds_of, slope_weights
from wcdfa.kernel.fluctuation import fluctuations
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import begin, plan, replay
from wcdfa.scales import half_sizes

Floats = npt.NDArray[np.float64]


class Expected(NamedTuple):
    """One statistic of a window."""

    mean: float
    spread: float
    """Standard deviation from window to window, with as many coordinates as were replayed."""


SAME = 1e-6
"""Standard deviation of log ‖ΔW‖ below which it is constant."""
NOTHING = Expected(float("nan"), float("nan"))


class Expectation(NamedTuple):
    """What `expectation` returns."""

    cosine: Expected
    """Of consecutive changes."""
    small_boxes: Expected
    """Exponent of ΔW as a vector for box sizes 4 to 16."""
    large_boxes: Expected
    """The same for sizes 16 to n / 4."""
    lag1: Expected
    """Autocorrelation of log ‖ΔW‖ at lag 1; NaN if ‖ΔW‖ is constant."""
    deviation: Expected
    """Standard deviation of log ‖ΔW‖; it falls as 1 / √coordinates."""
    alpha: Expected
    """α of log ‖ΔW‖, by "gls"."""


@lru_cache(32)
def expectation(
    optimizer: Optimizer,
    n: int = 500,
    *,
    mean_share: float = 0.0,
    decay: float = 1.0,
    start: int | None = None,
    coordinates: int = 64,
    replicates: int = 60,
    seed: int = 0,
) -> Expectation:
    """Replay an optimizer and measure its changes in windows of n steps.

    >>> from wcdfa.nulls.update_rules import named
    >>> found = expectation(named("sgd", {"momentum": 0.9}))
    >>> print(f"{found.cosine.mean:.2f} {found.small_boxes.mean:.2f} {found.large_boxes.mean:.2f} {found.lag1.mean:.1f}")
    0.90 1.38 1.07 0.8

    Parameters
    ----------
    optimizer : Optimizer
        Replayed on one vector, or matrix, of so many coordinates.
    n : int
        Steps of a window.
    mean_share : float
        Share of a constant mean in the power of the gradients; the rest is white.
    decay : float
        Factor of the learning rate from each step to the next: a schedule. Changes are divided by the rate.
    start : int, optional
        Steps before the window: 0 replays the start of a run. Default: its transients are over.
    coordinates, replicates, seed : int
        For optimizers of matrices, the coordinates are those of their default shape.

    Raises
    ------
    ValueError
        If a number is out of its range: `mean_share` lies from 0 to below 1.
    """
    if not 0 <= mean_share < 1:
        msg = (
            f"mean_share must lie from 0 to below 1, got {mean_share}; it is the share of a constant mean in the power of gradients"
        )
        raise ValueError(msg)
    changes = _changes(optimizer, n, mean_share, decay, start, coordinates, replicates, seed)
    norms = np.sqrt((changes**2).sum(axis=1))
    logs = np.log(norms).T
    centred = logs - logs.mean(axis=1, keepdims=True)
    constant = bool((centred.std(axis=1) < SAME).any())  # Lion's changes all have one size
    products = (changes[1:] * changes[:-1]).sum(axis=1) / (norms[1:] * norms[:-1])
    slopes = _slopes(changes)
    return Expectation(
        cosine=_over_windows(products.mean(axis=0)),
        small_boxes=_over_windows(slopes[:, 0]),
        large_boxes=_over_windows(slopes[:, 1]),
        lag1=NOTHING if constant else _over_windows((centred[:, 1:] * centred[:, :-1]).sum(axis=1) / (centred**2).sum(axis=1)),
        deviation=_over_windows(centred.std(axis=1)),
        alpha=NOTHING if constant else _over_windows(np.asarray(dfa(logs, method="gls").alpha, dtype=np.float64)),
    )


def _changes(
    optimizer: Optimizer, n: int, mean_share: float, decay: float, start: int | None, coordinates: int, replicates: int, seed: int
) -> Floats:
    """Changes over the learning rate, shape (n, coordinates, replicates)."""
    rates = optimizer.default_lr * decay ** np.arange(n)
    run = plan(n, optimizer, rates, None, start, None if optimizer.depends_on_shape else coordinates)
    rng, shape = np.random.default_rng(seed), (*run.shape, replicates)
    weights, memory = begin(run, rng, shape)
    size = float(np.sqrt(np.prod(run.shape)))
    mean = np.sqrt(mean_share) * rng.choice([-1.0, 1.0], size=shape).astype(np.float32)
    gradients = (
        np.float32(1 / size) * (mean + np.sqrt(1 - mean_share, dtype=np.float32) * rng.standard_normal(shape, dtype=np.float32))
        for _ in run.rates
    )
    moves = [
        np.asarray(move, dtype=np.float64) for move in replay(run.rule, gradients, run.rates.tolist(), weights, memory, run.taken)
    ]
    return np.stack(moves[-n:]).reshape(n, -1, replicates) / rates[:, np.newaxis, np.newaxis]


def _slopes(changes: Floats) -> Floats:
    """Exponents of each range of box sizes, shape (replicates, ranges)."""
    n = len(changes)
    series = changes.transpose(2, 1, 0)
    sizes, f = fluctuations(series, scales=half_sizes(n, 1), overlap=0.5)
    logs = 0.5 * np.log((np.asarray(f, dtype=np.float64) ** 2).sum(axis=1))
    return np.asarray(logs @ slope_weights(tuple(map(int, sizes)), bounds_of(RANGES, n)))


def _over_windows(values: Floats) -> Expected:
    return Expected(float(values.mean()), float(values.std(ddof=1)))
