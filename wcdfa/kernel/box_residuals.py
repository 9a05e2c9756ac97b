"""The mean squared residual of every box, at many sizes: what moments other than the second are means of."""

from __future__ import annotations

import numpy as np

from wcdfa.kernel import merged_residuals
from wcdfa.kernel.arrays import NUMPY, Array, Namespace, namespace_of
from wcdfa.kernel.boxes import SIDE_BY_SIDE, Layout, box_mean_squares


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

    Boxes stand in the order of time; if they are placed from both ends, those from the start come first. `stretches` are the lengths
    of the stretches between breaks.
    """
    xp = namespace_of(x) if xp is None else xp
    single = xp is NUMPY and x.dtype == np.float32
    if single:  # NumPy cumulates a long box term by term, which would cost float32 its last digits
        x = xp.astype(x, np.float64)
    ends = np.cumsum(stretches or (x.shape[-1],)).tolist()
    starts = [0, *ends[:-1]]
    parts = [_of_one_stretch(x[..., start:end], sizes, order, layout, xp) for start, end in zip(starts, ends, strict=True)]
    joined = [_joined([part[i] for part in parts], xp) for i in range(len(sizes))]
    return [xp.astype(each, np.float32) for each in joined] if single else joined


def mean_residuals(x: Array, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> Array:
    """F² at each size ``(..., k)``, for any layout: the mean over its boxes."""
    return xp.stack([xp.mean(each, axis=-1) for each in box_residuals(x, sizes, order, layout, xp)], axis=-1)


def _of_one_stretch(x: Array, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> list[list[Array]]:
    """For each size the residuals of its boxes, in parts that follow one another; no part if no box fits."""
    n = x.shape[-1]
    fitting = tuple(size for size in sizes if size <= n)
    merged = merged_residuals.merged_sizes(fitting) if layout.overlap == 0 else ()
    if not merged:
        return [_direct(x, size, order, layout, xp) for size in sizes]
    forward = merged_residuals.forward_boxes(x, merged, order, xp)
    backward = merged_residuals.backward_boxes(x, merged, order, xp) if layout.backward else {}
    both = {size: [forward[size], *([backward[size]] if layout.backward else [])] for size in merged}
    return [both[size] if size in both else _direct(x, size, order, layout, xp) for size in sizes]


def _direct(x: Array, size: int, order: int, layout: Layout, xp: Namespace) -> list[Array]:
    return [box_mean_squares(x, size, order, span, xp) for span in layout.starts(x.shape[-1], size)]


def _joined(parts: list[list[Array]], xp: Namespace) -> Array:
    flat = [each for part in parts for each in part]
    return flat[0] if len(flat) == 1 else xp.concat(flat, axis=-1)
