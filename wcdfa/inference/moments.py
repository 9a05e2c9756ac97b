"""Mean and covariance of log F(s) for ARFIMA(0, d, 0), α = d + 1/2. They calibrate α and its interval.

F²(s) is a quadratic form of the series, so its mean and covariance follow exactly from the autocovariance; those of log F follow to
second order. DFA of order m ignores polynomials below degree m in the series, so its differences, up to m-fold, contain everything.
These are stationary for every α below m + 1, which gives one smooth family through α = 1, where fractional Gaussian noise has none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.boxes import box_starts
from wcdfa.kernel.polynomials import Matrix, frozen, residual_filter

LOWEST = 0.0  # α at one end of the tables …
MARGIN = 0.05  # … and at the other end, their distance from the ceiling, order + 1; d keeps the same distance from 1/2
PHI = 0.15  # the shape of short memory is taken from the difference between AR(1) coefficients of ± this
WIDEST = 512  # above this size F² grows as s^2α, to 1e-5
RIDGE = 1e-9  # relative to the variances, and smaller than their errors
MEMORY = 60  # lags up to which an AR(1) of ± PHI matters


class Moments(NamedTuple):
    """Moments of log F(s) at the Chebyshev nodes `alphas`; between the nodes they are interpolated."""

    alphas: Matrix  # (nodes,)
    mean: Matrix  # (nodes, sizes), for innovations of unit variance
    root: Matrix  # (nodes, sizes, sizes), lower triangular: the covariance is root rootᵀ
    short_memory: Matrix  # (nodes, sizes): how the mean changes with the coefficient of an additional AR(1)


def alpha_range(order: int) -> tuple[float, float]:
    """The lowest and the highest α that can be estimated."""
    return LOWEST, order + 1 - MARGIN


def nodes(order: int) -> Matrix:
    """Chebyshev nodes of the range of α: 16 for order 1, 4 more for each order."""
    low, high = alpha_range(order)
    count = 12 + 4 * order
    return low + (high - low) * (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2


def interpolation(order: int, at: Matrix, *, derivative: bool = False) -> Matrix:
    """Matrix ``(len(at), nodes)`` that interpolates from the nodes by the Chebyshev polynomial through them."""
    low, high = alpha_range(order)
    chebyshev = np.polynomial.chebyshev
    known = 2 * (nodes(order) - low) / (high - low) - 1
    wanted = 2 * (np.asarray(at) - low) / (high - low) - 1
    count = len(known)
    terms = np.asarray(chebyshev.chebvander(wanted, count - 1), dtype=np.float64)
    if derivative:
        columns = [chebyshev.chebval(wanted, chebyshev.chebder(row)) * 2 / (high - low) for row in np.eye(count)]
        terms = np.asarray(np.stack(columns, axis=-1), dtype=np.float64)
    return np.asarray(terms @ np.linalg.inv(chebyshev.chebvander(known, count - 1)))


def differences(alpha: float, order: int) -> int:
    """How often the series is differenced until it is well within the stationary range; more often would lose digits."""
    return min(max(math.floor(alpha + MARGIN), 0), order)


def autocovariance(alpha: float, order: int, lags: int, *, phi: float = 0.0) -> Matrix:
    """Autocovariance of the differences of ARFIMA(1, d, 0) with innovations of unit variance, at lags 0 … `lags`.

    J. R. M. Hosking, Biometrika 68, 165 (1981), doi:10.1093/biomet/68.1.165.
    """
    d = alpha - 0.5 - differences(alpha, order)
    lag = np.arange(1, lags + MEMORY + 1, dtype=np.float64)
    variance = math.exp(math.lgamma(1 - 2 * d) - 2 * math.lgamma(1 - d))
    values = variance * np.concatenate([[1.0], np.cumprod((lag - 1 + d) / (lag - d))])
    if phi:
        filtered = phi ** np.abs(np.arange(-MEMORY, MEMORY + 1)) / (1 - phi * phi)
        values = np.convolve(np.concatenate([values[:0:-1], values]), filtered, "same")[lags + MEMORY :]
    return values[: lags + 1]


@lru_cache(maxsize=256)
def box_form(size: int, order: int, differenced: int) -> Matrix:
    """Matrix W with F² of one box = uᵀ W u, where u are the differences of the series in the box."""
    coordinates = residual_filter(size, order)
    for _ in range(differenced):
        coordinates = np.cumsum(coordinates[::-1], axis=0)[::-1]
    coordinates = coordinates.copy()
    coordinates[:differenced] = 0  # starting values: detrending removes them, up to rounding
    return frozen(coordinates @ coordinates.T / size)


@lru_cache(maxsize=256)
def lag_weights(size: int, order: int, differenced: int) -> Matrix:
    """Weights of the autocovariance at lags 0 … size-1 in the mean of F²."""
    form = box_form(size, order, differenced)
    weights = np.array([np.trace(form, k) for k in range(size)])
    weights[1:] *= 2
    return frozen(weights)


def log_mean_square(sizes: tuple[int, ...], order: int, alpha: float, *, phi: float = 0.0) -> Matrix:
    """Return the log of the mean of F²(s), ``(sizes,)``: exact up to size 512, from there on s^2α."""
    octaves = [max(0, (size - 1).bit_length() - (WIDEST - 1).bit_length()) for size in sizes]
    reduced = [round(size / 2**k) for size, k in zip(sizes, octaves, strict=True)]
    covariance = autocovariance(alpha, order, max(reduced), phi=phi)
    differenced = differences(alpha, order)
    exact = np.array([lag_weights(size, order, differenced) @ covariance[:size] for size in reduced])
    return np.asarray(np.log(exact) + 2 * alpha * np.log(np.array(sizes) / np.array(reduced)))


def mean_of_log(log_m: Matrix, variance: Matrix) -> Matrix:
    """E log F from log E F² and the variance of log F, to second order."""
    return 0.5 * log_m - variance


def short_memory_shape(sizes: tuple[int, ...], order: int) -> Matrix:
    """How E log F changes with the coefficient of an additional AR(1), ``(nodes, sizes)``."""
    ends = [[log_mean_square(sizes, order, alpha, phi=sign * PHI) for alpha in nodes(order)] for sign in (1, -1)]
    return (np.array(ends[0]) - np.array(ends[1])) / (4 * PHI)


def exact_moments(
    n: int, sizes: tuple[int, ...], order: int, overlap: float, *, each: Callable[[], None] = lambda: None
) -> Moments:
    """Moments for the boxes of `fluctuations`, exact except for third orders; `each` is called after each node."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - 6 ms that importing wcdfa would cost

    starts = [np.asarray(box_starts(n, size, overlap=overlap)[0]) for size in sizes]
    means, roots = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # nearly all the time is spent in NumPy, without the interpreter's lock
        for log_m, covariance in pool.map(lambda alpha: _of_log(n, sizes, starts, order, float(alpha)), nodes(order)):
            means.append(mean_of_log(log_m, np.diag(covariance)))
            roots.append(root_of(covariance))
            each()
    return Moments(nodes(order), np.array(means), np.array(roots), short_memory_shape(sizes, order))


