"""The mean squared residual of every box, at many sizes: what moments other than the second are means of."""

from __future__ import annotations

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, namespace_of
from wcdfa.kernel.boxes import SIDE_BY_SIDE, Layout, box_mean_squares
from wcdfa.kernel.merged_residuals import merged_residuals, merged_sizes


def box_residuals(
    x: Array,
    sizes: tuple[int, ...],
    order: int = 1,
    layout: Layout = SIDE_BY_SIDE,
    xp: Namespace | None = None,
    stretches: tuple[int, ...] = (),
) -> list[Array]:
    """The mean squared residual of each box, an array ``(..., boxes)`` for each size.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(100)
    >>> [each.shape for each in box_residuals(x, (4, 10, 20))]
    [(25,), (10,), (5,)]

    Boxes stand in the order of time; if they are placed from both ends, those from the start come first, and boxes that all coincide
    are given once, which changes no mean. `stretches` are the lengths of the stretches between breaks.
    """
    xp = namespace_of(x) if xp is None else xp
    single = xp is NUMPY and x.dtype == np.float32
    if single:  # NumPy cumulates a long box term by term, which would cost float32 its last digits
        x = xp.astype(x, np.float64)
    ends = np.cumsum(stretches or (x.shape[-1],)).tolist()
    starts = [0, *ends[:-1]]
    parts = [_of_one_stretch(x[..., start:end], sizes, order, layout, xp) for start, end in zip(starts, ends, strict=True)]
    joined = [_joined([each for part in parts for each in part[i]], layout, xp) for i in range(len(sizes))]
    return [xp.astype(each, np.float32) for each in joined] if single else joined


def mean_residuals(x: Array, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> Array:
    """F² at each size ``(..., k)``, for any layout: the mean over its boxes."""
    return xp.stack([xp.mean(each, axis=-1) for each in box_residuals(x, sizes, order, layout, xp)], axis=-1)


def _of_one_stretch(x: Array, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> list[list[Array]]:
    """For each size the residuals ``(..., ends, boxes)``; an empty list if no box fits, one end if the boxes from both coincide."""
    n = x.shape[-1]
    fitting = tuple(size for size in sizes if size <= n)
    merged = merged_sizes(fitting) if layout.overlap == 0 and layout.final_box else ()
    found = merged_residuals(x, merged, order, layout.backward, xp) if merged else {}
    return [[found[size]] if size in found else _direct(x, size, order, layout, xp) for size in sizes]


def _direct(x: Array, size: int, order: int, layout: Layout, xp: Namespace) -> list[Array]:
    spans = layout.starts(x.shape[-1], size)
    if len(spans) == 2 and spans[0] == spans[1][::-1]:
        spans = spans[:1]
    ends = [box_mean_squares(x, size, order, span, xp) for span in spans]
    return [xp.stack(ends, axis=-2)] if ends else []


def _joined(parts: list[Array], layout: Layout, xp: Namespace) -> Array:
    """The boxes of all stretches. Where those of one coincide, they must still count as often as those of the others."""
    if len(parts) > 1 and layout.backward:
        parts = [xp.concat([each, each], axis=-2) if each.shape[-2] == 1 else each for each in parts]
    flat = [xp.reshape(each, (*each.shape[:-2], each.shape[-2] * each.shape[-1])) for each in parts]
    return flat[0] if len(flat) == 1 else xp.concat(flat, axis=-1)
