"""Finds the cross-exponent λ: how F²xy(s) grows with the box size, as s^2λ."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.cross.result import BENDS, CHANGES_SIGN, FEW_SIZES
from wcdfa.inference.exponent import normal_quantile
from wcdfa.inference.moments import alpha_range, interpolation, log_mean_square, nodes
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.support import chi_square
from wcdfa.support.aliases import Series

FEWEST = 4  # sizes that a line and its misfit need
POINTS = 391  # of the grid of λ
ROUNDS = 3  # of the weights, which depend on ρ
MISFIT = 0.001  # p-value of a misfit below which there is no single exponent


class Exponent(NamedTuple):
    """λ and its interval; NaN with a cause where there is none."""

    value: float
    low: float
    high: float
    cause: int


class Measured(NamedTuple):
    """What λ is found from: F²xy, F²x and F²y in comparable units, the two α, and the covariance of ρ without coupling, from so many pairs."""

    cross: Series
    x: Series
    y: Series
    alphas: tuple[float, float]
    covariance: Series
    replicates: int


def exponent_of(of: Measured, sizes: tuple[int, ...], order: int, confidence: float) -> Exponent:
    """Fit F²xy(s) by generalised least squares with the expected curve of each exponent, at any level and with either sign.

    F²xy itself is fitted rather than its logarithm, which noise around zero would ruin. In units of F_x F_y its errors at sizes s and t
    covary as those of ρ without coupling, times 1 + ρ_s ρ_t, as for every Gaussian pair whose coherence does not depend on the frequency.
    """
    if len(sizes) < FEWEST:
        return Exponent(math.nan, math.nan, math.nan, FEW_SIZES)
    grid, curves = _curves(sizes, order)
    unit = _expected_unit(of, grid, curves)
    observed, shapes = of.cross / unit, np.exp(2 * curves - 2 * curves[:, :1]) / unit
    rho = np.zeros(len(sizes))
    for _ in range(ROUNDS):
        weight = _weight(of, rho)
        along, length = shapes @ weight @ observed, np.einsum("gs,st,gt->g", shapes, weight, shapes)
        misfit = observed @ weight @ observed - along**2 / length
        best = int(np.argmin(misfit))
        rho = np.clip(shapes[best] * along[best] / length[best], -1, 1)
    if misfit[best] > chi_square.quantile(MISFIT, len(sizes) - 2):
        return Exponent(math.nan, math.nan, math.nan, CHANGES_SIGN if np.ptp(np.sign(of.cross)) == 2 else BENDS)
    near = grid[misfit <= misfit[best] + normal_quantile(confidence) ** 2]
    return Exponent(float(grid[best]), float(near[0]), float(near[-1]), 0)


def _expected_unit(of: Measured, grid: Matrix, curves: Matrix) -> Series:
    """The F_x F_y that series with these α have, at the level of the measured ones: it does not vary by chance from size to size."""
    shape = sum(curves[np.argmin(np.abs(grid - alpha))] for alpha in of.alphas)
    measured = np.log(of.x * of.y) / 2
    return np.asarray(np.exp(shape + np.mean(measured - shape)))


def _weight(of: Measured, rho: Series) -> Matrix:
    """The inverse of the covariance, without the bias that a covariance from few pairs gives it."""
    inverse = np.linalg.pinv(of.covariance * (1 + np.outer(rho, rho)), rcond=1e-9, hermitian=True)
    return np.asarray(inverse * max(of.replicates - len(rho) - 1, 1) / of.replicates)


@lru_cache(maxsize=64)
def _curves(sizes: tuple[int, ...], order: int) -> tuple[Matrix, Matrix]:
    """A grid of exponents, and ½ log E F²(s) of each, (exponents, sizes)."""
    low, high = alpha_range(order)
    grid = np.linspace(low, high, POINTS)
    known = np.array([log_mean_square(sizes, order, float(alpha)) for alpha in nodes(order)])
    return frozen(grid), frozen(interpolation(order, grid) @ known / 2)
