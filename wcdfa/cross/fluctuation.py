"""Computes F²xy(s), the covariance of two detrended profiles, from F² of the series and of their sum.

With (a + b)² = a² + b² + 2ab, F²xy = (F²(x + y) - F²x - F²y) / 2, which is exact for every order, overlap and break. Both series are first
divided by their typical F, so that neither loses digits in the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wcdfa.kernel.arrays import GAPS, NUMPY, Array, Namespace, as_series, is_jax
from wcdfa.kernel.boxes import Layout
from wcdfa.kernel.fluctuation import MeanSquares, checked_overlap, mean_squares
from wcdfa.scales import default_sizes
from wcdfa.support.aliases import Series

if TYPE_CHECKING:
    import numpy.typing as npt

WAY_OUT = (
    "two series are compared where both are whole: give the longest stretch in which both are known, "
    "or fill what is missing (dfa takes gaps of one series)"
)
NEAREST = 1 - 1e-12  # to ρ = 1: nearer than that is rounding


def cross_fluctuations(
    x: Array | npt.ArrayLike,
    y: Array | npt.ArrayLike,
    /,
    *,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    overlap: float = 0.0,
    backward: bool = False,
    breaks: Iterable[int] = (),
) -> tuple[Any, Any]:  # arrays of the library of x, which a type checker cannot know
    """Compute the cross-fluctuation function F²xy(s) of detrended cross-correlation analysis, with its sign.

    >>> import numpy as np
    >>> import wcdfa
    >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
    >>> sizes, F2 = wcdfa.cross_fluctuations(x, noise - x, scales=[4, 8, 16, 32])
    >>> print(F2.round(2))  # near that of -x with itself: -(s² - 4) / (15 s) = -0.2, -0.5, -1.05, -2.13
    [-0.18 -0.47 -0.99 -2.05]

    Both profiles are detrended in each box; F²xy(s) is the mean over boxes of the mean product of their residuals. For a series with
    itself it is F²(s). ρ(s) = F²xy / (F_x F_y) is the detrended cross-correlation coefficient, from -1 to 1: `coupling` gives it with an
    interval.

    Parameters
    ----------
    x, y : arrays of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        Series of the same length, sample by sample, each in any unit. Batch shapes broadcast.
    scales, order, axis, overlap, backward, breaks
        As in `fluctuations`; the axis and the breaks are those of both series.

    Returns
    -------
    scales : integers of shape (k,)
    F2 : array of shape (..., k)
        In the unit of `x` times the unit of `y`, in their library.

    Raises
    ------
    TypeError, ValueError
        As `fluctuations`; and if the series differ in length, or are arrays of two different libraries.

    References
    ----------
    B. Podobnik and H. E. Stanley, Phys. Rev. Lett. 100, 084102 (2008), doi:10.1103/PhysRevLett.100.084102. ρ: G. F. Zebende, Physica A
    390, 614 (2011), doi:10.1016/j.physa.2010.10.022.
    """
    layout = Layout(checked_overlap(overlap), backward)
    pair = cross_squares(*aligned(x, y, axis), scales=scales, order=order, layout=layout, breaks=breaks, default=default_sizes)
    return pair.x.scales(), pair.products()


class CrossSquares(NamedTuple):
    """F² of two series, and F²xy, all in comparable units."""

    x: MeanSquares
    y: MeanSquares
    cross: Array  # F²xy, (..., k), in units of x_level · y_level
    x_level: Array  # (..., 1): the typical F, in units of x.unit
    y_level: Array

    def products(self) -> Array:
        """F²xy in the units of the series."""
        values = self.cross
        for level, unit in ((self.x_level, self.x.unit), (self.y_level, self.y.unit)):
            values = values * (level if unit is None else level * unit)
        return values

    def comparable(self) -> tuple[Array, Array, Array]:
        """F²xy, F²x and F²y, each in the same units."""
        of_x, of_y = self.x.values / (self.x_level * self.x_level), self.y.values / (self.y_level * self.y_level)
        ones = self.x.xp.ones_like(self.cross)
        return self.cross, of_x * ones, of_y * ones

    def coefficients(self) -> Array:
        """ρ(s); NaN where F of either series is only rounding error."""
        known = (self.x.values > self.x.floor) & (self.y.values > self.y.floor)
        return coefficients_of(*self.comparable(), known, self.x.xp)


def coefficients_of(cross: Array, x: Array, y: Array, known: Array, xp: Namespace) -> Array:
    """ρ(s), from -1 to 1, from F²xy, F²x and F²y in the same units; NaN where they are not known."""
    ones = xp.ones_like(cross)
    rho = cross / xp.sqrt(xp.where(known, x * y, ones))
    return xp.where(known, xp.minimum(xp.maximum(rho, -1 * ones), ones), xp.nan * ones)


def z_of(rho: Series) -> Series:
    """The artanh of ρ(s), whose errors do not depend on ρ; that of a perfect coupling is finite.

    >>> z_of(np.array([0.5, -1.0])).round(2)
    array([  0.55, -14.16])
    """
    return np.asarray(np.arctanh(np.clip(rho, -NEAREST, NEAREST)))


def aligned(x: object, y: object, axis: int) -> tuple[Array, Array, Namespace]:
    """Both series along the last axis, in one library; NumPy arrays join the library of the other."""
    (left, xp), (right, other) = whole(x, "x", axis), whole(y, "y", axis)
    check_lengths(left.shape[-1], right.shape[-1])
    batch_of(tuple(left.shape), tuple(right.shape))
    if xp is not other:
        left, right, xp = _in_one_library(left, right, xp, other)
    return left, right, xp


def check_lengths(of_x: int, of_y: int) -> None:
    """Raise a ValueError unless the two series are equally long."""
    if of_x != of_y:
        msg = f"x has {of_x:,} samples and y {of_y:,}; give both at the same steps, so that sample i of x belongs to sample i of y"
        raise ValueError(msg)


def batch_of(of_x: tuple[int, ...], of_y: tuple[int, ...]) -> tuple[int, ...]:
    """The batch shape of two inputs; raises a ValueError if they do not broadcast."""
    try:
        return np.broadcast_shapes(tuple(of_x[:-1]), tuple(of_y[:-1]))
    except ValueError:
        msg = (
            f"x has shape {tuple(of_x)} and y {tuple(of_y)}, with time along the last axis: the axes before it must be equal, or 1. "
            "For every x with every y give x[:, None]; for all pairs of one set use coupling_matrix"
        )
        raise ValueError(msg) from None


def whole(x: object, name: str, axis: int) -> tuple[Array, Namespace]:
    """The series along the last axis, named in errors; a masked array is taken if nothing of it is masked."""
    if isinstance(x, np.ma.MaskedArray):
        masked = np.argwhere(np.ma.getmaskarray(x))
        if len(masked):
            index = int(masked[0][0]) if x.ndim == 1 else tuple(map(int, masked[0]))
            msg = f"{name} is a masked array, with {len(masked):,} masked, the first at index {index}; {WAY_OUT}"
            raise TypeError(msg)
        x = np.ma.getdata(x)
    return named(name, lambda: as_series(x, axis))  # type: ignore[no-any-return]


def _in_one_library(left: Array, right: Array, xp: Namespace, other: Namespace) -> tuple[Array, Array, Namespace]:
    if other is NUMPY:
        return left, _moved(right, xp, left), xp
    if xp is NUMPY:
        return _moved(left, other, right), right, other
    msg = f"x is an array of {xp.__name__} and y one of {other.__name__}; convert one of them, e.g. with np.asarray"  # type: ignore[attr-defined]
    raise TypeError(msg)


def _moved(array: Array, xp: Namespace, like: Array) -> Array:
    return xp.asarray(np.array(array), device=None if is_jax(xp) else like.device)


def cross_squares(
    x: Array,
    y: Array,
    xp: Namespace,
    *,
    scales: Iterable[int] | None,
    order: int,
    layout: Layout,
    breaks: Iterable[int],
    default: Callable[[int, int], tuple[int, ...]],
) -> CrossSquares:
    """F²x, F²y and F²xy of series along the last axis; batch shapes broadcast."""
    breaks = breaks if isinstance(breaks, tuple) else tuple(breaks)
    first = named("x", lambda: mean_squares(x, scales=scales, order=order, axis=-1, layout=layout, breaks=breaks, default=default))
    sizes = first.sizes
    second = named("y", lambda: mean_squares(y, scales=sizes, order=order, axis=-1, layout=layout, breaks=breaks))
    (left, x_level), (right, y_level) = (comparable(each, xp) for each in (first, second))
    found = mean_squares(left + right, scales=sizes, order=order, axis=-1, layout=layout, breaks=breaks)
    of_sum = found.values if found.unit is None else found.values * found.unit * found.unit
    pair = CrossSquares(first, second, of_sum, x_level, y_level)
    _, of_x, of_y = pair.comparable()
    return pair._replace(cross=(of_sum - of_x - of_y) / 2)


def comparable(of: MeanSquares, xp: Namespace) -> tuple[Array, Array]:
    """The series without its mean, in units of its typical F, and that F ``(..., 1)``; 1 if there is none."""
    ones = xp.ones_like(of.values)
    log_f2 = xp.log(xp.where(of.values > of.floor, of.values, ones))
    level = xp.exp(xp.mean(log_f2, axis=-1, keepdims=True) / 2)
    return (of.series - xp.mean(of.series, axis=-1, keepdims=True)) / level, level


def named(name: str, compute: Callable[[], Any]) -> Any:
    """What a function gives; its errors speak of this series, and of what two series need."""
    try:
        return compute()
    except (TypeError, ValueError) as error:
        text = str(error).replace(GAPS, WAY_OUT).replace("dfa needs", "this function needs")
        for start in ("x ", "the series "):
            if text.startswith(start) and (start == "x " or name == "y"):
                text = f"{name} {text.removeprefix(start)}"
        raise type(error)(text) from None
