"""The mean of F²(s) from a power spectrum: what each frequency adds to boxes of s samples.

E F²(s) = 2 ∫ S(f) H(s, f) df over frequencies up to 1/2, where H is F²(s) of a wave of frequency f and unit power: K. Kiyono,
Phys. Rev. E 92, 042925 (2015), doi:10.1103/PhysRevE.92.042925. A spectrum is a function of x = log(2 sin πf), in which that of
ARFIMA(0, d, 0) is a straight line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.kernel.polynomials import Matrix, basis, frozen

BINS = 8  # of frequencies in an octave
PARTS = 6  # of a bin, over which the response is averaged
LOWEST = 0.02  # times the largest size: below this frequency the response is a power of the frequency
CHUNK = 1 << 21  # complex numbers held at a time


class Response(NamedTuple):
    """The response of each box size to each bin of frequencies."""

    frequencies: Matrix  # (bins,), in cycles per sample, increasing
    x: Matrix  # (bins,): log(2 sin πf)
    weights: Matrix  # (bins, sizes): E F²(s) = Σ S · weights, and what lies below the lowest bin
    order: int


@lru_cache(maxsize=32)
def response(sizes: tuple[int, ...], order: int) -> Response:
    """The response of boxes of these sizes."""
    low, high = np.log(LOWEST / max(sizes)), np.log(0.5)
    edges = np.linspace(low, high, int(np.ceil((high - low) / np.log(2) * BINS)) + 1)
    step = edges[1] - edges[0]
    fine = np.exp(edges[:-1, None] + step * (np.arange(PARTS) + 0.5) / PARTS)
    waves = np.stack([_of_waves(size, order, fine.ravel()) for size in sizes], axis=-1)
    weights = 2 * np.mean(waves.reshape(*fine.shape, -1) * fine[:, :, None], axis=1) * step
    middle = np.exp((edges[:-1] + edges[1:]) / 2)
    return Response(frozen(middle), frozen(np.log(2 * np.sin(np.pi * middle))), frozen(weights), order)


def below(response: Response, exponents: Matrix) -> Matrix:
    """What lies below the lowest bin, as a share of what the lowest bin adds, if the spectrum goes on as f^(1 - 2α)."""
    step = np.log(response.frequencies[1] / response.frequencies[0])
    decay = 2 * (response.order + 1 - exponents)
    return np.asarray(np.exp(-0.5 * step * decay) / (step * decay))


def _of_waves(size: int, order: int, frequencies: Matrix) -> Matrix:
    """F² of one box of waves of unit power, in the mean over their phases."""
    found = np.empty(len(frequencies))
    time, columns = np.arange(size)[:, None], basis(size, order)
    for start in range(0, len(frequencies), max(1, CHUNK // size)):
        part = slice(start, start + max(1, CHUNK // size))
        profile = np.cumsum(np.exp(2j * np.pi * time * frequencies[part]), axis=0)
        profile -= profile.mean(axis=0)
        profile -= columns @ (columns.T @ profile)
        found[part] = np.mean(profile.real**2 + profile.imag**2, axis=0)
    return found
