"""Which samples of two series are compared, at which lags and in which boxes, and the coefficient ρ(s) that they give."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from wcdfa.cross.fluctuation import CrossSquares, cross_squares
from wcdfa.inference.approximate_moments import boxes_of
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.boxes import BY_HALVES
from wcdfa.kernel.checks import check_breaks, check_order, check_sizes, listed
from wcdfa.scales import half_sizes
from wcdfa.support.aliases import Series
from wcdfa.support.text import several

LEAST_BOXES = 7  # that overlap by half: a size of a quarter of the series has as many
FEWEST_SIZES = 2
OVERLAP = 0.5


class Frame(NamedTuple):
    """What is compared; the key under which a null is kept."""

    n: int  # samples of each series
    sizes: tuple[int, ...]
    order: int = 1
    breaks: tuple[int, ...] = ()
    lags: tuple[int, ...] = (0,)

    def spans(self) -> Iterator[tuple[slice, slice, tuple[int, ...]]]:
        """For each lag the samples of x, those of y, as many, and the breaks within them.

        >>> list(Frame(10, (4,), lags=(0, 2)).spans())
        [(slice(0, 8, None), slice(0, 8, None), ()), (slice(0, 8, None), slice(2, 10, None), ())]
        """
        start, length = max(0, -min(self.lags)), self.compared
        for lag in self.lags:
            both = {place - start for place in self.breaks} | {place - start - lag for place in self.breaks}
            yield (
                slice(start, start + length),
                slice(start + lag, start + lag + length),
                tuple(sorted(place for place in both if 0 < place < length)),
            )

    @property
    def compared(self) -> int:
        """Samples that are compared at each lag."""
        return self.n - max(0, *self.lags) - max(0, -min(self.lags))

    def boxes(self) -> Series:
        """How many boxes there are at each lag, of each size."""
        return np.array([boxes_of(self.sizes, _stretches(cuts, self.compared), OVERLAP) for _, _, cuts in self.spans()], float)

    def squares(self, x: Series, y: Series) -> Iterator[CrossSquares]:
        """F² and F²xy of series (..., n) at each lag."""
        for of_x, of_y, breaks in self.spans():
            yield cross_squares(
                x[..., of_x],
                y[..., of_y],
                NUMPY,
                scales=self.sizes,
                order=self.order,
                layout=BY_HALVES,
                breaks=breaks,
                default=half_sizes,
            )

    def coefficients(self, x: Series, y: Series) -> Series:
        """ρ(s) of series (..., n), shape (..., lags, sizes)."""
        return np.stack([np.asarray(each.coefficients()) for each in self.squares(x, y)], axis=-2)


def frame_of(n: int, *, scales: Iterable[int] | None, order: int, breaks: Iterable[int], lags: Iterable[int] | None) -> Frame:
    """Check the arguments. The default sizes are those of `dfa` that at least seven half-overlapping boxes of hold at every lag."""
    order, places = check_order(order), tuple(np.cumsum(check_breaks(breaks, n))[:-1].tolist())
    whole = Frame(n, (), order, places, (0,) if lags is None else _checked_lags(lags, n))
    stretches = [_stretches(cuts, whole.compared) for _, _, cuts in whole.spans()]
    longest = min(map(max, stretches))
    if scales is not None:
        return whole._replace(sizes=check_sizes(scales, longest, order))
    known = half_sizes(whole.compared, order)
    most = np.min([boxes_of(known, each, OVERLAP) for each in stretches], axis=0)
    sizes = tuple(size for size, boxes in zip(known, most.tolist(), strict=True) if boxes >= LEAST_BOXES)
    if len(sizes) < FEWEST_SIZES:
        among = "" if longest == whole.compared else f" in stretches of at most {longest:,}"
        msg = (
            f"{several(whole.compared, 'sample', 'samples')}{among} are too few to compare: the two smallest box sizes, "
            f"{known[0]} and {known[1]}, need {LEAST_BOXES} boxes each, {4 * known[1]} samples in one stretch; or give scales= yourself"
        )
        raise ValueError(msg)
    return whole._replace(sizes=sizes)


def _stretches(cuts: tuple[int, ...], n: int) -> tuple[int, ...]:
    return tuple(np.diff([0, *cuts, n]).tolist())


def _checked_lags(lags: Iterable[int], n: int) -> tuple[int, ...]:
    try:
        checked = tuple(operator.index(lag) for lag in listed(lags, "lags"))
    except TypeError:
        msg = f"lags must be integers, in samples, got {lags!r}; range(-10, 11) is every lag up to 10"
        raise TypeError(msg) from None
    if not checked or len(set(checked)) < len(checked):
        msg = f"lags must be different integers, at least one, got {checked}"
        raise ValueError(msg)
    if max(checked, key=abs) and max(0, *checked) + max(0, -min(checked)) >= n // 2:
        msg = f"lags from {min(checked)} to {max(checked)} leave less than half of the {n:,} samples; use smaller ones"
        raise ValueError(msg)
    return checked
