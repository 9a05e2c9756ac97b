"""The result of `mfdfa`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference import exponent
from wcdfa.multifractal.measured import TOO_SHORT
from wcdfa.multifractal.sentences import said

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int_]

REASONS = {
    **{cause: exponent.REASONS[cause] for cause in (exponent.CONSTANT, exponent.NOT_FINITE)},
    # `dfa` needs one size that fluctuates, a spectrum most of the boxes
    exponent.ROUNDING: "in too many boxes the series is constant or a polynomial, up to rounding",
    TOO_SHORT: "the series is too short for four box sizes",
}


class Multifractal(NamedTuple):
    """The result of `mfdfa`, as NumPy arrays: m moments, k box sizes, batch shape ``(...)`` for input ``(..., n)``.

    ``print(result)`` says what it means. The bias that series of this kind show is removed from every exponent but `slopes`.
    """

    q: Numbers
    """The moments, shape ``(m,)``."""
    h: Numbers
    """Generalised Hurst exponent h(q), shape ``(..., m)``; h(2) estimates the same exponent as `dfa`, by other boxes and weights."""
    h_low: Numbers
    """Lower end of the interval of each h(q)."""
    h_high: Numbers
    """Upper end of the interval of each h(q)."""
    tau: Numbers
    """Mass exponent τ(q) = q h(q) - 1, shape ``(..., m)``."""
    tau_low: Numbers
    """Lower end of the interval of each τ(q)."""
    tau_high: Numbers
    """Upper end of the interval of each τ(q)."""
    alpha: Numbers
    """Singularity strength α = dτ/dq, by differences on the grid of q, shape ``(..., m)``: not the α of `dfa`."""
    alpha_low: Numbers
    """Lower end of the interval of each α(q)."""
    alpha_high: Numbers
    """Upper end of the interval of each α(q)."""
    f: Numbers
    """The spectrum f(α) = q α - τ, at each q, shape ``(..., m)``."""
    f_low: Numbers
    """Lower end of the interval of each f(α)."""
    f_high: Numbers
    """Upper end of the interval of each f(α)."""
    width: Numbers
    """Width of the spectrum, the largest α less the smallest, shape ``(...)``; at least 0."""
    width_low: Numbers
    """Lower end of its interval; 0 if the spectrum is no wider than that of Gaussian noise with the same memory."""
    width_high: Numbers
    """Upper end of its interval."""
    delta_h: Numbers
    """h at the smallest q less h at the largest, shape ``(...)``."""
    delta_h_low: Numbers
    """Lower end of its interval."""
    delta_h_high: Numbers
    """Upper end of its interval."""
    p_shuffled: Numbers
    """p-value of the width: the share of series with the same values in random order whose spectrum is as wide; NaN if not asked for."""
    p_phase: Numbers
    """The same for series with the same power spectrum and random phases."""
    p_memory: Numbers
    """The same for Gaussian ARFIMA with the same h(2), each width compared with what is usual for its own."""
    slopes: Numbers
    """Plain slopes of log F_q(s), as other packages print them, with their bias, shape ``(..., m)``."""
    scales: Integers
    """Box sizes in samples, shape ``(k,)``."""
    fluctuations: Numbers
    """F_q(s), shape ``(..., m, k)``, in the unit of the series."""
    saturated: npt.NDArray[np.bool_]
    """Whether an h(q) is above ``order + 0.9``, shape ``(...)``. A smooth trend has ``order + 1``, one large outlier 1/q at small q > 0."""
    flat_count: Integers
    """Number of stretches of equal samples, at least half of the smallest box long, shape ``(...)``."""
    flat_start: Integers
    """First sample of the longest of them, counted from 0."""
    flat_length: Integers
    """Samples of the longest of them; 0 if there is none."""
    cause: Integers
    """Why there is no spectrum, as a key of `wcdfa.multifractal.result.REASONS`; 0 if there is one. `reason` says it in words."""

    def __str__(self) -> str:
        """What the spectrum means, in a few sentences."""
        return said(self)

    @property
    def reason(self) -> str | None:
        """Why there is no spectrum, in words; None if there is one. For many series, the first reason found."""
        causes = self.cause[self.cause != 0] if self.cause.ndim else self.cause
        return REASONS[int(causes.flat[0])] if causes.size and causes.any() else None
