"""Series whose exponent changes with the box size, from a spectrum of power laws."""

from __future__ import annotations

import numpy as np

from wcdfa.inference.broken_power_law import kink_of


def kinked(n, exponents, places, *, batch, seed):
    """Gaussian series (batch, n) whose lines of F(s), at order 1, cross at these box sizes."""
    longer = 4 * n  # so that the two ends do not meet
    frequency = np.arange(1, longer // 2 + 1) / longer
    x = np.log(2 * np.sin(np.pi * frequency))
    logs = (1 - 2 * exponents[0]) * x
    for before, after, place in zip(exponents, exponents[1:], places, strict=False):
        logs = logs + 2 * (after - before) * np.maximum(kink_of(np.array(float(place)), before, after, 1) - x, 0)
    real, imaginary = np.random.default_rng(seed).standard_normal((2, batch, longer // 2))
    waves = np.sqrt(np.exp(logs)) * (real + 1j * imaginary)
    return np.fft.irfft(np.concatenate([np.zeros((batch, 1)), waves], axis=-1), n=longer)[:, :n]
