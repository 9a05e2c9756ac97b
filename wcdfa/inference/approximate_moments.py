"""Approximate moments of log F(s), by scaling or simulation, for series too long or boxes too irregular for exact ones.

Scaling: far from its ends a series looks the same everywhere, so the variance of log F goes as one over the number of boxes, and the
correlation between two sizes depends on their ratio. Standard deviations of α come out within 4 % for α up to order + 0.5, within 8 %
up to order + 0.7; nearer to the ceiling they are too small, by half at the very end (tests/test_moments.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wcdfa.inference.moments import Moments, log_mean_square, mean_of_log, nodes, root_of, short_memory_shape
from wcdfa.kernel.boxes import box_starts
from wcdfa.kernel.fluctuation import fluctuations
from wcdfa.kernel.polynomials import Matrix
from wcdfa.synthetic import arfima

SERIES = 2000  # simulated at each α: the standard deviations are then known to 1.6 %
SAMPLES = 1 << 20  # simulated at a time
LEAST = 1e-5  # smallest eigenvalue of a correlation matrix that is put together from parts


def boxes_of(sizes: tuple[int, ...], stretches: tuple[int, ...], overlap: float) -> tuple[int, ...]:
    """How many boxes of each size fit into stretches of these lengths."""
    return tuple(sum(len(box_starts(n, size, overlap=overlap)[0]) if n >= size else 0 for n in stretches) for size in sizes)


def rescaled(base: Moments, boxes: tuple[int, ...], wanted: tuple[int, ...]) -> Moments:
    """The moments for `wanted` boxes of each size instead of `boxes`; sizes beyond those in `wanted` are left out."""
    kept = len(wanted)
    ratio = np.sqrt(np.array(boxes[:kept]) / np.array(wanted))
    root = base.root[:, :kept, :kept]
    variance = np.sum(root**2, axis=-1)
    root = root * ratio[:, None]
    mean = base.mean[:, :kept] + variance - np.sum(root**2, axis=-1)
    return Moments(base.alphas, mean, root, base.short_memory[:, :kept])


def of_sizes(base: Moments, kept: list[int]) -> Moments:
    """The moments of some of the sizes, by their positions."""
    roots = [root_of(root[kept] @ root[kept].T) for root in base.root]
    return Moments(base.alphas, base.mean[:, kept], np.array(roots), base.short_memory[:, kept])


def interpolated(
    base: Moments,
    base_sizes: tuple[int, ...],
    base_boxes: tuple[int, ...],
    sizes: tuple[int, ...],
    boxes: tuple[int, ...],
    order: int,
) -> Moments:
    """Moments at other sizes. Sizes beyond those of `base` are lowered by octaves until they are within its range.

    Use them for the variance of a line through log F, which the largest sizes determine. They are not accurate enough to invert.
    """
    known, wanted = np.log(base_sizes), np.log(sizes)
    octaves = np.ceil(np.maximum(0.0, wanted - known[-1]) / np.log(2)) * np.log(2)
    larger = np.maximum.outer(octaves, octaves)
    places = wanted[:, None] - larger  # position of the first size of each pair, after both are lowered equally
    own = _hats(known, wanted - octaves)
    first, second = _hats(known, places.ravel()), _hats(known, places.T.ravel())
    far = np.minimum(places, places.T) < known[0] - 0.01  # more than the whole range apart
    roots = []
    for root in base.root:
        covariance = root @ root.T
        deviation = np.sqrt(np.diag(covariance))
        correlation = np.einsum("pk,kl,pl->p", first, covariance / np.outer(deviation, deviation), second).reshape(far.shape)
        correlation = np.where(far, 0.0, correlation)
        np.fill_diagonal(correlation, 1.0)
        scaled = (own @ (deviation * np.sqrt(base_boxes))) / np.sqrt(boxes)
        values, vectors = np.linalg.eigh(correlation)
        positive = (vectors * np.maximum(values, LEAST)) @ vectors.T
        roots.append(root_of(positive * np.outer(scaled, scaled)))
    stacked = np.array(roots)
    variance = np.sum(stacked**2, axis=-1)
    log_m = np.array([log_mean_square(sizes, order, float(alpha)) for alpha in base.alphas])
    return Moments(base.alphas, mean_of_log(log_m, variance), stacked, short_memory_shape(sizes, order))


def _hats(known: Matrix, at: Matrix) -> Matrix:
    """Weights of linear interpolation between the known points, ``(len(at), len(known))``; constant outside their range."""
    return np.stack([np.interp(at, known, unit) for unit in np.eye(len(known))], axis=-1)


def simulated(n: int, sizes: tuple[int, ...], order: int, overlap: float, *, each: Callable[[], None] = lambda: None) -> Moments:
    """Moments of SERIES simulated series at each α; `each` is called after each node."""
    means, roots = [], []
    for i, alpha in enumerate(nodes(order)):
        log_f = simulate(n, sizes, order, overlap, float(alpha), SERIES, seed=i)
        means.append(log_f.mean(axis=0))
        roots.append(root_of(np.cov(log_f, rowvar=False)))
        each()
    return Moments(nodes(order), np.array(means), np.array(roots), short_memory_shape(sizes, order))


def simulate(n: int, sizes: tuple[int, ...], order: int, overlap: float, alpha: float, series: int, *, seed: int) -> Matrix:
    """Return log F of simulated ARFIMA(0, α - 1/2, 0), ``(series, sizes)``."""
    rng = np.random.default_rng([seed, n, order])
    parts = []
    for start in range(0, series, max(1, SAMPLES // n)):
        count = min(max(1, SAMPLES // n), series - start)
        x = arfima_of(alpha, n, count, rng)
        parts.append(np.log(fluctuations(x, scales=sizes, order=order, overlap=overlap)[1]))
    return np.concatenate(parts)


def arfima_of(alpha: float, n: int, series: int, rng: np.random.Generator) -> Matrix:
    """ARFIMA(0, α - 1/2, 0) for α of any order, ``(series, n)``."""
    sums = max(0, int(np.floor(alpha - 1e-9)))  # d below 1/2, then running sums
    x = arfima(n, d=alpha - 0.5 - sums, batch=(series,), seed=rng)
    for _ in range(sums):
        x = np.cumsum(x, axis=-1)
    return x
