"""F²(s) of a vector series: the sum over its coordinates, and how many independent ones they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from wcdfa.inference.effective_number import inverse_effective_number
from wcdfa.kernel.arrays import Array, Namespace, as_series
from wcdfa.kernel.boxes import BY_HALVES, SIDE_BY_SIDE
from wcdfa.kernel.fluctuation import MeanSquares, mean_squares
from wcdfa.scales import default_sizes, half_sizes

if TYPE_CHECKING:
    import numpy.typing as npt


class Computed(NamedTuple):
    """F²(s) with what the calibration needs to know of coordinates."""

    total: MeanSquares  # values and floor of shape (..., k); the series still has its coordinates
    each: MeanSquares  # values of shape (..., K, k)
    inverse: Array | None = None  # 1 / effective number, of the batch shape; None for a single coordinate
    coordinates: int = 1

    @property
    def calibrated(self) -> int:
        """For how many coordinates the calibration is made: a power of two, so that one more or less needs no new one."""
        return 1 << (self.coordinates.bit_length() - 1)


def computed_for(
    x: Array | npt.ArrayLike,
    *,
    axis: int,
    coordinates: int | None,
    order: int,
    scales: Iterable[int] | None,
    method: str,
    breaks: Iterable[int] = (),
) -> Computed:
    """Check the arguments and compute F²(s) with the boxes of a method, summed over the coordinates if there is an axis of them."""
    layout, default = (SIDE_BY_SIDE, default_sizes) if method == "ols" else (BY_HALVES, half_sizes)
    if coordinates is None:
        plain = mean_squares(x, scales=scales, order=order, axis=axis, layout=layout, breaks=breaks, default=default)
        return Computed(plain, plain)
    series, xp = coordinates_second_to_last(x, axis, coordinates)
    each = mean_squares(series, scales=scales, order=order, axis=-1, layout=layout, breaks=breaks, default=default)
    count = series.shape[-2]
    if count == 1:
        return Computed(summed(each), each)
    scaled = each.series if each.unit is None else each.series * _relative(each.unit, xp)
    return Computed(summed(each), each, inverse_effective_number(scaled, xp, each.stretches), count)


def summed(each: MeanSquares) -> MeanSquares:
    """The sum over coordinates (..., K, k) of F²(s), in units of the largest coordinate's unit."""
    xp, values, floor, unit = each.xp, each.values, each.floor, each.unit
    if unit is not None:
        share = _relative(unit, xp) ** 2
        values, floor, unit = values * share, floor * share, xp.max(unit, axis=-2)
    return each._replace(values=xp.sum(values, axis=-2), floor=xp.sum(floor, axis=-2), unit=unit)


def shares(of: Computed) -> Array:
    """Each coordinate's share (..., K, k) in the sum of F²(s)."""
    each, xp = of.each, of.each.xp
    values = each.values if each.unit is None else each.values * _relative(each.unit, xp) ** 2
    return values / of.total.values[..., None, :]


def _relative(unit: Array, xp: Namespace) -> Array:
    return unit / xp.max(unit, axis=-2, keepdims=True)


def coordinates_second_to_last(x: Array | npt.ArrayLike, axis: int, coordinates: int) -> tuple[Array, Namespace]:
    """The series with time along the last axis and coordinates along the one before, and its namespace."""
    series, xp = as_series(x, axis)
    ndim = series.ndim
    if ndim < 2:
        msg = f"x has shape {tuple(series.shape)}: no axis is left for coordinates; give an array of shape (..., K, n)"
        raise ValueError(msg)
    for place, name in ((axis, "axis"), (coordinates, "coordinates")):
        if not -ndim <= place < ndim:
            msg = f"{name} {place} is out of bounds for an array of dimension {ndim}; use {-ndim} to {ndim - 1}"
            raise IndexError(msg)
    of_time, of_coordinates = axis % ndim, coordinates % ndim
    if of_time == of_coordinates:
        msg = f"axis and coordinates are both {of_time}; time runs along one axis, the coordinates along another"
        raise ValueError(msg)
    series = xp.moveaxis(series, of_coordinates - (of_coordinates > of_time), -2)
    if series.shape[-2] == 0:
        msg = f"x has no coordinates (shape {tuple(series.shape)}, coordinates along the last axis but one); give at least one"
        raise ValueError(msg)
    return series, xp
