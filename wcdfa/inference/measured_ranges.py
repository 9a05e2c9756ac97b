"""Measures an exponent in each range of box sizes, with intervals for each and for how they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.contrasts import Contrasts, Exponents, at, contrasts, correlations, exponents
from wcdfa.inference.exponent import CEILING, SATURATION, check_confidence, normal_quantile
from wcdfa.inference.log_fluctuations import counted, log_fluctuations, reason_of
from wcdfa.inference.range_exponents import Range, bounds_of, slope_weights
from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix
from wcdfa.support.text import probability

if TYPE_CHECKING:
    import numpy.typing as npt

HEART: tuple[Range, ...] = ((4, 16), (16, 64))


class RangeExponents(NamedTuple):
    """What `range_exponents` returns: NumPy arrays, with the batch shape ``(...)`` for input ``(..., n)``."""

    ranges: tuple[tuple[int, int], ...]
    """Smallest and largest box size of each range, in samples."""
    exponents: npt.NDArray[np.float64]
    """The exponent of each range, shape ``(..., ranges)``, less the bias of small boxes and of few boxes."""
    low: npt.NDArray[np.float64]
    """Lower end of the interval of each exponent."""
    high: npt.NDArray[np.float64]
    """Upper end of the interval of each exponent."""
    differences: npt.NDArray[np.float64]
    """How much the exponent of each range is above that of the range before, shape ``(..., ranges - 1)``."""
    difference_low: npt.NDArray[np.float64]
    """Lower end of the interval of each difference."""
    difference_high: npt.NDArray[np.float64]
    """Upper end of the interval of each difference."""
    p_values: npt.NDArray[np.float64]
    """p-value of each difference: how often a series with one exponent has one at least as large."""
    confidence: float
    cause: npt.NDArray[np.int8]
    """Why there are no exponents, as a key of `wcdfa.inference.exponent.REASONS`; 0 where there are. `reason` says it in words."""
    saturated: npt.NDArray[np.bool_]
    """Whether an exponent is within 0.1 of ``order + 1``, the largest value that the order can show: a trend."""

    @property
    def reason(self) -> str | None:
        """Why exponents are NaN, in words; None if none is. For many series, the most informative reason."""
        few = np.isnan(self.exponents).all(axis=tuple(range(self.cause.ndim))) if self.cause.size else np.zeros(0, bool)
        return reason_of(self.cause) or ("a range holds fewer than two of the box sizes" if few.any() else None)

    def __str__(self) -> str:
        """A line for each range of one series and for each difference; for many series, what there is."""
        if self.cause.ndim:
            return f"exponents of {len(self.ranges)} ranges of box sizes of {self.cause.size:,} series{counted(self.cause)}"
        if self.cause:
            return f"no exponents: {self.reason}"
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        for k, (low, high) in enumerate(self.ranges):
            yield f"boxes of {low:,} to {high:,} samples: {self._exponent(k)}"
        for *found, p in zip(self.differences, self.difference_low, self.difference_high, self.p_values, strict=True):
            if math.isfinite(p):
                yield f"difference: {found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f}), {probability(p)} under one exponent"

    def _exponent(self, k: int) -> str:
        if not math.isfinite(self.exponents[k]):
            return "unknown, because two box sizes are needed"
        said = f"{self.exponents[k]:.2f} ({self.low[k]:.2f} to {self.high[k]:.2f})"
        return f"{said}, {CEILING}" if self.saturated[k] else said


def range_exponents(
    x: Array | npt.ArrayLike,
    /,
    ranges: Iterable[Range] = HEART,
    *,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    confidence: float = 0.95,
    breaks: Iterable[int] = (),
) -> RangeExponents:
    """Measure an exponent in each range of box sizes, such as the α1 and α2 of heart beats, with intervals, and how they differ.

    >>> import wcdfa
    >>> print(wcdfa.range_exponents(wcdfa.synthetic.white_noise(1000, seed=0)))
    boxes of 4 to 16 samples: 0.53 (0.45 to 0.62)
    boxes of 16 to 64 samples: 0.47 (0.37 to 0.59)
    difference: -0.06 (-0.21 to 0.08), p = 0.4 under one exponent

    Each exponent is the ordinary slope of log F(s), less the bias that small boxes and few boxes give it. The intervals are those of a
    series that has one exponent within a range and well beyond it. If the exponent changes at the border of two ranges, F(s) of each
    range contains part of the other, and the measured exponents lie nearer to each other than the true ones. `wcdfa.crossovers`
    measures the true ones.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series. The array is not changed.
    ranges : pairs of smallest and largest box size
        In samples; None stands for ``n // 4``. Default: the ranges usual for intervals between heart beats.
    axis, order, scales, breaks
        As in `wcdfa.dfa`; boxes overlap by half.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    RangeExponents
        NumPy arrays, whatever the library of `x`. NaN, with a reason, for a series that is constant or holds a value that is not finite,
        and for a range with fewer than two box sizes.

    Raises
    ------
    TypeError, ValueError
        As `wcdfa.dfa`; and if there is no range, or one is empty.

    References
    ----------
    C.-K. Peng et al., Chaos 5, 82 (1995), doi:10.1063/1.166141. How one range changes the exponent of another: P. Carpena et al.,
    Entropy 24, 61 (2022), doi:10.3390/e24010061.
    """
    check_confidence(confidence)
    found = log_fluctuations(x, axis=axis, order=order, scales=scales, breaks=breaks)
    bounds, quantile = bounds_of(ranges, found.n), normal_quantile(confidence)
    weights = slope_weights(found.sizes, bounds)
    known = np.isfinite(weights).all(axis=0)
    of = contrasts(found.moments, np.where(known, weights, 0.0), found.order)
    each = Exponents(*(np.where(known, part, math.nan) for part in exponents(found.values, of, quantile)))
    with np.errstate(all="ignore"):  # a range without an exponent has no differences
        difference, stderr = _differences(each, of)
        deviations = difference / _under_one(each, of)
    p_values = np.asarray(np.vectorize(_two_sided, otypes=[np.float64])(deviations))
    ends = difference - quantile * stderr, difference + quantile * stderr
    full = each.alpha > order + 1 - SATURATION
    return RangeExponents(bounds, each.alpha, each.low, each.high, difference, *ends, p_values, confidence, found.cause, full)


def _differences(each: Exponents, of: Contrasts) -> tuple[Matrix, Matrix]:
    """Differences of neighbouring exponents, and their standard errors: each exponent has its own, the correlation is that of their mean."""
    together = correlations(of, (each.alpha[..., 1:] + each.alpha[..., :-1]) / 2)
    first = np.arange(each.alpha.shape[-1] - 1)
    shared = together[..., first, first, first + 1]
    before, after = each.stderr[..., :-1], each.stderr[..., 1:]
    return np.diff(each.alpha, axis=-1), np.sqrt(before**2 + after**2 - 2 * shared * before * after)


def _under_one(each: Exponents, of: Contrasts) -> Matrix:
    """Standard deviation of the differences between the exponents of a series with one exponent, the weighted mean of the two."""
    weight = each.stderr**-2
    pooled = (weight * each.alpha)[..., 1:] + (weight * each.alpha)[..., :-1]
    index = at(of, pooled / (weight[..., 1:] + weight[..., :-1]))
    first = np.arange(each.alpha.shape[-1] - 1)
    rate, covariance = of.rate[index, first], of.covariance[index]
    after = of.rate[index, first + 1]
    variance = (
        covariance[..., first, first, first] / rate**2
        + covariance[..., first, first + 1, first + 1] / after**2
        - 2 * covariance[..., first, first, first + 1] / (rate * after)
    )
    return np.asarray(np.sqrt(variance))


def _two_sided(deviations: float) -> float:
    return math.erfc(abs(deviations) / math.sqrt(2))
