"""The spectra that a run may have: long memory, short memory of several kinds, and white noise on top; each with its prior.

S(ω) = e^a (g^(-d) A(ω) + c^(-d)) with g = |2 sin ω/2|². The first term is the signal, the second white noise, as strong as the signal at the corner where
g is c; a c above 4 is noise that is weaker than the signal everywhere. A is short memory: ``exp(Σ b_k cos kω)`` times one pole or one zero, ``|1 - φ e^(iω)|^(∓2)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.multitaper import Spectrum, leakage

Values = npt.NDArray[np.float64]

LEVEL, D, ROOT, CORNER, COSINES = range(5)  # columns: a, d, atanh φ, log c, and b_1 … from here on
ORDER = 6  # cosines
SIZE = COSINES + ORDER
FIXED = 1e-3  # the deviation of what a component holds fixed
D_CENTRE, D_DEVIATION = 0.5, 0.7
D_CENTRE_IN_NOISE, D_DEVIATION_IN_NOISE = 0.65, 0.45  # a signal that is nearly white cannot be told from the noise

WEAK_ROOTS, WEAK_DEVIATION = (-0.4, 0.4), 0.3  # atanh φ: short memory that is forgotten within a few steps
STRONG_ROOTS, STRONG_DEVIATION = tuple(math.atanh(phi) for phi in (0.7, 0.85, 0.93)), 0.25
SMOOTH = ((1.5, 0.5), (2.0, 0.75))  # of (s, r): b_k has a deviation of s r^k / k, as if from poles and zeros near r
BESIDE = (1.0, 0.4)  # the same, beside a strong root
LOWEST_CORNER, HIGHEST_CORNER = (
    1.9,
    4.5,
)  # angular frequency times √n where noise is as strong as a whole random walk; the largest log c
CORNER_STEP, CORNER_DEVIATION = 2.0, 1.2  # of log c from one component to the next
PURE, ONE_ROOT, SMOOTH_SHARE, STRONG = 0.58, 0.15, 0.2, 0.07  # prior shares of the kinds of short memory
NOISE_ALONE, NOISE_BESIDE = 0.33, 0.4  # prior shares of white noise on top: without short memory, and with it


class Components(NamedTuple):
    """The parts of the prior: normal distributions of the parameters, shape (components, SIZE), with their shares."""

    log_share: Values
    mean: Values
    deviation: Values
    noise: Values
    """1 with white noise on top, else 0."""
    sign: Values
    """1 for a pole, -1 for a zero."""

    def take(self, rows: npt.NDArray[np.intp]) -> Components:
        """The components with these numbers, one for each row."""
        return Components(*(each[rows] for each in self))


@lru_cache(maxsize=32)
def components(samples: int) -> Components:
    """The components for a series of so many samples: the longer it is, the lower may the corner be."""
    corners = _corners(samples)
    parts = [
        (math.log(share * weight), _mean(root, corner), _deviation(root, smooth, corner), float(corner is not None), sign)
        for share, root, sign, smooth in _short_memory()
        for weight, corner in _noise(corners, NOISE_ALONE if root is None and smooth is None else NOISE_BESIDE)
    ]
    return Components(*(np.array(each) for each in zip(*parts, strict=True)))


def _corners(samples: int) -> list[float]:
    low = 2 * math.log(LOWEST_CORNER / math.sqrt(samples))
    corners: list[float] = np.linspace(low, HIGHEST_CORNER, round((HIGHEST_CORNER - low) / CORNER_STEP) + 1).tolist()
    return corners


def _short_memory() -> Iterator[tuple[float, float | None, float, tuple[float, float] | None]]:
    """Share, atanh φ, its sign, and (s, r) of the cosines."""
    yield PURE, None, 1.0, None
    for root in WEAK_ROOTS:
        for sign in (1.0, -1.0):
            yield ONE_ROOT / 4, root, sign, None
    for smooth in SMOOTH:
        yield SMOOTH_SHARE / len(SMOOTH), None, 1.0, smooth
    for root in STRONG_ROOTS:
        yield STRONG / len(STRONG_ROOTS), root, 1.0, BESIDE


def _noise(corners: list[float], share: float) -> Iterator[tuple[float, float | None]]:
    yield 1 - share, None
    for corner in corners:
        yield share / len(corners), corner


def _mean(root: float | None, corner: float | None) -> Values:
    mean = np.zeros(SIZE)
    mean[D], mean[ROOT], mean[CORNER] = D_CENTRE if corner is None else D_CENTRE_IN_NOISE, root or 0.0, corner or 0.0
    return mean


def _deviation(root: float | None, smooth: tuple[float, float] | None, corner: float | None) -> Values:
    deviation = np.full(SIZE, FIXED)
    deviation[LEVEL], deviation[D] = 1e3, D_DEVIATION  # the level is free
    if root is not None:
        deviation[ROOT] = WEAK_DEVIATION if root in WEAK_ROOTS else STRONG_DEVIATION
    if corner is not None:
        deviation[CORNER], deviation[D] = CORNER_DEVIATION, D_DEVIATION_IN_NOISE
    if smooth is not None:
        k = np.arange(1, ORDER + 1)
        deviation[COSINES:] = smooth[0] * smooth[1] ** k / k
    return deviation


class Density(NamedTuple):
    """Log spectral density of rows, shape (rows, bins), and its gradient by the parameters, shape (rows, SIZE, bins)."""

    log: Values
    gradient: Values


def density(points: Values, of: Components, at: Spectrum) -> Density:
    """Log spectral density at the frequencies of a spectrum, for parameters of shape (rows, SIZE) and a component for each row."""
    log_gain, cosine, cosines = _basis(at.frequency.tobytes())
    d, corner, sign = points[:, D, None], points[:, CORNER, None], of.sign[:, None]
    phi = np.tanh(points[:, ROOT, None])
    polynomial = 1 + phi * phi - 2 * phi * cosine
    leaks, slope = leakage(d, at.leakage)
    of_noise, _ = leakage(np.zeros((1, 1)), at.leakage)
    signal = np.exp(points[:, COSINES:] @ cosines - d * log_gain - sign * np.log(polynomial) + leaks)
    total = signal + of.noise[:, None] * np.exp(of_noise - d * corner)
    share = signal / total
    gradient = np.empty((*points.shape, len(cosine)))
    gradient[:, LEVEL] = 1
    gradient[:, D] = share * (slope - log_gain) - (1 - share) * corner
    gradient[:, ROOT] = 2 * sign * share * (cosine - phi) / polynomial * (1 - phi * phi)
    gradient[:, CORNER] = (share - 1) * d
    gradient[:, COSINES:] = share[:, None] * cosines
    return Density(points[:, LEVEL, None] + np.log(total), gradient)


def first_d(of: Components, at: Spectrum) -> Values:
    """D by regression of the log spectrum, with the root of each component where its prior has it, shape (series, components)."""
    log_gain, cosine, _ = _basis(at.frequency.tobytes())
    centred = at.ordinates * (log_gain - at.ordinates @ log_gain / at.ordinates.sum())
    phi = np.tanh(of.mean[:, ROOT, None])
    short = of.sign[:, None] * np.log(1 + phi * phi - 2 * phi * cosine)
    found: Values = -((np.log(np.maximum(at.power, 1e-12)) @ centred)[:, None] + short @ centred) / (log_gain @ centred)
    return found


@lru_cache(maxsize=32)
def _basis(frequency: bytes) -> tuple[Values, Values, Values]:
    """Log |2 sin ω/2|², cos ω and cos kω."""
    w = np.frombuffer(frequency)
    return 2 * np.log(2 * np.sin(w / 2)), np.cos(w), np.cos(np.arange(1, ORDER + 1)[:, None] * w)
