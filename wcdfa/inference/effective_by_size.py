"""How many independent coordinates a vector series is worth at each box size: coordinates may share only their slow part."""

from __future__ import annotations

import numpy as np

from wcdfa.inference.effective_number import inverse_of_traces, prediction_errors
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.polynomials import Matrix

SLOWEST, FASTEST = 0.125, 1.0  # boxes of s samples measure frequencies from SLOWEST / s to FASTEST / s
ROUNDS = 3


def inverse_by_size(series: Matrix, sizes: tuple[int, ...], stretches: tuple[int, ...], overall: float) -> Matrix:
    """Find 1 / K_eff of series (K, n) for each size; never below `overall`, that of all frequencies.

    The covariance of the coordinates comes from the frequencies that a size measures, of the series made white. They are cosine
    coefficients, as many independent ones as there are frequencies if the power is the same at all; if not, fewer count.
    """
    errors, _ = prediction_errors(series, NUMPY, stretches)
    waves = cosine_coefficients(np.asarray(errors))
    frequency = np.arange(waves.shape[-1]) / (2 * waves.shape[-1])
    inverse = []
    for size in sizes:
        band = waves[:, (frequency >= SLOWEST / size) & (frequency <= FASTEST / size) & (frequency > 0)]
        inverse.append(max(_of_band(band, overall), overall) if band.shape[-1] > 1 else overall)
    return np.array(inverse)


def cosine_coefficients(series: Matrix) -> Matrix:
    """The discrete cosine transform (…, n) of type II, up to a factor; of white noise all are independent and, but the first, alike."""
    n = series.shape[-1]
    mirrored = np.concatenate([series, series[..., ::-1]], axis=-1)
    turned = np.fft.rfft(mirrored)[..., :n] * np.exp(-0.5j * np.pi * np.arange(n) / n)
    return np.asarray(turned.real)


def _of_band(band: Matrix, first: float) -> float:
    """1 / K_eff from coefficients (K, frequencies), improved from a first guess.

    Unequal power of frequencies, which lowers the degrees of freedom, is told from chance: the sum over K_eff coordinates varies by 2 / K_eff.
    """
    power = np.sum(band**2, axis=0)
    total = power.sum()
    if not total:
        return first
    gram = band @ band.T / total
    of_square, unevenness = np.asarray(np.sum(gram**2)), float(np.sum(power**2)) / total**2
    inverse = first
    for _ in range(ROUNDS):
        freedom = 1 / max(unevenness / (1 + 2 * inverse), 1 / len(power))
        if freedom < 2:
            return first
        inverse = float(inverse_of_traces(of_square, np.ones(()), freedom, len(band), NUMPY))
    return inverse
