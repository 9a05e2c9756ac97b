"""Keeps flat stretches out of boxes that fluctuate: a box that is flat but for a sample or two would decide h(q) at q < 0."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from wcdfa.multifractal.slopes import Layout, moments_of
from wcdfa.support.aliases import Series

LEAST = 0.75  # share of the boxes that must be left
MUCH = 4  # boxes up to so many times the longest flat stretch are kept apart from it: set by hand; of larger ones it is less than a quarter
Stretches = tuple[tuple[int, int], ...]


def moments_and_flat(x: Series, layout: Layout, stretches: Stretches) -> tuple[Series, float, bool]:
    """F_q(s), the share of the smallest boxes that are flat, and whether flat stretches could be kept apart from other boxes."""
    small = sum(size <= MUCH * max((end - start for start, end in stretches), default=0) for size in layout.sizes)
    if not small:
        return _of_sizes(x, layout, ())
    places = cuts(stretches, layout.n, layout.sizes[:small])
    found, flat, _ = _of_sizes(x, layout._replace(sizes=layout.sizes[:small]), places)
    if small < len(layout.sizes):
        found = np.concatenate([found, _of_sizes(x, layout._replace(sizes=layout.sizes[small:]), ())[0]], axis=-1)
    return found, flat, bool(places)


def cuts(stretches: Stretches, n: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Where to cut a series so that flat stretches have boxes of their own; nowhere if that would leave too few boxes.

    >>> cuts(((100, 132),), 1000, (16, 64)), cuts(tuple((i, i + 16) for i in range(0, 1000, 50)), 1000, (16, 64))
    ((100, 132), ())
    """
    places = sorted({place for stretch in stretches for place in stretch} - {0, n})
    lengths = [end - start for start, end in pairwise([0, *places, n])]
    enough = all(sum(length // size for length in lengths) >= LEAST * (n // size) for size in (sizes[0], sizes[-1]))
    return tuple(places) if enough else ()


def _of_sizes(x: Series, layout: Layout, places: tuple[int, ...]) -> tuple[Series, float, bool]:
    found = moments_of(x, layout._replace(breaks=places))
    return np.asarray(found.fluctuations), float(found.flat[0] / found.boxes[0]), True
