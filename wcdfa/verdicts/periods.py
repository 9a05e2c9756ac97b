"""Finds whether a window repeats with one period, which bends log F(s) about the boxes of that size."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from wcdfa.kernel.polynomials import Matrix

SHORTEST = 100  # values of an unbroken stretch: fewer have too few frequencies to compare one with
SLOWEST = 3  # cycles in the stretch: fewer look like a trend
NEIGHBOURS = 10  # frequencies on each side that one is compared with
CHANCE = 1e-3  # how rarely noise has so much power at any frequency
FACTOR = 1.5  # how many times more is asked for, because the power of the neighbours is only an estimate


def period_of(values: Matrix, cuts: tuple[int, ...], alpha: float) -> float | None:
    """The period, in values, whose power is far above that of the frequencies around it in the longest stretch; None without one.

    >>> import numpy as np
    >>> wave = np.sin(np.arange(1000) / 4) + np.random.default_rng(0).standard_normal(1000)
    >>> print(round(period_of(wave, (), 0.5)), period_of(wave - np.sin(np.arange(1000) / 4), (), 0.5))
    25 None
    """
    stretch = max((values[a:b] for a, b in pairwise((0, *cuts, len(values)))), key=len)
    n = len(stretch)
    if n < SHORTEST:
        return None
    cycles = np.arange(SLOWEST, n // 2 + 1)
    waves = np.fft.rfft((stretch - stretch.mean()) * np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2)[SLOWEST:]
    power = np.abs(waves) ** 2 * np.sin(np.pi * cycles / n) ** (2 * alpha - 1)  # level, if the exponent is alpha
    largest = int(np.argmax(ratio := power / _around(power)))
    wanted = FACTOR * math.log(len(power) / CHANCE)
    return n / float(cycles[largest]) if ratio[largest] > wanted else None


def _around(power: Matrix) -> Matrix:
    """The mean power about each frequency, from the median, which one peak does not change."""
    padded = np.pad(power, NEIGHBOURS, constant_values=math.nan)
    return np.asarray(np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1), axis=-1) / math.log(2))
