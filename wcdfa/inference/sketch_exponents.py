"""The exponents of sampled coordinates of the weight change ΔW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.calibration import Method
from wcdfa.inference.calibration_tables import method_sizes, moments_for
from wcdfa.inference.effective_by_size import inverse_by_size
from wcdfa.inference.exponent import DFAResult, check_confidence, check_method, result_of
from wcdfa.inference.moments import interpolation
from wcdfa.inference.range_exponents import RANGES, Range, bounds_of, slope_weights
from wcdfa.inference.vector_fluctuation import Computed, computed_for, shares
from wcdfa.kernel.checks import check_order
from wcdfa.kernel.polynomials import Matrix
from wcdfa.support.text import several

if TYPE_CHECKING:
    import numpy.typing as npt


class VectorExponents(NamedTuple):
    """The result of `vector_exponents`."""

    alpha: float
    """α of the vector, one exponent for all box sizes; NaN if there is none."""
    low: float
    """Lower end of the interval of α."""
    high: float
    """Upper end of the interval of α."""
    ranges: tuple[tuple[int, int], ...]
    """Smallest and largest box size of each range, in samples."""
    exponents: tuple[float, ...]
    """Slope of log F(s) on log s in each range, by ordinary least squares; NaN where fewer than two sizes fit."""
    stderr: tuple[float, ...]
    """Standard error of each of them, from the differences between coordinates."""
    coordinates: int
    """How many coordinates were used."""
    still: int
    """How many were left out because they never changed."""
    effective: float
    """How many independent coordinates those used are worth, between 1 and `coordinates`."""
    reason: str | None
    """Why there is no α; None if there is one."""


def vector_exponents(
    sketch: npt.ArrayLike,
    *,
    ranges: Iterable[Range] = RANGES,
    order: int = 1,
    method: Method = "robust",
    confidence: float = 0.95,
) -> VectorExponents:
    """Measure α of the weight change as a vector, from the steps of some of its coordinates.

    >>> import wcdfa
    >>> sketch = wcdfa.synthetic.ar1(500, phi=0.9, batch=(64,), seed=0).T  # white gradients through a momentum of 0.9
    >>> found = vector_exponents(sketch)
    >>> for (low, high), exponent, stderr in zip(found.ranges, found.exponents, found.stderr):
    ...     print(f"sizes {low} to {high}: {exponent:.3f} ± {stderr:.3f}")
    sizes 4 to 16: 1.372 ± 0.006
    sizes 16 to 125: 1.076 ± 0.013

    Each coordinate is divided by the root mean square of its differences, so that all count alike. (Division by its standard deviation
    would bias α by -0.04 at α = 1.5.) F²(s) is then summed over coordinates. A weight that only decays, as that of an input which is
    always zero under weight decay, is a smooth trend, and a single one among 64 raises α at large sizes: leave such weights out.

    The interval of `alpha` holds for coordinates that share one power law, as those of ARFIMA do, independent or correlated. With
    momentum no single exponent exists, and it says nothing: use the exponents of the ranges, and compare them with those of
    `expected_exponents`. Their standard errors assume no power law, and hold for coordinates drawn at random from all and for correlated
    ones, also if those share only their slow part (as long as that is not most of what they vary). For few effective coordinates they
    rest on the model of `alpha`, which counts as one more coordinate.

    Parameters
    ----------
    sketch : numbers of shape (n, K)
        One row of K coordinates for each step. A row of NaN is a step that was not recorded; no box crosses it.
    ranges : pairs of smallest and largest size
        In steps; None for a quarter of the steps that were recorded.
    order, method, confidence
        As in `wcdfa.dfa`.

    Returns
    -------
    VectorExponents
        NaN with a reason, not an exception, if the numbers allow no α.

    Raises
    ------
    ValueError
        If the sketch is not of two dimensions, or another argument is out of range.
    """
    check_method(method)
    check_confidence(confidence)
    check_order(order)
    rows = np.asarray(sketch, dtype=np.float64)
    if rows.ndim != 2:
        msg = f"the sketch has shape {rows.shape}; give (n, K), a row of K coordinates for each step"
        raise ValueError(msg)
    rows, breaks = _recorded(rows)
    bounds, finite = bounds_of(ranges, len(rows)), bool(np.isfinite(rows).all())
    moving = np.ptp(rows, axis=0) > 0 if finite and len(rows) else np.ones(rows.shape[1], dtype=bool)
    reason = _reason(rows, breaks, moving, finite, order, method)
    still = int(np.sum(~moving))
    if reason is not None:
        nothing = (np.nan,) * len(bounds)
        return VectorExponents(*(np.nan,) * 3, bounds, nothing, nothing, rows.shape[1] - still, still, np.nan, reason)
    computed = computed_for(
        _alike(rows[:, moving].T), axis=-1, coordinates=-2, order=order, scales=None, method=method, breaks=breaks
    )
    result, _ = result_of(computed, order, method, confidence)
    exponents, stderr = _of_ranges(computed, result, bounds, order, method)
    return VectorExponents(
        alpha=float(result.alpha),
        low=float(result.low),
        high=float(result.high),
        ranges=bounds,
        exponents=exponents,
        stderr=stderr,
        coordinates=int(np.sum(moving)),
        still=still,
        effective=_effective(computed),
        reason=result.reason,
    )


def _recorded(rows: Matrix) -> tuple[Matrix, tuple[int, ...]]:
    """The rows that were recorded, and where one follows upon a gap."""
    kept = np.flatnonzero(~np.isnan(rows).all(axis=1)) if rows.shape[1] else np.arange(len(rows))
    return rows[kept], tuple(int(at) for at in np.flatnonzero(np.diff(kept) > 1) + 1)


def _long_enough(longest: int, order: int, method: Method) -> bool:
    try:
        return bool(method_sizes(longest, order, method))
    except ValueError:
        return False


def _reason(
    rows: Matrix, breaks: tuple[int, ...], moving: npt.NDArray[np.bool_], finite: bool, order: int, method: Method
) -> str | None:
    n, count = rows.shape
    if count == 0:
        return "the sketch has no coordinates"
    longest = int(max(np.diff([0, *breaks, n]), default=0))
    if not _long_enough(longest, order, method):
        apart = f", the longest stretch without a gap has {longest}" if breaks else ""
        return f"{several(n, 'step was', 'steps were')} recorded{apart}: too few for four box sizes of order {order}"
    if not finite:
        step, coordinate = (int(each) for each in np.argwhere(~np.isfinite(rows))[0])
        return f"coordinate {coordinate} is {rows[step, coordinate]} in recorded step {step}: α needs finite numbers"
    if not moving.any():
        return f"{'the only coordinate did not change' if count == 1 else f'none of the {count} coordinates changed'} in {n} steps"
    return None


def _alike(series: Matrix) -> Matrix:
    """Each coordinate divided by the root mean square of its differences; by its range first, so that no square is 0."""
    ranged = series / np.ptp(series, axis=-1, keepdims=True)
    return np.asarray(ranged / np.sqrt(np.mean(np.diff(ranged, axis=-1) ** 2, axis=-1, keepdims=True)))


def _effective(computed: Computed) -> float:
    return 1.0 if computed.inverse is None else 1 / float(computed.inverse)


def _of_ranges(
    computed: Computed, result: DFAResult, bounds: tuple[tuple[int, int], ...], order: int, method: Method
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Slopes and their standard errors.

    To first order a slope is a sum of one term for each coordinate. Independent terms have a sum whose variance is K times that between
    terms. If at size s they are worth K_eff(s) coordinates, their parts from that size add up to √(K / K_eff(s)) times as much. The
    variance between terms is too small by the part that they have in common, which the model makes up for.
    """
    total = computed.total
    if np.isnan(float(result.alpha)):
        return ((np.nan,) * len(bounds),) * 2
    weights = slope_weights(total.sizes, bounds)
    slopes = 0.5 * np.log(np.asarray(total.values)) @ weights
    inverse = _inverse_by_size(computed)
    weights = weights * np.sqrt(inverse)[:, None]
    count = computed.coordinates
    terms = 0.5 * (np.asarray(shares(computed)) - 1 / count) @ weights
    of_model = _model_variance(computed, float(result.alpha), weights, order, method)
    variance = count**2 * np.var(terms, axis=0) + of_model * inverse.mean()
    return tuple(slopes.tolist()), tuple(np.sqrt(variance).tolist())


def _inverse_by_size(computed: Computed) -> Matrix:
    total = computed.total
    if computed.inverse is None:
        return np.ones(len(total.sizes))
    return inverse_by_size(np.asarray(total.series), total.sizes, total.stretches, float(computed.inverse))


def _model_variance(computed: Computed, alpha: float, weights: Matrix, order: int, method: Method) -> Matrix:
    """Variance of the slopes of one coordinate, if it is ARFIMA with this α."""
    total = computed.total
    moments, _ = moments_for(total.series.shape[-1], total.sizes, order, method, total.stretches)
    root = np.einsum("n,nkl->kl", interpolation(order, np.array([alpha]))[0], moments.root)
    return np.asarray(np.sum((root.T @ weights) ** 2, axis=0))
