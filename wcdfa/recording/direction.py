"""Computes the direction of a weight change from a sample of its numbers, with arrays of any library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

    series: Mapping[str, Array]
    """The number for each side series, and the coordinates of the sketch."""
    last: Array
    """The change that the next one is compared with, divided by its largest number, in float32."""


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
        ends = np.cumsum([0, *self.sample.counts.values()]).tolist()
        place = {path: slice(ends[i], ends[i + 1]) for i, path in enumerate(self.sample.counts)}
        self.spans = {name: _joined([place[path] for path in sizes if path in {*paths}]) for name, paths in members.items()}
        """The slices of the sample that belong to each group."""


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
    change, weights = xp.reshape(change, (-1,)), xp.reshape(weights, (-1,))
    before = change * math.nan if last is None else xp.astype(last, change.dtype)
    now = _unit(change, xp)
    series = {COSINE: _cosine(now, before, xp), WEIGHT_NORM: _norm(weights, layout.weight, xp)}
    for group, spans in layout.spans.items():
        if group != ALL:
            series[cosine_of(group)] = _cosine(_at(now, spans, xp), _at(before, spans, xp), xp)
    kept = constant(_places, layout.sample.kept, xp=xp, like=change)
    series[SKETCH] = xp.astype(xp.take(change, kept, axis=0) if layout.sample.kept else change, xp.float32)
    size = xp.asarray(norm, dtype=change.dtype)
    following = xp.where(size == 0, before, xp.where(xp.isfinite(size), now, now * math.nan))
    return Direction(series, xp.astype(following, xp.float32))


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


def _at(x: Array, spans: tuple[slice, ...], xp: Namespace) -> Array:
    return x[spans[0]] if len(spans) == 1 else xp.concat([x[span] for span in spans]) if spans else x[:0]


def _unit(x: Array, xp: Namespace) -> Array:
    """The numbers divided by the largest, so that no square over- or underflows; unchanged if all are 0."""
    if not x.shape[0]:
        return x
    peak = xp.max(xp.abs(x))
    return x / xp.where(peak == 0, xp.ones_like(peak), peak)


def _cosine(a: Array, b: Array, xp: Namespace) -> Array:
    a, b = _unit(a, xp), _unit(b, xp)
    return _total(a * b, xp) / xp.sqrt(_total(a * a, xp) * _total(b * b, xp))


def _norm(weights: Array, weight: float, xp: Namespace) -> Array:
    if not weights.shape[0]:
        return _total(weights, xp)
    unit = _unit(weights, xp)
    return xp.max(xp.abs(weights)) * xp.sqrt(_total(unit * unit, xp) * weight)


def _total(x: Array, xp: Namespace) -> Array:
    rows = x.shape[0] // ROW
    if rows < ROW:
        return xp.sum(x)
    return xp.sum(xp.sum(xp.reshape(x[: rows * ROW], (rows, ROW)), axis=1)) + xp.sum(x[rows * ROW :])
