"""Finds which samples are missing: masked ones, NaN if they are said to be gaps, and empty cells of a time grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, as_series, is_jax, on_host, where_not_finite
from wcdfa.kernel.checks import check_breaks
from wcdfa.kernel.time_grid import Spacing, averaged, breaks_on_grid, cells_of

if TYPE_CHECKING:
    import numpy.typing as npt

Missing = Literal["raise", "omit"]
CHOICES: tuple[Missing, ...] = ("raise", "omit")


class Found(NamedTuple):
    """A series with gaps, along the last axis."""

    series: Array  # (..., n); where a sample is missing it is any finite number
    xp: Namespace
    present: npt.NDArray[np.bool_]  # (..., n)
    breaks: tuple[int, ...]


def asked_for(x: object, missing: Missing, times: object, spacing: object) -> bool:
    """Whether samples may be missing; raises if the options are not what they can be."""
    if missing not in CHOICES:
        msg = f"missing must be one of {', '.join(map(repr, CHOICES))}, got {missing!r}; with 'omit' NaN are gaps"
        raise ValueError(msg)
    if spacing is not None and times is None:
        msg = f"spacing={spacing!r} is that of a time grid; give the times= of the samples too"
        raise ValueError(msg)
    return missing == "omit" or times is not None or isinstance(x, np.ma.MaskedArray)


def find_missing(
    x: Array | npt.ArrayLike,
    *,
    axis: int,
    missing: Missing,
    times: npt.ArrayLike | None,
    spacing: Spacing | None,
    breaks: Iterable[int],
) -> Found | None:
    """The series and what is missing of it; None if values are not known, as under tracing, and only they could say."""
    if isinstance(x, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(x)
        series, xp = as_series(np.where(mask, 0, np.ma.getdata(x)), axis)
        absent = np.moveaxis(mask, axis, -1)
    else:
        series, xp = as_series(x, axis)
        absent = np.zeros(series.shape, dtype=np.bool_)
    lost = on_host(xp.isnan(series)) if missing == "omit" else None
    if missing == "omit" and lost is None and times is None:
        return None
    if lost is not None and lost.any():
        series, absent = xp.where(xp.isnan(series), xp.zeros_like(series), series), absent | lost
    if on_host(xp.all(xp.isfinite(series))) == np.False_:
        raise ValueError(where_not_finite(series, xp))
    places = tuple(accumulate(check_breaks(breaks, series.shape[-1])))[:-1]
    if times is None:
        return Found(series, xp, ~absent, places)
    cells = cells_of(times, series.shape[-1], spacing)
    places = breaks_on_grid(places, cells)
    on_grid, present = averaged(series, ~absent, cells, xp)
    return Found(on_grid, xp, present, places)


def in_numpy(found: Found) -> tuple[Found, Callable[[Array], Array]]:
    """The series in NumPy if it is in JAX, and what takes results back: JAX would compile anew for the shapes of each pattern of gaps."""
    values = on_host(found.series) if is_jax(found.xp) else None
    if values is None:
        return found, lambda part: part
    home, device = found.xp, found.series.device
    return found._replace(series=values, xp=NUMPY), lambda part: home.asarray(np.asarray(part), device=device)
