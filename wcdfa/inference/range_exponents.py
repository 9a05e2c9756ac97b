"""Exponents of ranges of box sizes: slopes of log F(s) by ordinary least squares, with what an autocorrelation leads to expect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wcdfa.inference.moments import lag_weights
from wcdfa.kernel.polynomials import Matrix
from wcdfa.scales import half_sizes

if TYPE_CHECKING:
    import numpy.typing as npt

Range: TypeAlias = "tuple[int, int | None]"
RANGES: tuple[Range, ...] = ((4, 16), (16, None))


def bounds_of(ranges: Iterable[Range], n: int) -> tuple[tuple[int, int], ...]:
    """Smallest and largest size of each range; None stands for a quarter of the samples.

    >>> bounds_of(RANGES, 500)
    ((4, 16), (16, 125))

    Raises
    ------
    ValueError
        If there is no range, or one ends at or below its beginning; an end of None may.
    """
    if not (ranges := tuple(ranges)):
        msg = "ranges is empty; give at least one smallest and largest box size, as in ((4, 16), (16, 64))"
        raise ValueError(msg)
    for low, high in ranges:
        if high is not None and high <= low:
            msg = f"range ({low}, {high}) is empty; give the smallest and the largest box size, as in (4, 16), or None for n // 4"
            raise ValueError(msg)
    return tuple((low, n // 4 if high is None else high) for low, high in ranges)


def slope_weights(sizes: tuple[int, ...], bounds: tuple[tuple[int, int], ...]) -> Matrix:
    """Weights (sizes, ranges) whose products with log F(s) are the slopes; NaN for a range that holds fewer than two sizes."""
    log_s, columns = np.log(sizes), []
    for low, high in bounds:
        inside = (np.asarray(sizes) >= low) & (np.asarray(sizes) <= high)
        if inside.sum() < 2:
            columns.append(np.full(len(sizes), np.nan))
            continue
        line = np.where(inside, log_s - log_s[inside].mean(), 0.0)
        columns.append(line / (line @ line))
    return np.stack(columns, axis=-1)


def expected_exponents(
    autocorrelation: npt.ArrayLike, n: int, *, ranges: Iterable[Range] = RANGES, order: int = 1
) -> npt.NDArray[np.float64]:
    """Compute the exponent that each range of box sizes shows for a stationary series with this autocorrelation.

    White gradients through a momentum of 0.9, whose autocorrelation is 0.9^k:

    >>> print(expected_exponents(0.9 ** np.arange(500), 500).round(3))
    [1.376 1.068]

    They are the slopes of ½ log E F²(s), which is exact: the limit for many coordinates. For a single series, the mean of log F is
    lower at the largest sizes.

    Parameters
    ----------
    autocorrelation : numbers of shape (lags,)
        At lags 0, 1, 2 … steps, in any unit; at least as many as the largest box has samples.
    n : int
        Samples of the series, which decide the box sizes: 2·2^k and 3·2^k.
    ranges : pairs of smallest and largest size
        In samples; None for ``n // 4``.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile in each box.

    Returns
    -------
    numbers of shape (ranges,)
        NaN for a range that holds fewer than two sizes.

    Raises
    ------
    ValueError
        If there are too few lags, no range, or an empty one.

    References
    ----------
    M. Höll and H. Kantz, Eur. Phys. J. B 88, 126 (2015), doi:10.1140/epjb/e2015-60143-1.
    """
    values, bounds = np.asarray(autocorrelation, dtype=np.float64), bounds_of(ranges, n)
    sizes = half_sizes(n, order)
    needed = [size for size in sizes if any(low <= size <= high for low, high in bounds)]
    if values.ndim != 1 or len(values) < max(needed, default=1):
        msg = (
            f"autocorrelation has shape {values.shape}, but boxes of {max(needed, default=1)} samples need as many lags, "
            "from lag 0 on; where it has died out, pad it with zeros"
        )
        raise ValueError(msg)
    log_f = np.zeros(len(sizes))
    log_f[[sizes.index(size) for size in needed]] = [0.5 * np.log(lag_weights(size, order, 0) @ values[:size]) for size in needed]
    return np.asarray(log_f @ slope_weights(sizes, bounds))
