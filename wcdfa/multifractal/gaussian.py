"""Gaussian noise with the memory of a series: how wide its spectrum is, and how its bias depends on α."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.multifractal.families import ALPHA_STEP, Replicates, Signed, replicates_of
from wcdfa.multifractal.slopes import Layout
from wcdfa.support.aliases import Series

ROUNDS = 2  # of correcting the parameters by the bias of the member found
SIDE = 2  # steps of the grid on either side: one or two standard errors of α in 1,000 samples
STEEPEST = -0.5  # the bias may fall with α so steeply: intervals grow twofold at most, since a slope of -1 would divide by 0


class Gaussian(NamedTuple):
    """ARFIMA with the same h(2), and with an α that is lower and higher by two steps of the grid."""

    plain: Replicates
    sides: tuple[Replicates, Replicates]
    apart: float  # α of the higher side less that of the lower one

    @property
    def stretch(self) -> float:
        """How much an error of α grows when the bias is removed: α - bias(α) is what is measured."""
        low, high = (float(side.bias[-1]) for side in self.sides)
        return 1 / (1 + min(max((high - low) / self.apart, STEEPEST), 0.0))

    def p_value(self, width: float, two: float) -> float:
        """The share of spectra at least as wide, each compared with what is usual for its own slope `two` at q = 2.

        Widths grow with α, and a spectrum that is wide by chance comes with a slope at q = 2 that is too low. Without the comparison,
        it would be held against noise of a lower α, and be called wide too often.
        """
        every = (self.plain, *self.sides)
        middles = np.array([each.twos.mean() for each in every]), np.array([each.widths.mean() for each in every])
        slope = np.polynomial.Polynomial.fit(middles[0], np.log(middles[1]), 1).deriv()(0.0)
        widths, twos = np.concatenate([each.widths for each in every]), np.concatenate([each.twos for each in every])
        return float(1 + np.sum(widths * np.exp(slope * (two - twos)) >= width)) / (1 + len(widths))


def gaussian(h: Series, layout: Layout) -> Gaussian:
    """ARFIMA with the same h(2) as that of slopes `h`, of which the last is that of q = 2."""
    alpha = float(h[-1])
    for _ in range(ROUNDS):
        member = Signed.nearest(alpha, 0)
        alpha = float(h[-1] - replicates_of(member, layout).bias[-1])
    low, high = (Signed.nearest((member.alpha + step) * ALPHA_STEP, 0) for step in (-SIDE, SIDE))
    sides = replicates_of(low, layout), replicates_of(high, layout)
    return Gaussian(replicates_of(member, layout), sides, (high.alpha - low.alpha) * ALPHA_STEP)
