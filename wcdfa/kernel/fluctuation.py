"""Computes the fluctuation function F(s)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from wcdfa.kernel import half_overlap, side_by_side
from wcdfa.kernel.arrays import NUMPY, Array, Namespace, as_series, is_jax, scaled
from wcdfa.kernel.box_residuals import box_residuals, mean_residuals
from wcdfa.kernel.boxes import BY_HALVES, SIDE_BY_SIDE, Layout
from wcdfa.kernel.checks import check_breaks, check_moments, check_order, check_sizes, saying_where_time_runs
from wcdfa.kernel.half_overlap_plan import on_grid
from wcdfa.kernel.missing import Missing, asked_for, find_missing
from wcdfa.kernel.moments import box_means, flat_boxes
from wcdfa.kernel.one_series import one_series
from wcdfa.kernel.rounding import floor_of
from wcdfa.kernel.side_by_side_plan import worthwhile
from wcdfa.scales import default_sizes

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.time_grid import Spacing


def fluctuations(
    x: Array | npt.ArrayLike,
    /,
    *,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    overlap: float = 0.0,
    backward: bool = False,
    final_box: bool = True,
    moment: float | Iterable[float] = 2.0,
    flat: Literal["omit", "keep"] = "omit",
    breaks: Iterable[int] = (),
    missing: Missing = "raise",
    times: npt.ArrayLike | None = None,
    spacing: Spacing | None = None,
) -> tuple[Any, Any]:  # arrays of the library of x, which a type checker cannot know
    """Compute the fluctuation function F(s) of detrended fluctuation analysis.

    >>> import numpy as np
    >>> import wcdfa
    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> sizes, F = wcdfa.fluctuations(x, scales=[4, 8, 16, 32])
    >>> sizes
    array([ 4,  8, 16, 32])
    >>> print(F.round(2))  # white noise of unit variance: sqrt((s² - 4) / (15 s)) = 0.45, 0.71, 1.02, 1.46
    [0.43 0.7  1.02 1.48]

    The series is cut into boxes of s samples, its running sum (the profile) is detrended in each box by least squares, and F(s) is
    the square root of the mean over boxes of the mean squared residual. Nothing outside a box affects it.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series, in any unit u.
    scales : integers, optional
        Box sizes in samples, increasing, from ``order + 2`` to n. Default: 4, 5, 6, 7 and their doublings from ``2 (order + 1)``
        to ``n // 4``; sizes that are doublings of each other are computed together, in O(n).
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile.
    axis : int
        The axis of `x` along which time runs.
    overlap : float, from 0 to below 1
        Share of a box that the next one covers too: boxes start every ``max(1, floor(s (1 - overlap)))`` samples.
    backward : bool
        Place boxes from the end of the series as well, so that the remainder counts.
    final_box : bool
        False leaves out the box that ends on the last sample, as nolds and NeuroKit2 do when boxes overlap.
    moment : float, or several
        q of the mean over boxes, (mean of RMS^q)^(1/q): 2 is DFA, 1 the mean of RMS of wcdfa 0.1.0, 0 the geometric mean. Several
        q, known before tracing, are computed in one pass over the boxes.
    flat : "omit" or "keep"
        What becomes of flat boxes at q ≤ 0: those whose residual is no more than rounding leaves, for instance where a sensor repeats
        one value. One of them would decide the whole mean, so they are left out of it; "keep" lets them count. At q > 0 all boxes count.
    breaks : integers, optional
        Samples at which a new stretch begins, increasing: gaps, or steps of a learning-rate schedule. No box crosses a break; sizes
        are limited by the longest stretch.
    missing : "raise" or "omit"
        "omit": NaN are gaps. Boxes are laid by time, and residuals are those at the samples present. A box
        counts if it holds at least ``order + 2`` samples and half as many as boxes of its size hold on average; F(s) is NaN where none
        counts. What a masked array masks is a gap too. Gaps change F(s), more at small s: `dfa` corrects α for this.
    times : numbers or datetime64 of shape (n,), optional
        When each sample was taken, increasing; samples are put on a grid of `spacing`. Those in one cell are averaged, empty cells are
        gaps. Breaks are counted in samples of `x`, box sizes in cells.
    spacing : number or timedelta, optional
        Time between two samples. Default: the usual step between neighbours.

    Returns
    -------
    scales : integers of shape (k,)
    F : array of shape (..., k), or (..., len(moment), k) for several moments
        In the unit of `x`, in its library, dtype and device (half precisions: float32). Under tracing, NaN in x gives NaN.

    Raises
    ------
    TypeError
        If `x` is not an array of real numbers, or a size is not an integer.
    ValueError
        If `x` is empty, too short or not finite, a size is out of range, unsorted or repeated, or a moment is not finite.

    References
    ----------
    C.-K. Peng et al., Phys. Rev. E 49, 1685 (1994), doi:10.1103/PhysRevE.49.1685. J. W. Kantelhardt et al., Physica A 295, 441
    (2001), doi:10.1016/S0378-4371(01)00144-3; moments: Physica A 316, 87 (2002), doi:10.1016/S0378-4371(02)01383-3.
    """
    layout = Layout(checked_overlap(overlap), backward, final_box)
    (moments, several), flat = check_moments(moment), _checked_flat(flat)
    if asked_for(x, missing, times, spacing):
        found = find_missing(x, axis=axis, missing=missing, times=times, spacing=spacing, breaks=breaks)
        if found is not None and not found.present.all():
            from wcdfa.kernel.gapped_fluctuation import fluctuations_with_gaps  # noqa: PLC0415 - it builds on this module

            sizes, of_all = fluctuations_with_gaps(found, scales, order, layout, moments, flat)
            return sizes, of_all if several else of_all[..., 0, :]
        if found is not None:
            x, axis, breaks = found.series, -1, found.breaks
    if moments == (2.0,):
        computed = mean_squares(x, scales=scales, order=order, axis=axis, layout=layout, breaks=breaks)
        of_two = computed.fluctuations()
        return computed.scales(), of_two[..., None, :] if several else of_two
    checked = _checked(x, scales, order, axis, breaks, default_sizes)
    means = checked.means(checked.residuals(layout), moments, flat)
    return checked.scales(), means if several else means[..., 0, :]


class MeanSquares(NamedTuple):
    """F²(s) of a checked series, in units of `unit`², with everything needed to use it."""

    values: Array  # (..., k), in units of unit²
    floor: Array  # (..., k), the value that rounding alone would leave
    unit: Array | None  # None for 1, or (..., 1) if squares would have over- or underflown
    sizes: tuple[int, ...]
    series: Array
    xp: Namespace
    stretches: tuple[int, ...] = ()  # lengths between breaks; empty without any

    def scales(self) -> Array:
        """The box sizes, as an integer array in the library of the series."""
        return _as_array(self.sizes, self.series, self.xp)

    def fluctuations(self) -> Array:
        """F(s) in the unit of the series."""
        root = self.xp.sqrt(self.values)
        return root if self.unit is None else root * self.unit


class FluctuationMoments(NamedTuple):
    """F(s) for several moments, and how many boxes they are means of."""

    scales: Any  # (k,), integers
    fluctuations: Any  # (..., len(moments), k), in the unit of the series
    boxes: tuple[int, ...]  # of each size
    flat: Any  # (..., k), integers: those among them whose residual is no more than rounding leaves


class _Checked(NamedTuple):
    """A series and the sizes of its boxes, checked."""

    series: Array
    xp: Namespace
    order: int
    sizes: tuple[int, ...]
    stretches: tuple[int, ...]
    floor: Array
    unit: Array | None

    def scales(self) -> Array:
        """The box sizes, as an integer array in the library of the series."""
        return _as_array(self.sizes, self.series, self.xp)

    def residuals(self, layout: Layout) -> list[Array]:
        """The mean squared residuals of the boxes of each size, in units of `unit`²."""
        return box_residuals(self.series, self.sizes, self.order, layout, self.xp, self.stretches)

    def means(self, residuals: list[Array], moments: tuple[float, ...], flat: str) -> Array:
        """F(s) ``(..., moments, k)`` in the unit of the series."""
        means = box_means(residuals, moments, self.floor if flat == "omit" else None, self.xp)
        return means if self.unit is None else means * self.unit[..., None]


def mean_squares(
    x: Array | npt.ArrayLike,
    *,
    scales: Iterable[int] | None,
    order: int,
    axis: int,
    layout: Layout = SIDE_BY_SIDE,
    breaks: Iterable[int] = (),
    default: Callable[[int, int], tuple[int, ...]] = default_sizes,
) -> MeanSquares:
    """Check all arguments, choose the method, and compute F²(s)."""
    series, xp, order, sizes, stretches, floor, unit = _checked(x, scales, order, axis, breaks, default)
    values = _of_stretches(series, stretches or (series.shape[-1],), sizes, order, layout, xp)
    return MeanSquares(values, floor, unit, sizes, series, xp, stretches)


def fluctuation_moments(
    x: Array | npt.ArrayLike,
    *,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    layout: Layout = SIDE_BY_SIDE,
    breaks: Iterable[int] = (),
    moments: tuple[float, ...],
    flat: Literal["omit", "keep"] = "omit",
) -> FluctuationMoments:
    """Check all arguments, and compute F(s) for many moments from the residuals of the boxes, which are computed once.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> x[100:164] = x[100]  # a sensor that repeats one value
    >>> found = fluctuation_moments(x, scales=[8, 16, 32], moments=(-2.0, 0.0, 2.0))
    >>> found.boxes, found.flat
    ((125, 62, 31), array([7, 3, 1]))
    """
    checked = _checked(x, scales, order, axis, breaks, default_sizes)
    residuals = checked.residuals(layout)
    boxes = tuple(each.shape[-1] for each in residuals)
    means = checked.means(residuals, moments, _checked_flat(flat))
    return FluctuationMoments(checked.scales(), means, boxes, flat_boxes(residuals, checked.floor, checked.xp))


def _checked(
    x: Array | npt.ArrayLike,
    scales: Iterable[int] | None,
    order: int,
    axis: int,
    breaks: Iterable[int],
    default: Callable[[int, int], tuple[int, ...]],
) -> _Checked:
    series, xp = as_series(x, axis)
    order, n = check_order(order), series.shape[-1]
    if n == 0:
        msg = f"the series is empty (shape {tuple(series.shape)}, time along the last axis); give at least {order + 2} samples"
        raise ValueError(msg)
    stretches = () if isinstance(breaks, tuple) and not breaks else check_breaks(breaks, n)
    try:
        sizes = _sizes(scales, n, max(stretches, default=n), order, default)
    except ValueError as error:
        if not stretches:
            with saying_where_time_runs(tuple(series.shape)):
                raise
        why = str(error).replace("the series has", "the longest has", 1)
        msg = f"no box crosses a break, and breaks cut the series into {len(stretches)} stretches: {why}"
        raise ValueError(msg) from None
    series, power, unit = scaled(series, xp)
    return _Checked(series, xp, order, sizes, stretches, floor_of(series, power, sizes, xp), unit)


def _sizes(
    scales: Iterable[int] | None, n: int, longest: int, order: int, default: Callable[[int, int], tuple[int, ...]]
) -> tuple[int, ...]:
    if scales is not None:
        return check_sizes(scales, longest, order)
    fitting = default(longest, order)
    return fitting if longest == n else tuple(size for size in default(n, order) if size in fitting)


def _of_one_stretch(x: Array, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> Array:
    if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype == np.float64 and layout in (SIDE_BY_SIDE, BY_HALVES):
        compute = one_series(len(x), sizes, order, layout.overlap)
        if compute is not None:
            return compute(x)
    if layout == SIDE_BY_SIDE and worthwhile(sizes):
        return side_by_side.mean_squares_side_by_side(x, sizes, order, xp)
    if layout == BY_HALVES and len(sizes) > 1 and all(map(on_grid, sizes)):
        return half_overlap.mean_squares_by_halves(x, sizes, order, xp)
    return mean_residuals(x, sizes, order, layout, xp)


def _of_stretches(x: Array, stretches: tuple[int, ...], sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> Array:
    """The mean over the boxes of all stretches: means of stretches, weighted by their boxes."""
    if len(stretches) == 1:
        return _of_one_stretch(x, sizes, order, layout, xp)
    ends = np.cumsum(stretches)
    total: Array | float = 0.0
    counts = np.array([[sum(map(len, layout.starts(n, size))) for size in sizes] for n in stretches], dtype=np.float64)
    for n, end, count in zip(stretches, ends.tolist(), counts / counts.sum(axis=0), strict=True):
        fitting = tuple(size for size in sizes if size <= n)
        if not fitting:
            continue
        part = _of_one_stretch(x[..., end - n : end], fitting, order, layout, xp)
        missing = xp.zeros((*part.shape[:-1], len(sizes) - len(fitting)), dtype=part.dtype, device=None if is_jax(xp) else x.device)
        total = total + xp.concat([part, missing], axis=-1) * xp.asarray(
            count, dtype=part.dtype, device=None if is_jax(xp) else x.device
        )
    return xp.asarray(total)


@lru_cache(maxsize=1024)
def scales_of(sizes: tuple[int, ...]) -> npt.NDArray[np.int_]:
    """Box sizes as a read-only array."""
    array = np.array(sizes)
    array.setflags(write=False)
    return array


def _as_array(sizes: tuple[int, ...], series: Array, xp: Namespace) -> Array:
    if xp is NUMPY:
        return scales_of(sizes)
    return xp.asarray(np.array(sizes), device=None if is_jax(xp) else series.device)  # a traced array has no device


def checked_overlap(overlap: float) -> float:
    """Return the overlap as a number; raises unless it is from 0 to below 1."""
    if not 0 <= overlap < 1:
        msg = f"overlap must be from 0 to below 1, got {overlap}; 0.5 starts a box at every half box"
        raise ValueError(msg)
    return float(overlap)


def _checked_flat(flat: Literal["omit", "keep"]) -> Literal["omit", "keep"]:
    if flat not in ("omit", "keep"):
        msg = f'flat must be "omit" or "keep", got {flat!r}; "omit" leaves boxes that do not fluctuate out of moments q <= 0'
        raise ValueError(msg)
    return flat
