"""Compares the width of a spectrum with that of the nulls: series that share only some properties with the measured one."""

from __future__ import annotations

from typing import Literal

import numpy as np

from wcdfa import surrogates
from wcdfa.multifractal.slopes import Layout, slopes_of
from wcdfa.multifractal.spectrum import spectrum_of
from wcdfa.support.aliases import Series

Null = Literal["shuffled", "phase", "memory"]
LEVEL = 0.05  # of p-values: below, a null is rejected
NULLS: tuple[Null, ...] = ("shuffled", "phase", "memory")


def width_p_values(
    x: Series, width: float, layout: Layout, nulls: tuple[Null, ...], replicates: int, seed: int, p_memory: float
) -> dict[Null, float]:
    """The share of series of each null whose slopes give a spectrum at least as wide; NaN for a null that is not asked for."""
    found: dict[Null, float] = dict.fromkeys(NULLS, float("nan"))
    for null in nulls:
        if null == "memory":
            found[null] = p_memory
            continue
        others = _widths(null, x, layout, replicates, seed)
        found[null] = float(1 + np.sum(others >= width)) / (1 + len(others))
    return found


def _widths(null: Null, x: Series, layout: Layout, replicates: int, seed: int) -> Series:
    make = surrogates.shuffled if null == "shuffled" else surrogates.phase_randomised
    found = slopes_of(make(x, replicates, seed=seed), layout)
    return spectrum_of(found[:, :-1], np.asarray(layout.moments[:-1])).width
