"""Finds the series of known h(q) that are like a measured one: with the same h(2), the same spread of h(q), and values as lopsided."""

from __future__ import annotations

from typing import NamedTuple

from wcdfa.multifractal.families import ALPHA_STEP, Positive, Replicates, Signed, replicates_of
from wcdfa.multifractal.slopes import Layout, intermittency_of
from wcdfa.support.aliases import Series

ROUNDS = 2  # of correcting the parameters by the bias of the member found
UNSURE = 0.03  # of the lopsidedness: the grid is coarser than a cascade is sharp
NEARLY_NONE = 2  # steps of d of a cascade that h(2), which is uncertain, may show although there are none
SIDE = 2  # steps of the grid on either side, from which the slope of the bias is measured
STEEPEST = -0.5  # slope of the bias, beyond which it is not trusted


class Match(NamedTuple):
    """Series like a measured one, and what the width of its intervals takes from others."""

    found: Replicates
    spread: Replicates  # whose standard deviation counts: a little more intermittent, so that an intermittency found too low does no harm
    stretch: float  # how much an error of the slopes grows when the bias, which depends on α, is removed
    wider: Replicates  # what h(q) may be like if it is not Gaussian: for the interval of the width


def gaussian(h: Series, layout: Layout) -> Signed:
    """ARFIMA with the same h(2)."""
    alpha = h[-1]
    for _ in range(ROUNDS):
        member = Signed.nearest(float(alpha), 0)
        alpha = h[-1] - replicates_of(member, layout).bias[-1]
    return member


def matched(h: Series, lopsided: float, layout: Layout) -> Match:
    """The series with the same slopes `h`; Gaussian ones unless h(q) falls more steeply than in 95 % of those."""
    member = gaussian(h, layout)
    plain = replicates_of(member, layout)
    noise = _signed(h, layout, plain)
    signed, spread = replicates_of(noise, layout), replicates_of(noise.more(), layout)
    stretch = _stretch(member, layout)
    if intermittency_of(h, layout.moments) <= plain.curved:
        return Match(plain, plain, stretch, spread)
    cascade = _positive(h, layout)
    unshifted = Positive(cascade.weight, 0) if abs(cascade.d) <= NEARLY_NONE else cascade
    matches = [Match(each, each, 1.0, each) for each in (replicates_of(cascade, layout), replicates_of(unshifted, layout))]
    return min([Match(signed, spread, stretch, spread), *matches], key=lambda match: _distance(match.found, lopsided))


def _signed(h: Series, layout: Layout, found: Replicates) -> Signed:
    for _ in range(ROUNDS):
        corrected = h - found.bias
        member = Signed.nearest(float(corrected[-1]), max(float(intermittency_of(corrected, layout.moments)), 0.01))
        found = replicates_of(member, layout)
    return member


def _positive(h: Series, layout: Layout) -> Positive:
    corrected = h
    for _ in range(ROUNDS):
        curvature = float(intermittency_of(corrected, layout.moments))
        member = Positive.nearest(curvature, float(corrected[-1]), layout.moments)
        corrected = h - replicates_of(member, layout).bias
    return member


def _stretch(member: Signed, layout: Layout) -> float:
    """α - bias(α) is what is measured: an error of it is as much larger in α as the slope of the bias says."""
    alpha = member.alpha * ALPHA_STEP
    sides = [Signed.nearest(alpha + step * ALPHA_STEP, 0) for step in (-SIDE, SIDE)]
    low, high = (replicates_of(each, layout).bias[-1] for each in sides)
    slope = float(high - low) / ((sides[1].alpha - sides[0].alpha) * ALPHA_STEP)
    return 1 / (1 + min(max(slope, STEEPEST), 0.0))


def _distance(found: Replicates, lopsided: float) -> float:
    mean, deviation = found.lopsided
    return abs(lopsided - mean) / (deviation + UNSURE)
