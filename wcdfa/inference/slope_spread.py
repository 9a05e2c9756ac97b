"""How much a slope over a few small box sizes varies between series of one exponent, whatever stretches it is measured in.

It is for `rolling_slopes`, whose windows have breaks of their own: `contrasts` would need new moments for each pattern of breaks.

The sum of F² over the boxes of a window is a sum over its stretches. Stretches count as independent, so the covariances of these sums add
up: one table for a stretch of each length does for every pattern of breaks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.approximate_moments import boxes_of
from wcdfa.inference.moments import alpha_range, autocovariance, box_form, differences, exact_moments, interpolation
from wcdfa.inference.range_exponents import slope_weights
from wcdfa.kernel.polynomials import frozen

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

STEP = 0.15  # of the grid of α
LONGEST = 3  # times the largest size: in longer stretches, each further sample adds the same
FAR = 16  # times the largest size: from there to the longest, what a further sample adds is found


class Spread(NamedTuple):
    """What series of one exponent, ARFIMA(0, d, 0), show at these sizes, on a grid of α."""

    slopes: Values
    """(alphas,): slopes of ½ log E F²."""
    sums: Values
    """(lengths + 1, alphas · pairs): covariances of half the sums of F² over the boxes of a stretch, relative to the means; and what a further sample adds."""
    pairs: tuple[Places, Places]
    """The two sizes of each pair."""
    weights: Values
    """(sizes,), whose product with log F is the slope."""
    shortest: int

    def lengths(self, samples: Places) -> Values:
        """Which row of `sums` each stretch is, and how many samples it has further, ``(stretches, lengths + 1)``."""
        longest = self.shortest + len(self.sums) - 2
        found = np.zeros((len(samples), len(self.sums)))
        enough = samples >= self.shortest
        rows = np.flatnonzero(enough)
        found[rows, np.minimum(samples[rows], longest) - self.shortest] = 1
        found[:, -1] = np.maximum(samples - longest, 0)
        return found

    def of(self, counts: Values, lengths: Values) -> tuple[Values, Values]:
        """Bias and standard deviation of the slope of each window, ``(windows, alphas)``, from its boxes of each size and its stretches."""
        one, other = self.pairs
        sums = (lengths @ self.sums).reshape(len(counts), len(self.slopes), len(one))
        each = self.weights / counts
        product = np.where(one == other, 1.0, 2.0) * each[:, one] * each[:, other]
        same = np.flatnonzero(one == other)
        bias = -np.einsum("wgk,wk->wg", sums[..., same], each / counts)
        return bias, np.sqrt(np.maximum(np.einsum("wgp,wp->wg", sums, product), 0.0))


@lru_cache(maxsize=8)
def slope_spread(sizes: tuple[int, ...], order: int) -> Spread:
    """Tabulate the spread for these sizes: 0.3 s for 4 to 16.

    >>> spread = slope_spread((4, 8, 16), 1)
    >>> counts, lengths = np.array([[8.0, 4.0, 2.0]]), spread.lengths(np.array([32]))
    >>> bias, deviation = spread.of(counts, lengths)
    >>> print(deviation.shape, deviation[0, 7].round(3))  # α = 1.05, 32 samples
    (1, 14) 0.265
    """
    low, high = alpha_range(order)
    alphas = np.linspace(low, high, round((high - low) / STEP) + 1)
    one, other = np.tril_indices(len(sizes))
    longest, far = LONGEST * sizes[-1], FAR * sizes[-1]
    boxes = np.arange(sizes[-1], longest + 1)[:, None] // np.array(sizes)
    inside = np.stack([_sums_in_stretches(float(alpha), longest, sizes, order) for alpha in alphas], axis=1)
    sums = np.stack([inside[(boxes[:, k] - 1), :, k, boxes[:, j] - 1, j] for k, j in zip(one, other, strict=True)], axis=-1)
    moments, between = exact_moments(far, sizes, order, 0.0), interpolation(order, alphas)
    covariance = np.einsum("gn,nkl->gkl", between, moments.root @ np.swapaxes(moments.root, 1, 2))[:, one, other]
    at_far = np.array(boxes_of(sizes, (far,), 0.0), dtype=np.float64)
    further = (covariance * at_far[one] * at_far[other] - sums[-1]) / (far - longest)
    weights = slope_weights(sizes, ((sizes[0], sizes[-1]),))[:, 0]
    slopes = between @ (moments.mean + np.sum(moments.root**2, axis=-1)) @ weights
    table = np.concatenate([sums, further[None]]).reshape(len(sums) + 1, -1)
    return Spread(frozen(slopes), frozen(table), (one, other), frozen(weights), sizes[-1])


def _sums_in_stretches(alpha: float, n: int, sizes: tuple[int, ...], order: int) -> Values:
    """Covariance of half the sums of F² over the first i and j boxes of two sizes, relative to the means, ``(i, size, j, size)``.

    F² of a box is |Rᵀu|² of the differences u, so the covariance of two is 2 |Rᵀ Γ R'|²: one product for all boxes and sizes.
    """
    differenced = differences(alpha, order)
    covariance = autocovariance(alpha, order, n)
    gamma = covariance[np.abs(np.subtract.outer(np.arange(n), np.arange(n)))]
    forms = [box_form(size, order, differenced) for size in sizes]
    mean = np.array([np.sum(form * gamma[: len(form), : len(form)]) for form in forms])
    roots = [_root(form) for form in forms]
    columns = np.concatenate([_placed(root, n) for root in roots], axis=1)
    widths = np.concatenate([np.full(n // len(root), root.shape[1]) for root in roots])
    begins = np.cumsum(widths) - widths
    squares = (columns.T @ gamma @ columns) ** 2
    each = np.add.reduceat(np.add.reduceat(squares, begins, axis=0), begins, axis=1)
    found = np.zeros((n // sizes[0], len(sizes), n // sizes[0], len(sizes)))
    first = np.cumsum([0, *(n // size for size in sizes)])
    for k in range(len(sizes)):
        for j in range(len(sizes)):
            pairs = each[first[k] : first[k + 1], first[j] : first[j + 1]] / (2 * mean[k] * mean[j])
            found[: len(pairs), k, : pairs.shape[1], j] = np.cumsum(np.cumsum(pairs, axis=0), axis=1)
    return found


def _root(form: Values) -> Values:
    """Columns R with R Rᵀ the form."""
    values, vectors = np.linalg.eigh(form)
    kept = values > 1e-12 * values[-1]
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _placed(root: Values, n: int) -> Values:
    """The columns in each box of a stretch, side by side."""
    size, width = root.shape
    columns = np.zeros((n, n // size, width))
    for box in range(n // size):
        columns[box * size : (box + 1) * size, box] = root
    return columns.reshape(n, -1)
