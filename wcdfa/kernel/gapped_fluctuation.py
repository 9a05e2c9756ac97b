"""F²(s) of what `missing` found: the series are grouped by their patterns of gaps, since boxes depend on these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, is_jax, scaled
from wcdfa.kernel.boxes import Layout
from wcdfa.kernel.checks import check_breaks, check_order, check_sizes
from wcdfa.kernel.fluctuation import MeanSquares
from wcdfa.kernel.gapped import Gaps, box_residuals_with_gaps, mean_squares_with_gaps
from wcdfa.kernel.missing import Found, in_numpy
from wcdfa.kernel.moments import box_means
from wcdfa.kernel.rounding import floor_of
from wcdfa.scales import default_sizes

if TYPE_CHECKING:
    import numpy.typing as npt

    Pattern = npt.NDArray[np.bool_]


class Group(NamedTuple):
    """Series with one pattern of gaps."""

    rows: npt.NDArray[np.intp]  # their places among all series
    gaps: Gaps
    series: Array  # (rows, ..., m), the samples that are present


class Grouped(NamedTuple):
    """The series of a batch by their patterns, and the box sizes for all of them."""

    groups: list[Group]
    batch: tuple[int, ...]
    sizes: tuple[int, ...]
    order: int
    xp: Namespace


def grouped(
    found: Found,
    scales: Iterable[int] | None,
    order: int,
    default: Callable[[int, int], tuple[int, ...]],
    *,
    inner: int = 0,
) -> Grouped:
    """Group the series by their patterns, from the first sample to the last that any series has; `inner` axes share a pattern.

    If that span is too short for the default sizes, they are those of the whole length, and no box of the larger ones counts.
    """
    series, xp, present, breaks = found
    order, n = check_order(order), series.shape[-1]
    if n == 0:
        msg = f"the series is empty (shape {tuple(series.shape)}, time along the last axis); give at least {order + 2} samples"
        raise ValueError(msg)
    batch = series.shape[: series.ndim - 1 - inner]
    rows = np.reshape(present.all(axis=tuple(range(len(batch), present.ndim - 1))), (-1, n))
    start, stop = _span(rows)
    sizes = _sizes(scales, n, stop - start, max(check_breaks(breaks, n), default=n), order, default)
    ends = sorted({start, stop, *(b for b in breaks if start < b < stop)})
    stretches = tuple(b - a for a, b in pairwise(ends))
    flat = xp.reshape(series, (len(rows), *series.shape[len(batch) :]))
    groups = []
    for pattern, members in _patterns(rows[:, start:stop]):
        chosen = _taken(_taken(flat, members, 0, xp), start + np.flatnonzero(pattern), -1, xp)
        groups.append(Group(members, Gaps.of(pattern, stretches), chosen))
    return Grouped(groups, batch, sizes, order, xp)


def _span(rows: Pattern) -> tuple[int, int]:
    """From the first sample that any series has to the last; of nothing, all."""
    filled = np.flatnonzero(rows.any(axis=0))
    return (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, rows.shape[-1])


def _sizes(
    scales: Iterable[int] | None, n: int, span: int, longest: int, order: int, default: Callable[[int, int], tuple[int, ...]]
) -> tuple[int, ...]:
    if scales is not None:
        return check_sizes(scales, longest, order)
    try:
        fitting = default(span, order)
    except ValueError:
        fitting = default(n, order)
    return tuple(size for size in fitting if size <= longest)


def _patterns(rows: Pattern) -> list[tuple[Pattern, npt.NDArray[np.intp]]]:
    """Each pattern of gaps, and which rows have it; of no rows, one without gaps."""
    if not len(rows):
        return [(np.ones(rows.shape[-1], dtype=np.bool_), np.zeros(0, dtype=np.intp))]
    patterns, which = np.unique(rows, axis=0, return_inverse=True)
    return [(pattern, np.flatnonzero(which.reshape(-1) == i)) for i, pattern in enumerate(patterns)]


def mean_squares_of(group: Group, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> MeanSquares:
    """F²(s) of one group, values of shape (rows, ..., k); NaN where no sample is present."""
    if not group.series.shape[-1]:
        series = group.series
        nothing = xp.zeros((*series.shape[:-1], len(sizes)), dtype=series.dtype, device=None if is_jax(xp) else series.device)
        return MeanSquares(nothing + xp.nan, nothing, None, sizes, series, xp)
    series, power, unit = scaled(group.series, xp)
    values = mean_squares_with_gaps(series, group.gaps, sizes, order, layout, xp)
    stretches = group.gaps.stretches if len(group.gaps.stretches) > 1 else ()
    return MeanSquares(values, floor_of(series, power, sizes, xp), unit, sizes, series, xp, stretches)


def in_order(parts: list[Array], groups: list[Group], batch: tuple[int, ...], xp: Namespace) -> Array:
    """The rows of all groups in the order of the series, of the batch shape."""
    joined = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    places = np.argsort(np.concatenate([group.rows for group in groups]))
    return xp.reshape(_taken(joined, places, 0, xp) if len(parts) > 1 else joined, (*batch, *joined.shape[1:]))


def _taken(values: Array, places: npt.NDArray[np.intp], axis: int, xp: Namespace) -> Array:
    return xp.take(values, xp.asarray(places, device=None if is_jax(xp) else values.device), axis=axis)


def fluctuations_with_gaps(
    found: Found, scales: Iterable[int] | None, order: int, layout: Layout, moments: tuple[float, ...], flat: str
) -> tuple[Array, Array]:
    """Box sizes, and F(s) of shape (..., len(moments), k)."""
    found, back = in_numpy(found)
    of = grouped(found, scales, order, default_sizes)
    squares = [mean_squares_of(group, of.sizes, of.order, layout, of.xp) for group in of.groups]
    if moments == (2.0,):
        parts = [each.fluctuations()[..., None, :] for each in squares]
    else:
        parts = [_moments(each, group, of, layout, moments, flat) for each, group in zip(squares, of.groups, strict=True)]
    return back(squares[0].scales()), back(in_order(parts, of.groups, of.batch, of.xp))


def _moments(squares: MeanSquares, group: Group, of: Grouped, layout: Layout, moments: tuple[float, ...], flat: str) -> Array:
    xp = of.xp
    nothing = xp.stack([squares.values * xp.nan] * len(moments), axis=-2)
    if not group.series.shape[-1]:
        return nothing
    columns = []
    for i, each in enumerate(box_residuals_with_gaps(squares.series, group.gaps, of.sizes, of.order, layout, xp)):
        floor = squares.floor[..., i : i + 1] if flat == "omit" else None
        columns.append(box_means([each], moments, floor, xp) if each.shape[-1] else nothing[..., i : i + 1])
    means = xp.concat(columns, axis=-1)
    return means if squares.unit is None else means * squares.unit[..., None]
