"""Local slopes of log F(s): an exponent around each box size, with bands for one size and for all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.contrasts import Contrasts, at, contrasts, correlations, exponents
from wcdfa.inference.exponent import CEILING, SATURATION, check_confidence, normal_quantile
from wcdfa.inference.log_fluctuations import LogFluctuations, counted, log_fluctuations, reason_of
from wcdfa.inference.range_exponents import slope_weights
from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix, frozen

if TYPE_CHECKING:
    import numpy.typing as npt

OCTAVE = 2.0
DRAWS = 10_000  # of the largest deviation, for the band that holds at all sizes
COARSE = 5  # points of the grid of α between two at which it is drawn


class LocalSlopes(NamedTuple):
    """What `local_slopes` returns: NumPy arrays, with the batch shape ``(...)`` for input ``(..., n)``."""

    sizes: npt.NDArray[np.float64]
    """Box size in the middle of each slope, in samples, shape ``(m,)``."""
    spans: tuple[tuple[int, int], ...]
    """Smallest and largest box size of each slope."""
    slopes: npt.NDArray[np.float64]
    """Local exponents, shape ``(..., m)``: about 0.5 for white noise at every size."""
    low: npt.NDArray[np.float64]
    """Lower end of the interval of each slope by itself, shape ``(..., m)``."""
    high: npt.NDArray[np.float64]
    """Upper end of the interval of each slope by itself."""
    all_low: npt.NDArray[np.float64]
    """Lower end of the band that holds at all sizes at once, shape ``(..., m)``."""
    all_high: npt.NDArray[np.float64]
    """Upper end of the band that holds at all sizes at once."""
    confidence: float
    cause: npt.NDArray[np.int8]
    """Why there are no slopes, as a key of `wcdfa.inference.exponent.REASONS`; 0 where there are. `reason` says it in words."""
    saturated: npt.NDArray[np.bool_]
    """Whether a slope is within 0.1 of ``order + 1``, the largest value that the order can show: a trend."""

    @property
    def reason(self) -> str | None:
        """Why there are no slopes, in words; None if there are. For many series, the most informative reason."""
        return reason_of(self.cause)

    def __str__(self) -> str:
        """A line for each slope of one series; for many series, what there is."""
        if self.cause.ndim:
            return f"local slopes of {self.cause.size:,} series at {len(self.sizes)} box sizes{counted(self.cause)}"
        if self.cause:
            return f"no local slopes: {self.reason}"
        rows = zip(self.spans, self.slopes, self.low, self.high, self.saturated, strict=True)
        return "\n".join(
            f"boxes of {a:,} to {b:,} samples: {slope:.2f} ({low:.2f} to {high:.2f}){', ' + CEILING if full else ''}"
            for (a, b), slope, low, high, full in rows
        )


def local_slopes(
    x: Array | npt.ArrayLike,
    /,
    *,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    width: float = OCTAVE,
    confidence: float = 0.95,
    breaks: Iterable[int] = (),
) -> LocalSlopes:
    """Measure the exponent around each box size, with an interval for each and a band for all.

    >>> import wcdfa
    >>> found = wcdfa.local_slopes(wcdfa.synthetic.white_noise(1000, seed=0), width=4)
    >>> found.slopes.round(2)[:4]
    array([0.51, 0.53, 0.53, 0.51])
    >>> print(bool(((found.all_low < 0.5) & (0.5 < found.all_high)).all()))
    True

    Each slope is that of the ordinary line through log F(s) over `width`, less the bias that small boxes and few boxes give it. A
    series with one exponent has the same slope everywhere; where its exponent changes, the slopes change over about two octaves.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series. The array is not changed.
    axis, order, scales, breaks
        As in `wcdfa.dfa`; boxes overlap by half.
    width : float
        Largest box size of a slope over its smallest. Wider slopes are more precise, and blur changes more.
    confidence : float
        Level of the intervals, between 0 and 1. The interval of a slope holds for this slope alone; the band holds for all slopes at
        once. Both are those of a series with one exponent around each size (ARFIMA).

    Returns
    -------
    LocalSlopes
        NumPy arrays, whatever the library of `x`. NaN, with a reason, for a series that is constant or holds a value that is not finite.

    Raises
    ------
    TypeError, ValueError
        As `wcdfa.dfa`; and if the width holds no two sizes.

    References
    ----------
    Bias of small boxes: J. W. Kantelhardt et al., Physica A 295, 441 (2001), doi:10.1016/S0378-4371(01)00144-3.
    """
    check_confidence(confidence)
    found = log_fluctuations(x, axis=axis, order=order, scales=scales, breaks=breaks)
    spans = _spans(found.sizes, width)
    of = contrasts(found.moments, slope_weights(found.sizes, spans), found.order)
    each = exponents(found.values, of, normal_quantile(confidence))
    band = exponents(found.values, of, _largest(found, of, confidence))
    middle = np.array([np.sqrt(low * high) for low, high in spans])
    full = each.alpha > order + 1 - SATURATION
    return LocalSlopes(middle, spans, each.alpha, each.low, each.high, band.low, band.high, confidence, found.cause, full)


def _spans(sizes: tuple[int, ...], width: float) -> tuple[tuple[int, int], ...]:
    """Smallest and largest size of each slope: as many as fit into the width."""
    spans: list[tuple[int, int]] = []
    for low in sizes:
        high = max(size for size in sizes if size <= low * width * (1 + 1e-9))
        if high > low and (not spans or high > spans[-1][1]):
            spans.append((low, high))
    if not spans:
        msg = f"width is {width}, and no two box sizes are so near to each other; give a larger width, or more scales"
        raise ValueError(msg)
    return tuple(spans)


def _largest(found: LogFluctuations, of: Contrasts, confidence: float) -> Matrix:
    """How many standard deviations the largest of all deviations stays within, for each series."""
    nearest = COARSE * np.rint(at(of, np.asarray(found.single().alpha)) / COARSE).astype(int)
    nearest = np.minimum(nearest, len(of.alphas) - 1)
    known = {i: _largest_at(of, i, confidence) for i in np.unique(nearest).tolist()}
    return np.asarray(np.vectorize(known.get, otypes=[np.float64])(nearest))


def _largest_at(of: Contrasts, index: int, confidence: float) -> float:
    """The same for one α, from normal draws with the correlations of the contrasts."""
    values, vectors = np.linalg.eigh(correlations(of, of.alphas[index]))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return float(np.quantile(np.abs(_draws(len(values)) @ root.T).max(axis=-1), confidence))


@lru_cache(maxsize=8)
def _draws(count: int) -> Matrix:
    return frozen(np.random.default_rng(0).standard_normal((DRAWS, count)))
