"""Measures one series: its slopes, what is flat in it, its intervals and nulls."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wcdfa.inference.exponent import CONSTANT, NOT_FINITE, ROUNDING
from wcdfa.multifractal.families import lopsidedness, repeating
from wcdfa.multifractal.flat import moments_and_flat
from wcdfa.multifractal.gaussian import gaussian
from wcdfa.multifractal.intervals import intervals
from wcdfa.multifractal.matching import matched
from wcdfa.multifractal.slopes import Layout, slopes
from wcdfa.multifractal.spectrum import Spectrum, width_of
from wcdfa.multifractal.widths import LEVEL, NULLS, Null, width_p_values
from wcdfa.preprocess.flat import flat_stretches, half_a_box
from wcdfa.support.aliases import Series

REPEATED = 1 / 3  # share of the commonest value: that of a binomial cascade is 0.27 at most, from 7 halvings on
TOO_SHORT = 4  # a cause beside those of `dfa`
MOST_FLAT = 0.1  # share of the smallest boxes that may be flat; h(q) of what is left would not describe the series at q <= 0


class Options(NamedTuple):
    """What `mfdfa` is told beside the series."""

    q: tuple[float, ...]
    confidence: float
    nulls: tuple[Null, ...]
    replicates: int
    seed: int


class Measured(NamedTuple):
    """What is found for one series; NaN where there is no number."""

    value: Spectrum
    low: Spectrum
    high: Spectrum
    p: tuple[float, ...]  # of NULLS
    slopes: Series
    fluctuations: Series
    flat: tuple[int, int, int]  # number of flat stretches, first sample and length of the longest
    cause: int


def measured(x: Series, sizes: tuple[int, ...], order: int, options: Options) -> Measured:
    """Measure a series of shape (n,)."""
    cause = NOT_FINITE if not np.all(np.isfinite(x)) else CONSTANT if np.all(x == x[0]) else TOO_SHORT if not sizes else 0
    if cause:
        return nothing(cause, len(options.q), len(sizes))
    unit = math.ldexp(1.0, math.frexp(float(np.max(np.abs(x))))[1])  # a power of 2, so that nothing is rounded
    x = x / unit
    stretches = flat_stretches(x, least=half_a_box(sizes[0]))
    layout = Layout(len(x), sizes, order, (*options.q, 2.0))
    every, flat, apart = moments_and_flat(x, layout, stretches)
    longest = max(stretches, key=lambda each: each[1] - each[0], default=(0, 0))
    described = (len(stretches), longest[0], longest[1] - longest[0])
    if not np.all(every[-1] > 0) or flat == 1:
        return nothing(ROUNDING, len(options.q), len(sizes))._replace(flat=described, fluctuations=every[:-1] * unit)
    kept = tuple(each for each in options.q if each > 0 or (apart and flat <= MOST_FLAT))
    result = _of_kept(x, every, kept, layout, options)
    return result._replace(flat=described, fluctuations=every[:-1] * unit)


def nothing(cause: int, moments: int, sizes: int) -> Measured:
    """The result without numbers, for this cause."""
    none = np.full(moments, np.nan)
    empty = Spectrum(none, none, none, none, np.array(np.nan), np.array(np.nan))
    return Measured(empty, empty, empty, (math.nan,) * len(NULLS), none, np.full((moments, sizes), np.nan), (0, 0, 0), cause)


def _of_kept(x: Series, every: Series, kept: tuple[float, ...], layout: Layout, options: Options) -> Measured:
    """The result for the moments that are kept; NaN for the others."""
    index = [i for i, each in enumerate(layout.moments) if each in kept or i == len(options.q)]
    layout = layout._replace(moments=(*kept, 2.0))
    h, q = slopes(every[index], layout), np.asarray(kept)
    if len(kept) < 3:
        return nothing(ROUNDING, len(options.q), every.shape[-1])
    noise, width = gaussian(h, layout), width_of(h, layout.moments)
    p_memory = noise.p_value(width, float(h[-1]))
    wide = p_memory <= LEVEL
    found = matched(h, float(lopsidedness(x)), layout, noise, several=wide and repeating(x) <= REPEATED)
    spectra = intervals(h, q, found, options.confidence, wide=wide)
    p = width_p_values(x, width, layout, options.nulls, options.replicates, options.seed, p_memory)
    value, low, high = (_widened(each, index[:-1], len(options.q)) for each in spectra)
    raw = np.full(len(options.q), np.nan)
    raw[index[:-1]] = h[:-1]
    return Measured(value, low, high, tuple(p[null] for null in NULLS), raw, every[:-1], (0, 0, 0), 0)


def _widened(spectrum: Spectrum, index: list[int], columns: int) -> Spectrum:
    parts = []
    for part in spectrum:
        if part.ndim:
            whole = np.full(columns, np.nan)
            whole[index] = part
            part = whole
        parts.append(part)
    return Spectrum(*parts)
