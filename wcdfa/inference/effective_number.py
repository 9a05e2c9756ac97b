"""How many independent coordinates a vector series is worth."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, constant, matmul_of
from wcdfa.kernel.polynomials import Matrix, frozen

LAGS = 6  # of the autoregression that makes the series white; of ARFIMA with α up to 1.8 it leaves correlations of 0.05 at most, whose squares add up to 0.02
TINY = 1e-30


def inverse_effective_number(series: Array, xp: Namespace, stretches: tuple[int, ...] = ()) -> Array:
    """Find 1 / K_eff of series (..., K, n), between 1 / K and 1; K_eff = (tr Σ)² / tr Σ² with Σ the covariance of the K coordinates.

    For Gaussian coordinates with one autocorrelation, Σ_k F_k²(s) varies as if K_eff of them were independent and equally large. Σ comes
    from the series made white by an autoregression that all coordinates share, and what chance adds to tr Σ² in n samples is taken off:
    M. S. Srivastava, J. Japan Statist. Soc. 35, 251 (2005), doi:10.14490/jjss.35.251.
    """
    count = series.shape[-2]
    if count == 1:
        return xp.zeros_like(series[..., 0, 0]) + 1.0
    errors, freedom = prediction_errors(series, xp, stretches)
    gram = matmul_of(xp)(errors, xp.matrix_transpose(errors)) / freedom
    of_square, trace = xp.sum(gram * gram, axis=(-2, -1)), xp.sum(errors * errors, axis=(-2, -1)) / freedom
    return inverse_of_traces(of_square, trace, freedom, count, xp)


def inverse_of_traces(of_square: Array, trace: Array, freedom: float, count: int, xp: Namespace) -> Array:
    """Find tr Σ² / (tr Σ)² without bias from tr S² and tr S of a sample covariance S of so many degrees of freedom, at least 2."""
    of_square = freedom**2 / ((freedom - 1) * (freedom + 2)) * (of_square - trace * trace / freedom)
    squared = trace * trace - 2 * of_square / freedom
    return xp.minimum(xp.maximum(of_square / xp.maximum(squared, TINY), 1 / count), 1.0)


def prediction_errors(series: Array, xp: Namespace, stretches: tuple[int, ...] = ()) -> tuple[Array, int]:
    """Errors (..., K, n - lags) of predicting each sample from those before it, and their degrees of freedom.

    Burg's recursion, with one reflection coefficient for all coordinates; it also holds where the series is not stationary.
    Errors that would need samples from before a break are 0.
    """
    n = series.shape[-1]
    lags = min(LAGS, n // 8)
    valid = constant(_within, n, lags, stretches, xp=xp, like=series) if len(stretches) > 1 else None
    centred = series - xp.mean(series, axis=-1, keepdims=True)
    size = xp.max(xp.abs(centred), axis=(-2, -1), keepdims=True)
    forward = backward = centred / xp.where(size > 0, size, xp.ones_like(size))  # no square of it underflows
    for lag in range(1, lags + 1):
        forward, backward = forward[..., 1:], backward[..., :-1]
        if valid is not None:
            forward, backward = forward * valid[lag, lag:], backward * valid[lag, lag:]
        product = xp.sum(forward * backward, axis=(-2, -1), keepdims=True)
        power = xp.sum(forward * forward + backward * backward, axis=(-2, -1), keepdims=True)
        reflection = 2 * product / xp.maximum(power, TINY)
        forward, backward = forward - reflection * backward, backward - reflection * forward
    kept = n - lags if valid is None else int(_within(n, lags, stretches)[lags].sum())
    level = xp.sum(forward, axis=-1, keepdims=True) / kept
    forward = forward - (level if valid is None else level * valid[lags, lags:])
    return forward, max(kept - 1, 2)


@lru_cache(maxsize=64)
def _within(n: int, lags: int, stretches: tuple[int, ...]) -> Matrix:
    """For each lag and sample, 1 if the sample so many steps before is in the same stretch, otherwise 0."""
    position = np.arange(n)
    start = np.zeros(n, dtype=int)
    for end, length in zip(accumulate(stretches), stretches, strict=True):
        start[end - length : end] = end - length
    return frozen((position - start >= np.arange(lags + 1)[:, None]).astype(np.float64))
