"""Removes the bias of h(q) and what follows from it, and gives intervals."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from wcdfa.multifractal.families import Replicates
from wcdfa.multifractal.spectrum import Spectrum, spectrum_of
from wcdfa.support.aliases import Series

WIDER = 1.07  # what intervals are widened by, because α and λ² of the replicates are themselves estimates


def intervals(h: Series, q: Series, found: Replicates, confidence: float) -> tuple[Spectrum, Spectrum, Spectrum]:
    """The spectrum without its bias, and the lower and upper ends of its intervals.

    A width cannot be negative: its value and its ends are at least 0.
    """
    columns = len(q)
    raw, truth = spectrum_of(h[:columns], q), spectrum_of(found.truth[:columns], q)
    replicates = spectrum_of(found.slopes[:, :columns], q)
    z = WIDER * NormalDist().inv_cdf(0.5 + confidence / 2)
    ends = []
    for measured, true, simulated in zip(raw, truth, replicates, strict=True):
        value = measured - (simulated.mean(axis=0) - true)
        half = z * simulated.std(axis=0, ddof=1)
        ends.append((value, value - half, value + half))
    value, low, high = (Spectrum(*parts) for parts in zip(*ends, strict=True))
    return tuple(each._replace(width=np.maximum(each.width, 0.0)) for each in (value, low, high))  # type: ignore[return-value]
