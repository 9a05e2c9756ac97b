"""The constants that turn log F(s) into α, its interval and the p-value of its misfit, arranged for one matrix product.

For each α of a fine grid: the weights of the estimating equation h · (log F - mean(α)) = 0, whose root is the estimate; its
standard deviation; and a whitening of the residuals, whose sum of squares is χ² if the series is of the kind that the moments assume.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from wcdfa.inference.moments import Moments, alpha_range, interpolation
from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix, complement, frozen

STEP = 0.05  # step of the grid of α; between its points everything is linear, to 1e-4 in α
COARSE, FINEST = 4096, 64  # up to so many samples STEP is fine enough; it is divided by at most so much
PRIOR = 0.3  # standard deviation of the AR(1) coefficient, by which "robust" weights sizes; its stderr does not include it
FROZEN = 0.7  # above order + 0.7 the efficient weights change so fast with α that following them costs a tenth of the efficiency
Method = Literal["robust", "gls", "ols"]
METHODS: tuple[Method, ...] = ("robust", "gls", "ols")
# upper-tail probabilities at which the misfit of simulated series is tabulated
LEVELS = (0.95, 0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005)


class Calibration(NamedTuple):
    """The constants of `wcdfa.inference.estimators.calibrated_estimate`, on a grid of α."""

    product: Array  # from log F²: the equation at each α, the whitened residuals at each α, slope and sum for R²
    offset: Array  # the product for the mean of log F²
    shift: Array  # by how much the offset falls if the variance of log F doubles
    first: Array  # which interval of the grid is the first …
    last: Array  # … and which the last
    rows: (
        Array  # for each α: α, standard deviation and its step to the next α; knots of the p-value and the slopes that begin there
    )
    step: float = STEP  # of the grid


def step_for(n: int) -> float:
    """The step of the grid for `n` samples: as fine, against the error of α, as it is for 4,096 samples.

    >>> step_for(500), step_for(1_000_000)
    (0.05, 0.003125)
    """
    return STEP / min(math.ceil(math.sqrt(n / COARSE)), FINEST) if n > COARSE else STEP


def has_misfit(n: int) -> bool:
    """Whether the grid is fine enough for `n` samples to test the misfit on it: up to 16 million."""
    return n <= COARSE * FINEST**2


def grid(order: int, step: float = STEP) -> Matrix:
    """The grid of α at which everything is tabulated."""
    low, high = alpha_range(order)
    return np.linspace(low, high, round((high - low) / step) + 1)


def calibrate(
    moments: Moments, misfit: Matrix | None, *, sizes: tuple[int, ...], order: int, method: str, step: float = STEP
) -> Calibration:
    """The constants for one method; without `misfit`, ``(alphas, levels)`` on an even grid, there is no p-value."""
    alphas = grid(order, step)
    mean, root, shape = _at(moments, order, alphas)
    short_memory = PRIOR * shape
    slope = interpolation(order, alphas, derivative=True) @ moments.mean
    covariance = root @ np.swapaxes(root, -1, -2)
    if method == "robust":
        root = np.asarray(np.linalg.cholesky(covariance + short_memory[:, :, None] * short_memory[:, None, :]))
    line = np.log(sizes) - np.mean(np.log(sizes))
    whitening = np.stack([_whitening(r) for r in root])
    efficient = np.einsum("gkw,glw,gl->gk", whitening, whitening, slope)
    efficient = efficient[np.minimum(np.arange(len(alphas)), np.searchsorted(alphas, order + FROZEN))]
    weights = np.broadcast_to(line, mean.shape) if method == "ols" else efficient
    weights = weights / np.sum(weights * slope, axis=-1, keepdims=True)
    stderr = np.sqrt(np.einsum("gk,gkl,gl->g", weights, covariance, weights))
    flat = np.swapaxes(whitening, 1, 2).reshape(-1, len(sizes))
    half = 0.5 * np.concatenate([weights, flat]).T  # log F is half of log F²
    offset, shift = (_projected(each, weights, whitening) for each in (mean, np.diagonal(covariance, axis1=1, axis2=2)))
    product = np.column_stack([half, line / np.linalg.norm(line), np.ones(len(sizes))])
    rows = np.column_stack(
        [alphas, stderr, np.append(np.diff(stderr), 0.0), _hinges(misfit if len(sizes) > 2 else None, order, alphas)]
    )
    interval = np.arange(len(alphas) - 1)
    ends = interval == 0, interval == interval[-1]
    return Calibration(frozen(product), frozen(offset), frozen(shift), *ends, frozen(rows), step)


def _at(moments: Moments, order: int, alphas: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    between = interpolation(order, alphas)
    count, sizes = moments.mean.shape
    root = (between @ moments.root.reshape(count, -1)).reshape(-1, sizes, sizes)
    return between @ moments.mean, root, between @ moments.short_memory


def _projected(log_f: Matrix, weights: Matrix, whitening: Matrix) -> Matrix:
    """The product for a log F at each α, ``(alphas, sizes)``; the two last, for R², are 0."""
    return np.concatenate([np.sum(weights * log_f, axis=-1), np.einsum("gkw,gk->gw", whitening, log_f).ravel(), [0.0, 0.0]])


def _whitening(root: Matrix) -> Matrix:
    """Columns whose products with log F are uncorrelated, have unit variance and do not depend on the level: ``(sizes, sizes - 1)``."""
    level = np.linalg.solve(root, np.ones(len(root)))
    return np.asarray(np.linalg.solve(root.T, complement(level[:, None] / np.linalg.norm(level))))


def misfit_alphas(order: int) -> Matrix:
    """The α at which the misfit is simulated."""
    low, high = alpha_range(order)
    return np.linspace(low + 0.1, high - 0.05, 6 + 4 * order)


def _hinges(misfit: Matrix | None, order: int, alphas: Matrix) -> Matrix:
    """The logarithm of the p-value as a sum of c · max(misfit - knot, 0). Returns the knots, then the c."""
    if misfit is None:
        return np.full((len(alphas), 2), np.nan)
    known = misfit_alphas(order)
    quantiles = np.column_stack([np.interp(alphas, known, column) for column in misfit.T])
    knots = np.column_stack([np.zeros(len(alphas)), quantiles])
    slopes = np.diff(np.log([1.0, *LEVELS])) / np.diff(knots, axis=-1)
    return np.column_stack([knots[:, :-1], slopes[:, :1], np.diff(slopes, axis=-1)])
