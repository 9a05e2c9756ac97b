"""Finds the series of known h(q) that are like a measured one: with the same h(2), the same spread of h(q), and values as lopsided."""

from __future__ import annotations

from typing import NamedTuple

from wcdfa.multifractal.families import Positive, Replicates, Signed, replicates_of
from wcdfa.multifractal.gaussian import ROUNDS, Gaussian
from wcdfa.multifractal.slopes import Layout, intermittency_of
from wcdfa.support.aliases import Series

UNSURE = 0.03  # of the lopsidedness: about what one step of d changes in a cascade of weight 0.6
NEARLY_NONE = 2  # steps of d that a cascade without any may show: two standard errors of its h(2), at most 0.09 in 1,024 samples


class Match(NamedTuple):
    """Series like a measured one, and what the width of its intervals takes from others."""

    found: Replicates
    spread: Replicates  # whose standard deviation counts: a little more intermittent, so that an intermittency found too low does no harm
    stretch: float  # how much an error of the slopes grows when the bias, which depends on α, is removed
    wider: Replicates  # what h(q) may be like if it is not Gaussian: for the interval of the width


def matched(h: Series, lopsided: float, layout: Layout, noise: Gaussian, *, several: bool) -> Match:
    """Those with the same slopes `h`: Gaussian `noise`, or, if h(q) falls more steeply than 95 % of it, those of `several` exponents.

    Where that would go too far, `several` is False: Gaussian noise is kept, with wider intervals.
    """
    plain, stretch = noise.plain, noise.stretch
    member = _signed(h, layout, plain)
    signed, spread = replicates_of(member, layout), replicates_of(member.more(), layout)
    if intermittency_of(h, layout.moments) <= plain.curved:
        return Match(plain, plain, stretch, spread)
    if not several:
        return Match(plain, spread, stretch, spread)
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


def _distance(found: Replicates, lopsided: float) -> float:
    mean, deviation = found.lopsided
    return abs(lopsided - mean) / (deviation + UNSURE)
