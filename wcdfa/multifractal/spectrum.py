"""τ(q), α(q), f(α) and the width, from h(q)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.support.aliases import Series


class Spectrum(NamedTuple):
    """Quantities that follow from h(q), shape ``(..., q)`` and, for the last two, ``(...)``."""

    h: Series
    tau: Series
    alpha: Series
    f: Series
    width: Series
    delta_h: Series


def width_of(h: Series, moments: tuple[float, ...]) -> float:
    """The width of the spectrum of slopes, of which the last is that of q = 2 and stands apart.

    >>> round(width_of(np.array([0.6, 0.5, 0.4, 0.5]), (1.0, 2.0, 3.0, 2.0)), 3)
    0.2
    """
    return float(spectrum_of(h[:-1], np.asarray(moments[:-1])).width)


def spectrum_of(h: Series, q: Series) -> Spectrum:
    """The spectrum by a Legendre transform: τ = q h - 1, α = dτ/dq by differences, f = q α - τ.

    >>> spectrum = spectrum_of(np.array([0.5, 0.5, 0.5]), np.array([1.0, 2.0, 3.0]))
    >>> print(spectrum.alpha, spectrum.f, spectrum.width)
    [0.5 0.5 0.5] [1. 1. 1.] 0.0
    """
    tau = q * h - 1
    alpha = np.gradient(tau, q, axis=-1)
    return Spectrum(h, tau, alpha, q * alpha - tau, alpha.max(axis=-1) - alpha.min(axis=-1), h[..., 0] - h[..., -1])
