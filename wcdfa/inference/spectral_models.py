"""The spectrum of a run with long memory, short memory and white noise on top.

S(ω) = e^a (g^(-d) A(ω) + c^(-d)) with g = |2 sin ω/2|². The first term is the signal, the second white noise, as strong as the signal
at the corner where g is c; a c above 4 is noise that is weaker than the signal everywhere. A is short memory: ``exp(Σ b_k cos kω)``
times one pole or one zero, ``|1 - φ e^(iω)|^(∓2)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.multitaper import Spectrum, leakage
from wcdfa.inference.spectral_prior import CORNER, COSINES, LEVEL, ORDER, ROOT, Components, D

Values = npt.NDArray[np.float64]


class Density(NamedTuple):
    """Log spectral density of rows, shape (rows, bins), and its gradient by the parameters, shape (rows, SIZE, bins)."""

    log: Values
    gradient: Values


class _Parts(NamedTuple):
    """What the density and its gradient are made of."""

    log_gain: Values
    slope: Values
    """Of the leakage, in d."""
    cosine: Values
    cosines: Values
    phi: Values
    polynomial: Values
    signal: Values
    total: Values
    """Signal and noise."""


def density(points: Values, of: Components, at: Spectrum) -> Density:
    """Log spectral density at the frequencies of a spectrum, for parameters of shape (rows, SIZE) and a component for each row."""
    found = _parts(points, of, at)
    d, corner, sign = points[:, D, None], points[:, CORNER, None], of.sign[:, None]
    share = found.signal / found.total
    gradient = np.empty((*points.shape, len(found.cosine)))
    gradient[:, LEVEL] = 1
    gradient[:, D] = share * (found.slope - found.log_gain) - (1 - share) * corner
    gradient[:, ROOT] = 2 * sign * share * (found.cosine - found.phi) / found.polynomial * (1 - found.phi * found.phi)
    gradient[:, CORNER] = (share - 1) * d
    gradient[:, COSINES:] = share[:, None] * found.cosines
    return Density(points[:, LEVEL, None] + np.log(found.total), gradient)


def log_density(points: Values, of: Components, at: Spectrum) -> Values:
    """`density` without its gradient, shape (rows, bins)."""
    return np.asarray(points[:, LEVEL, None] + np.log(_parts(points, of, at).total))


def _parts(points: Values, of: Components, at: Spectrum) -> _Parts:
    log_gain, cosine, cosines = _basis(at.frequency.tobytes())
    d, corner, sign = points[:, D, None], points[:, CORNER, None], of.sign[:, None]
    phi = np.tanh(points[:, ROOT, None])
    polynomial = 1 + phi * phi - 2 * phi * cosine
    leaks, slope = leakage(d, at.leakage)
    of_noise, _ = leakage(np.zeros((1, 1)), at.leakage)
    signal = np.exp(points[:, COSINES:] @ cosines - d * log_gain - sign * np.log(polynomial) + leaks)
    total = signal + of.noise[:, None] * np.exp(of_noise - d * corner)
    return _Parts(log_gain, slope, cosine, cosines, phi, polynomial, signal, total)


def first_d(of: Components, at: Spectrum) -> Values:
    """Estimate d by regression of the log spectrum, with each component's root as its prior has it: shape (series, components)."""
    log_gain, cosine, _ = _basis(at.frequency.tobytes())
    centred = at.ordinates * (log_gain - at.ordinates @ log_gain / at.ordinates.sum())
    phi = np.tanh(of.mean[:, ROOT, None])
    short = of.sign[:, None] * np.log(1 + phi * phi - 2 * phi * cosine)
    found: Values = -((np.log(np.maximum(at.power, 1e-12)) @ centred)[:, None] + short @ centred) / (log_gain @ centred)
    return found


@lru_cache(maxsize=32)
def _basis(frequency: bytes) -> tuple[Values, Values, Values]:
    """Values of log |2 sin ω/2|², cos ω and cos kω."""
    w = np.frombuffer(frequency)
    return 2 * np.log(2 * np.sin(w / 2)), np.cos(w), np.cos(np.arange(1, ORDER + 1)[:, None] * w)
