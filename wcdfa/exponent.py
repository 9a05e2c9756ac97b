"""The line through log F(s)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.arrays import Array, Namespace, constant, matmul_of
from wcdfa.polynomials import Matrix, frozen

FLAT = 1e-30  # a variance of log F below this is none: R² is then 0


class Line(NamedTuple):
    """Slope and R² of log F against log s, each of the batch shape; NaN where fewer than two sizes count."""

    slope: Array
    r_squared: Array


def least_squares(mean_square: Array, floor: Array, sizes: tuple[int, ...], xp: Namespace) -> Line:
    """Ordinary least squares through the sizes whose mean square exceeds `floor`, what rounding alone would leave.

    All sums are one product with (1, log s, log² s); sizes that do not count have weight zero, so shapes stay static.
    """
    counts = mean_square > floor
    weight = xp.astype(counts, mean_square.dtype)
    log_f2 = xp.log(xp.where(counts, mean_square, 1.0))
    log_f2 = weight * (log_f2 - log_f2[..., :1])  # any constant may go: it keeps the sums small
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
    """Columns that sum the weights, log F and log² F, from log F², with the powers of log s: ``(3 k, 6)``."""
    s = np.log(sizes) - np.log(sizes).mean()
    half, zero = np.full_like(s, 0.5), np.zeros_like(s)
    of_weight, of_f, of_ff = [2 * half, s, s * s] + [zero] * 3, [zero] * 3 + [half, s / 2, zero], [zero] * 5 + [half / 2]
    return frozen(np.concatenate([np.stack(columns, axis=1) for columns in (of_weight, of_f, of_ff)]).T).T
