"""Slopes of log F_q(s): what `mfdfa` measures, of a series and of the series that it is compared with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.inference.range_exponents import slope_weights
from wcdfa.kernel.fluctuation import FluctuationMoments, fluctuation_moments
from wcdfa.support.aliases import Series

SAMPLES = 1 << 18  # of series held at a time, so that they stay in the cache of the processor
MATCHED = (-2.0, 4.0)  # moments between which the intermittency is measured


class Layout(NamedTuple):
    """What decides how slopes come out: everything but the series."""

    n: int
    sizes: tuple[int, ...]
    order: int
    moments: tuple[float, ...]  # the last one is 2
    breaks: tuple[int, ...] = ()


def moments_of(x: Series, layout: Layout) -> FluctuationMoments:
    """F_q(s) of series of shape ``(..., n)``, shape ``(..., moments, sizes)``, and how many of the boxes are flat."""
    return fluctuation_moments(x, scales=layout.sizes, order=layout.order, breaks=layout.breaks, moments=layout.moments)


def slopes(fluctuations: Series, layout: Layout) -> Series:
    """Slope of log F_q(s) on log s for each moment, by ordinary least squares; not finite where a mean is 0."""
    weights = slope_weights(layout.sizes, ((layout.sizes[0], layout.sizes[-1]),))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(fluctuations) @ weights)


def slopes_of(x: Series, layout: Layout) -> Series:
    """Slopes ``(series, moments)`` of many series, shape ``(series, n)``."""
    step = max(1, SAMPLES // layout.n)
    parts = [moments_of(x[i : i + step], layout).fluctuations for i in range(0, len(x), step)]
    return slopes(np.concatenate(parts), layout)


def intermittency_of(h: Series, moments: tuple[float, ...]) -> Series:
    """λ² of h(q) = h(2) + λ² (1 - q/2), by least squares over the moments from -2 to 4, or all if fewer than three are there.

    >>> import numpy as np
    >>> print(intermittency_of(np.array([0.55, 0.5, 0.45]), (1.0, 2.0, 3.0)).round(3))
    0.1
    """
    q = np.asarray(moments)
    inside = (q >= MATCHED[0]) & (q <= MATCHED[1])
    inside = inside if len(set(q[inside])) > 2 else np.ones_like(inside)
    line = np.where(inside, q - q[inside].mean(), 0.0)
    return np.asarray(-2 * (h @ line) / (line @ line))
