"""Finds α from log F(s): by an ordinary line, or by the calibrated estimates with their intervals."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.inference.calibration import Calibration
from wcdfa.kernel.arrays import NUMPY, Array, Namespace, constant, matmul_of, reshape_of
from wcdfa.kernel.polynomials import Matrix, frozen

FLAT = 1e-30  # a smaller variance of log F counts as 0, and so does R²
FAR = 1e30  # larger than any misfit: for 1e8 samples those far from α are 1e5 and more
TINY = 1e-30
SLAB = 1024  # how many series NumPy computes at a time


class Line(NamedTuple):
    """Slope and R² of log F against log s, each of the batch shape; NaN if fewer than two sizes count."""

    slope: Array
    r_squared: Array


class Estimate(NamedTuple):
    """A calibrated α; each field has the batch shape."""

    alpha: Array
    stderr: Array
    low: Array
    high: Array
    r_squared: Array
    adequacy: Array  # NaN if the calibration has no simulated misfits
    misfit: Array  # sum of squares of the whitened residuals


def least_squares(mean_square: Array, floor: Array, sizes: tuple[int, ...], xp: Namespace) -> Line:
    """Ordinary least squares through the sizes whose mean square exceeds `floor`, the value that rounding alone would leave.

    All sums are one product with (1, log s, log² s); sizes that do not count have weight zero, so shapes stay static.
    """
    counts = mean_square > floor
    weight = xp.astype(counts, mean_square.dtype)
    log_f2 = xp.log(xp.where(counts, mean_square, 1.0))
    log_f2 = weight * (log_f2 - log_f2[..., :1])  # subtracting a constant keeps the sums small
    columns = constant(_powers, sizes, xp=xp, like=mean_square)
    sums = matmul_of(xp)(xp.concat([weight, log_f2, log_f2 * log_f2], axis=-1), columns)
    each = [sums[i] for i in range(6)] if sums.ndim == 1 else [sums[..., i] for i in range(6)]  # NumPy: numbers are fast
    number, of_s, of_ss, of_f, of_sf, of_ff = each
    number = xp.where(number >= 2, number, xp.nan)
    covariance = of_sf - of_s * of_f / number
    slope = covariance / (of_ss - of_s * of_s / number)
    variance = of_ff - of_f * of_f / number
    return Line(slope, slope * covariance / xp.maximum(variance, FLAT))


@lru_cache(maxsize=64)
def _powers(sizes: tuple[int, ...]) -> Matrix:
    """Columns that sum the weights, log F and log² F with powers of log s, starting from log F²: ``(3 k, 6)``."""
    s = np.log(sizes) - np.log(sizes).mean()
    half, zero = np.full_like(s, 0.5), np.zeros_like(s)
    of_weight, of_f, of_ff = [2 * half, s, s * s] + [zero] * 3, [zero] * 3 + [half, s / 2, zero], [zero] * 5 + [half / 2]
    return frozen(np.concatenate([np.stack(columns, axis=1) for columns in (of_weight, of_f, of_ff)]).T).T


def calibrated_estimate(
    mean_square: Array, floor: Array, table: Calibration, quantile: float, xp: Namespace, inflation: Array | None = None
) -> Estimate:
    """Find the root of the estimating equation. If it changes sign more than once, take the root of least misfit; NaN if a size does not count.

    The equation is tabulated on a grid of α, so there is no iteration that could diverge. If it does not change sign, α is an end of the
    grid. The interval holds every α for which the equation is within `quantile` standard deviations of zero.

    `inflation`, one number for each series, says how many times the covariance of log F is that of the table.
    """
    if isinstance(mean_square, np.ndarray) and mean_square.ndim > 1 and math.prod(mean_square.shape[:-1]) > SLAB:
        return _by_slabs(mean_square, floor, table, quantile, inflation)
    counts = mean_square > floor
    log_f2 = xp.log(xp.where(counts, mean_square, 1.0))
    log_f2 = log_f2 - log_f2[..., :1]
    points = table.rows.shape[0]
    outputs = matmul_of(xp)(log_f2, table.product) - table.offset
    if inflation is not None:
        outputs = outputs + (inflation[..., None] - 1) * table.shift
    equation, white, along, total = outputs[..., :points], outputs[..., points:-2], outputs[..., -2], outputs[..., -1]
    white = reshape_of(xp)(white, (*white.shape[:-1], points, white.shape[-1] // points))
    misfits = xp.vecdot(white, white)
    alphas = table.rows[:, 0]
    index, share = _root(equation, misfits[..., :-1], table, xp)
    misfit = (1 - share) * _pick(misfits, index, xp) + share * _pick(misfits, index + 1, xp)
    row = _row(table.rows, index, xp)
    alpha, stderr = row[..., 0] + share * table.step, row[..., 1] + share * row[..., 2]
    wider: Array | float = 1.0
    if inflation is not None:
        wider = xp.sqrt(inflation)[..., None]
        stderr = stderr * wider[..., 0]
        misfit = (misfit - _chord(white, index, share, xp)) / inflation
    away = xp.abs(alphas[:-1] - row[..., :1])  # each end of the interval is the nearest one on its side of α
    reach = quantile * wider * table.rows[:, 1]
    ends = []
    for sign, side in ((-1.0, alphas[:-1] <= row[..., :1]), (1.0, alphas[:-1] >= row[..., :1])):
        place, part = _root(equation + sign * reach, xp.where(side, away, 2 * FAR), table, xp)
        ends.append(alphas[0] + table.step * (xp.astype(place, share.dtype) + part))
    # if α is at an end of the grid, the true one may be beyond: no interval ends nearer to it than half of the error there
    low = xp.minimum(xp.minimum(ends[0], alpha), alphas[-1] - reach[..., -1] / 2)
    high = xp.maximum(xp.maximum(ends[1], alpha), alphas[0] + reach[..., 0] / 2)
    knots = (row.shape[-1] - 3) // 2
    log_p = xp.sum(row[..., 3 + knots :] * xp.maximum(misfit[..., None] - row[..., 3 : 3 + knots], 0.0), axis=-1)
    length = xp.vecdot(log_f2, log_f2) - total * total / log_f2.shape[-1]
    r_squared = along * along / xp.maximum(length, FLAT)
    unknown = xp.where(xp.all(counts, axis=-1), 0.0 * alpha, xp.nan)
    return Estimate(*(part + unknown for part in (alpha, stderr, low, high, r_squared, xp.exp(log_p), misfit)))


def _chord(white: Array, index: Array, share: Array, xp: Namespace) -> Array:
    """How far a line between the misfits at two points of the grid lies above the parabola; much where the grid is wide for the error."""
    left, right = (xp.take_along_axis(white, each[..., None, None], axis=-2)[..., 0, :] for each in (index, index + 1))
    return share * (1 - share) * xp.vecdot(right - left, right - left)


def _by_slabs(mean_square: Matrix, floor: Array, table: Calibration, quantile: float, inflation: Array | None) -> Estimate:
    """Estimate a few series at a time, because the product is a hundred times their size."""
    batch, rows = mean_square.shape[:-1], mean_square.reshape(-1, mean_square.shape[-1])
    floors = np.broadcast_to(np.asarray(floor), mean_square.shape).reshape(rows.shape)
    ratios = None if inflation is None else np.asarray(inflation).reshape(-1)
    slabs = [slice(i, i + SLAB) for i in range(0, len(rows), SLAB)]
    parts = [
        calibrated_estimate(rows[at], floors[at], table, quantile, NUMPY, None if ratios is None else ratios[at]) for at in slabs
    ]
    return Estimate(*(np.concatenate(part).reshape(batch) for part in zip(*parts, strict=True)))


def _root(values: Array, cost: Array, table: Calibration, xp: Namespace) -> tuple[Array, Array]:
    """The interval of the grid with the least cost in which the values fall through zero, and the position in it, from 0 to 1.

    If the values are beyond zero at an end of the grid, that end is taken.
    """
    falls = ((values[..., :-1] > 0) | table.first) & ((values[..., 1:] <= 0) | table.last)
    index = xp.argmin(xp.where(falls, cost, FAR), axis=-1)
    left, right = _pick(values, index, xp), _pick(values, index + 1, xp)
    return index, xp.minimum(xp.maximum(left / xp.maximum(left - right, TINY), 0.0), 1.0)


def _pick(values: Array, index: Array, xp: Namespace) -> Array:
    """One entry along the last axis for each series."""
    if values.ndim == 1 and xp is NUMPY:
        return values[index]
    return xp.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def _row(table: Array, index: Array, xp: Namespace) -> Array:
    """One row of a table for each series."""
    if index.ndim == 0 and xp is NUMPY:
        return table[index]
    return xp.reshape(xp.take(table, xp.reshape(index, (-1,)), axis=0), (*index.shape, table.shape[-1]))
