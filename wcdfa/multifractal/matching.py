"""Finds the series of known h(q) that are like a measured one: the same h(2), the same spread of h(q), as lopsided."""

from __future__ import annotations

import numpy as np

from wcdfa.multifractal.families import Positive, Replicates, Signed, replicates_of
from wcdfa.multifractal.slopes import Layout, intermittency_of
from wcdfa.support.aliases import Series

ROUNDS = 2  # of correcting the parameters by the bias of the member found
LEVEL = 0.95  # share of Gaussian series less curved, up to which a series passes for Gaussian
UNSURE = 0.03  # of the lopsidedness: the grid is coarser than a cascade is sharp


def gaussian(h: Series, layout: Layout) -> Replicates:
    """ARFIMA with the same h(2)."""
    alpha = h[-1]
    for _ in range(ROUNDS):
        found = replicates_of(Signed.nearest(float(alpha), 0), layout)
        alpha = h[-1] - found.bias[-1]
    return found


def matched(h: Series, lopsided: float, layout: Layout) -> Replicates:
    """Those with the same slopes `h`; Gaussian ones unless h(q) falls more steeply than 95 % of theirs."""
    plain = gaussian(h, layout)
    curvature = intermittency_of(h, layout.moments)
    if curvature <= np.quantile(intermittency_of(plain.slopes, layout.moments), LEVEL):
        return plain
    signed, positive = _signed(h, layout, plain), _positive(h, layout)
    return min(signed, positive, key=lambda found: _distance(found, lopsided))


def _signed(h: Series, layout: Layout, found: Replicates) -> Replicates:
    for _ in range(ROUNDS):
        corrected = h - found.bias
        intermittency = max(float(intermittency_of(corrected, layout.moments)), 0.01)
        found = replicates_of(Signed.nearest(float(corrected[-1]), intermittency), layout)
    return found


def _positive(h: Series, layout: Layout) -> Replicates:
    corrected = h
    for _ in range(ROUNDS):
        curvature = float(intermittency_of(corrected, layout.moments))
        found = replicates_of(Positive.nearest(curvature, float(corrected[-1]), layout.moments), layout)
        corrected = h - found.bias
    return found


def _distance(found: Replicates, lopsided: float) -> float:
    return abs(lopsided - float(found.lopsided.mean())) / (float(found.lopsided.std()) + UNSURE)
