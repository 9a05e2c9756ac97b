"""Finds the cross-exponent λ: how |F²xy(s)| grows with the box size, as s^2λ."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import groupby
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from wcdfa.cross.result import SIGN
from wcdfa.inference.moments import alpha_range, interpolation, log_mean_square, nodes
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.support.aliases import Series

FEWEST = 4  # sizes that a line needs
POINTS = 391  # of the grid of λ


class Exponent(NamedTuple):
    """λ and its interval; NaN with a cause where there is none."""

    value: float
    low: float
    high: float
    cause: int


def exponent_of(cross: Series, rho: Series, covariance: Series, sizes: tuple[int, ...], order: int, confidence: float) -> Exponent:
    """Fit log |F²xy(s)| where its sign is constant by generalised least squares with the expected curve of a single exponent.

    The errors of log |F²xy| at sizes s and t covary as those of ρ without coupling, times (1 + ρ_s ρ_t) / (ρ_s ρ_t); the same holds for
    every Gaussian pair whose coherence does not depend on the frequency.
    """
    run = _longest_run(cross)
    if run.stop - run.start < FEWEST:
        return Exponent(math.nan, math.nan, math.nan, SIGN)
    product = np.outer(rho[run], rho[run])
    spread = covariance[run, run] * (1 + product) / product / 4
    weight = _without_level(spread)
    grid, curves = _curves(sizes[run], order)
    residual = np.log(np.abs(cross[run])) / 2 + np.diag(spread) - curves
    misfit = np.einsum("gs,st,gt->g", residual, weight, residual)
    best = int(np.argmin(misfit))
    slope = np.gradient(curves, grid, axis=0)[best]
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) / math.sqrt(slope @ weight @ slope)
    value = float(grid[best])
    return Exponent(value, value - reach, value + reach, 0)


def _longest_run(values: Series) -> slice:
    """The longest stretch of sizes at which the values have one sign."""
    start, best = 0, slice(0, 0)
    for _, group in groupby(np.sign(values).tolist()):
        stop = start + len(list(group))
        if stop - start > best.stop - best.start:
            best = slice(start, stop)
        start = stop
    return best


def _without_level(spread: Series) -> Matrix:
    """Weights of the residuals whose level is free."""
    inverse = np.linalg.pinv(spread, rcond=1e-9, hermitian=True)
    total = inverse.sum(axis=1)
    return np.asarray(inverse - np.outer(total, total) / total.sum())


@lru_cache(maxsize=64)
def _curves(sizes: tuple[int, ...], order: int) -> tuple[Matrix, Matrix]:
    """A grid of exponents, and ½ log E F²(s) of each, (exponents, sizes)."""
    low, high = alpha_range(order)
    grid = np.linspace(low, high, POINTS)
    known = np.array([log_mean_square(sizes, order, float(alpha)) for alpha in nodes(order)])
    return frozen(grid), frozen(interpolation(order, grid) @ known / 2)