def root_of(covariance: Matrix) -> Matrix:
    """Lower triangle whose product with its transpose is the covariance; a small ridge keeps it defined if sizes are so close that they carry the same information."""
    return np.asarray(np.linalg.cholesky(covariance + np.diag(RIDGE * np.diag(covariance))))


def _of_log(n: int, sizes: tuple[int, ...], starts: list[Matrix], order: int, alpha: float) -> tuple[Matrix, Matrix]:
    """Return log E F² and the covariance of log F, Cov(F²_s, F²_t) / (4 E F²_s E F²_t), at one α."""
    covariance = autocovariance(alpha, order, n)
    lag = np.minimum(np.abs(np.arange(2 * n)[None, :] - n - np.arange(max(sizes))[:, None]), n)
    toeplitz = covariance[lag]
    differenced = differences(alpha, order)
    products = [box_form(size, order, differenced) @ toeplitz[:size] for size in sizes]
    mean = np.array([np.trace(p[:, n : n + size]) for p, size in zip(products, sizes, strict=True)])
    result = np.empty((len(sizes), len(sizes)))
    for a in range(len(sizes)):
        for b in range(a + 1):
            total = _pairs_of_boxes(products[a], products[b], starts[a], starts[b], n)
            result[a, b] = result[b, a] = total / (2 * len(starts[a]) * len(starts[b]) * mean[a] * mean[b])
    return np.log(mean), result


def _pairs_of_boxes(a: Matrix, b: Matrix, starts_a: Matrix, starts_b: Matrix, n: int) -> float:
    """Σ over pairs of boxes of tr(W_a Γ W_b Γᵀ). It depends only on their distance, so each distance is computed once."""
    distances = (starts_b[None, :] - starts_a[:, None]).ravel()
    lowest = int(distances.min())
    counts = np.bincount(distances - lowest)
    step = math.gcd(*(int(s[1] - s[0]) if len(s) > 1 else 0 for s in (starts_a, starts_b))) or 1
    lattice = np.arange(0, len(counts), step)
    size_a, size_b = len(a), len(b)
    if len(lattice) > 2 * np.count_nonzero(counts):  # few boxes, at distances without a common step
        taken = np.flatnonzero(counts)
        return float(
            sum(
                counts[k]
                * np.vdot(a[:, n + k + lowest : n + k + lowest + size_b], b[:, n - k - lowest : n - k - lowest + size_a].T)
                for k in taken
            )
        )
    # all distances at once, as views: [k, i, j] is a[i, n + distance + j] and b[j, n - distance + i]
    view = np.lib.stride_tricks.as_strided
    (row_a, item), (row_b, _) = a.strides, b.strides
    forward = view(a[:, n + lowest :], (len(lattice), size_a, size_b), (step * item, row_a, item))
    backward = view(b[:, n - lowest :], (len(lattice), size_a, size_b), (-step * item, item, row_b))
    return float(np.einsum("kij,kij->k", forward, backward) @ counts[lattice])
