"""Removes the bias of h(q) and what follows from it, and gives intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.inference.exponent import normal_quantile
from wcdfa.multifractal.families import Replicates
from wcdfa.multifractal.matching import Match
from wcdfa.multifractal.spectrum import Spectrum, spectrum_of
from wcdfa.support.aliases import Series

WIDER = (
    1.04  # because α and λ² of the replicates are estimates themselves: set by hand, and judged by benchmarks/multifractal_cases.py
)


class Intervals(NamedTuple):
    """A spectrum without its bias, and the lower and upper ends of its intervals."""

    value: Spectrum
    low: Spectrum
    high: Spectrum


def intervals(h: Series, q: Series, match: Match, confidence: float, *, wide: bool) -> Intervals:
    """The intervals of h(q) and of all that follows from it; the width's holds 0 unless it is `wide`, more than a Gaussian one."""
    z = WIDER * normal_quantile(confidence)
    raw = spectrum_of(h[: len(q)], q)
    found = _ends(raw, match.found, match.spread, z * match.stretch)
    wider = _ends(raw, match.wider, match.wider, z)
    low = found.low._replace(
        width=np.maximum(np.minimum(found.low.width, wider.low.width), 0.0) * wide,
        delta_h=np.minimum(np.minimum(found.low.delta_h, wider.low.delta_h), np.inf if wide else 0.0),
    )
    high = found.high._replace(
        width=np.maximum(found.high.width, wider.high.width), delta_h=np.maximum(found.high.delta_h, wider.high.delta_h)
    )
    return Intervals(found.value._replace(width=np.maximum(found.value.width, 0.0)), low, high)


def _ends(raw: Spectrum, found: Replicates, spread: Replicates, z: float) -> Intervals:
    ends = []
    for measured, error, deviation in zip(raw, found.errors, spread.deviations, strict=True):
        value, half = measured - error, z * deviation
        ends.append((value, value - half, value + half))
    return Intervals(*(Spectrum(*parts) for parts in zip(*ends, strict=True)))
