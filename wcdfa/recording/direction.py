"""Computes the direction of a weight change from a sample of its numbers, with arrays of any library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import Array, Namespace, constant
from wcdfa.recording.groups import ALL
from wcdfa.recording.sample import COORDINATES, sample_of
from wcdfa.recording.side_series import COSINE, SKETCH, WEIGHT_NORM, cosine_of

ROW = 256
"""Numbers summed at a time: a long sum in float32 loses digits where a library adds one after another."""


class Direction(NamedTuple):
    """The direction of one weight change, on the device."""

    series: Mapping[str, Array | float]
    """The number for each side series, and the coordinates of the sketch."""
    last: Array
    """The change that the next one is compared with, in float32."""


class Layout:
    """Which numbers of the parameters are in the sample, and where those of each group lie in it. It does not change.

    >>> layout = Layout({"head": 6, "body/0": 4, "body/1": 4}, {"all": (), "body": ("body/0", "body/1")}, coordinates=2)
    >>> layout.spans["body"], layout.sample.size, len(layout.sample.kept)
    ((slice(6, 14, None),), 14, 2)
    """

    def __init__(self, sizes: Mapping[str, int], members: Mapping[str, Sequence[str]], coordinates: int = COORDINATES) -> None:
        self.sample = sample_of(sizes, coordinates)
        self.weight = sum(sizes.values()) / max(1, self.sample.size)
        """How many numbers of the parameters each number of the sample stands for."""
        self.members = {name: tuple(paths) for name, paths in members.items()}
        ends = np.cumsum([0, *self.sample.counts.values()]).tolist()
        self.places = {path: slice(ends[i], ends[i + 1]) for i, path in enumerate(self.sample.counts)}
        """Where the numbers of each parameter are in the sample."""
        self.spans = {name: _joined([self.places[path] for path in sizes if path in {*own}]) for name, own in self.members.items()}
        """The slices of the sample that belong to each group."""

    def kept(self, path: str) -> list[int]:
        """The coordinates of the sketch that belong to a parameter, as places among its numbers in the sample."""
        first, end = self.places[path].start, self.places[path].stop
        return [place - first for place in self.sample.kept if first <= place < end]


def directed(change: Array, weights: Array, last: Array | None, norm: Array | float, layout: Layout, xp: Namespace) -> Direction:
    """The cosines of a change with the last one, ‖W‖, and the sketch. What is not defined is NaN.

    >>> layout = Layout({"w": 2}, {"all": ("w",)})
    >>> first = directed(np.array([3.0, 4.0]), np.ones(2), None, 5.0, layout, np)
    >>> series = directed(np.array([4.0, 3.0]), np.array([3.0, 4.0]), first.last, 5.0, layout, np).series
    >>> round(float(series["wcdfa_cosine"]), 4), float(series["wcdfa_weight_norm"]), series["wcdfa_sketch"]
    (0.96, 5.0, array([4., 3.], dtype=float32))

    Parameters
    ----------
    change, weights : arrays of shape (m,), float32 or wider
        The change and the weights after it, at the numbers of the sample.
    last : array of shape (m,), optional
        What the step before returned; None if there was none.
    norm : number
        ‖ΔW‖ of all parameters. After 0 the last change stays, after a norm that is not finite there is none.
    layout : Layout
    xp : namespace
        The array library.
    """
    before = change * math.nan if last is None else xp.astype(last, change.dtype)
    series: dict[str, Array | float] = {COSINE: cosine([change], [before], xp), WEIGHT_NORM: norm_of([weights], layout.weight, xp)}
    for group, spans in layout.spans.items():
        if group != ALL:
            series[cosine_of(group)] = cosine([change[span] for span in spans], [before[span] for span in spans], xp)
    kept = constant(_places, layout.sample.kept, xp=xp, like=change)
    series[SKETCH] = xp.astype(xp.take(change, kept, axis=0), xp.float32)
    return Direction(series, xp.astype(following(change, before, norm, xp), xp.float32))


def following(change: Array, last: Array, norm: Array | float, xp: Namespace) -> Array:
    """What the next change is compared with: this one; still the last if no step was taken; NaN if the norm is not finite."""
    size = xp.asarray(norm, dtype=change.dtype)
    return xp.where(size == 0, last, xp.where(xp.isfinite(size), change, change * math.nan))


def cosine(a: Sequence[Array], b: Sequence[Array], xp: Namespace) -> Array | float:
    """The cosine of two changes, each in parts of shape (m,); NaN if one of them is 0, not finite or empty.

    >>> float(cosine([np.array([3e-30]), np.array([4e-30])], [np.array([4e30]), np.array([3e30])], np).round(4))
    0.96
    """
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x.shape[0]]
    if not pairs:
        return math.nan
    first, second = (_scaled([pair[i] for pair in pairs], xp) for i in (0, 1))
    both = [(x.unit, x.share, y.unit, y.share) for x, y in zip(first, second, strict=True)]
    along = _added([_total(x * y, xp) * (p * q) for x, p, y, q in both])
    return along / xp.sqrt(_length(first, xp) * _length(second, xp))


def norm_of(parts: Sequence[Array], weight: float, xp: Namespace) -> Array | float:
    """The norm of parameters from the parts of a sample of which each number stands for `weight` numbers; NaN if there are none.

    >>> float(norm_of([np.array([3.0]), np.array([4.0])], 4.0, np))
    10.0
    """
    filled = [part for part in parts if part.shape[0]]
    if not filled:
        return math.nan
    scaled = _scaled(filled, xp)
    return scaled[0].peak * xp.sqrt(_length(scaled, xp) * weight)


class Scaled(NamedTuple):
    """One part of a change, in a unit in which no square over- or underflows."""

    unit: Array
    """The part, divided by its largest number."""
    share: Array
    """Its largest number, divided by that of all parts."""
    peak: Array
    """The largest number of all parts."""


def _scaled(parts: Sequence[Array], xp: Namespace) -> list[Scaled]:
    own = [xp.max(xp.abs(part)) for part in parts]
    peak = own[0] if len(own) == 1 else xp.max(xp.stack(own))
    return [Scaled(part / _not_zero(most, xp), most / _not_zero(peak, xp), peak) for part, most in zip(parts, own, strict=True)]


def _length(parts: Sequence[Scaled], xp: Namespace) -> Array:
    """The sum of squares over all parts."""
    return _added([_total(x.unit * x.unit, xp) * (x.share * x.share) for x in parts])


def _added(numbers: Sequence[Array]) -> Array:
    return reduce(lambda a, b: a + b, numbers)


def _not_zero(x: Array, xp: Namespace) -> Array:
    return xp.where(x == 0, xp.ones_like(x), x)


def _joined(spans: Sequence[slice]) -> tuple[slice, ...]:
    """The slices, with those that follow one another made one, and empty ones left out."""
    found: list[slice] = []
    for span in spans:
        if found and found[-1].stop == span.start:
            found[-1] = slice(found[-1].start, span.stop)
        elif span.stop > span.start:
            found.append(span)
    return tuple(found)


def _places(kept: tuple[int, ...]) -> npt.NDArray[np.int64]:
    return np.array(kept, dtype=np.int64)


def _total(x: Array, xp: Namespace) -> Array:
    rows = x.shape[0] // ROW
    if rows < ROW:
        return xp.sum(x)
    return xp.sum(xp.sum(xp.reshape(x[: rows * ROW], (rows, ROW)), axis=1)) + xp.sum(x[rows * ROW :])
