"""The mean of log F(s) of a series whose spectrum is a power law with another exponent beyond each of some frequencies.

log S is a line of slope 1 - 2α in x = log(2 sin πf), with a kink at each place x. Without a kink it is that of ARFIMA(0, d, 0).
Parameters stand in rows: the exponents, from the smallest boxes to the largest, then the kinks, from the highest frequency to the lowest.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from wcdfa.inference.spectral_response import Response, below, response
from wcdfa.kernel.polynomials import Matrix, frozen

REFERENCE = 512  # box size at which lines of F(s) are taken to cross: small boxes bend them
NEAR = 0.02  # exponents that differ by less cross where their limit does


def hinges(x: Matrix, kinks: Matrix) -> Matrix:
    """How far each frequency lies below each kink: (..., bins) for kinks (...)."""
    return np.maximum(kinks[..., None] - x, 0.0)


def spectra(exponents: Matrix, kinks: Matrix, of: Response) -> Matrix:
    """Spectra (rows, bins), up to a factor, for exponents (rows, K + 1) and kinks (rows, K)."""
    logs = (1 - 2 * exponents[:, :1]) * of.x - np.einsum("rk,rkf->rf", 2 * np.diff(exponents, axis=-1), -hinges(of.x, kinks))
    spectrum = np.exp(logs - logs.max(axis=-1, keepdims=True))
    spectrum[:, 0] *= 1 + below(of, exponents[:, -1])
    return np.asarray(spectrum)


def log_means(exponents: Matrix, kinks: Matrix, of: Response) -> tuple[Matrix, Matrix]:
    """½ log E F²(s), (rows, sizes), up to a constant, and its derivative by each parameter, (rows, sizes, 2 K + 1)."""
    spectrum = spectra(exponents, kinks, of)
    total = spectrum @ of.weights
    behind = hinges(of.x, kinks)
    edges = np.concatenate([-of.x + np.zeros((len(exponents), 1, 1)), behind, np.zeros((len(exponents), 1, len(of.x)))], axis=1)
    by_exponent = edges[:, :-1] - edges[:, 1:]
    by_kink = np.diff(exponents, axis=-1)[:, :, None] * (behind > 0)
    each = np.concatenate([by_exponent, by_kink], axis=1) * spectrum[:, None, :]
    return 0.5 * np.log(total), np.swapaxes(each @ of.weights, 1, 2) / total[:, :, None]


def crossing(before: Matrix, after: Matrix, kinks: Matrix, order: int) -> Matrix:
    """The box size at which the straight lines of F(s) before and after a kink of the spectrum cross.

    >>> import numpy as np
    >>> size = crossing(np.array(0.5), np.array(1.0), np.log(2 * np.pi * np.array(0.01)), 1)
    >>> print(size.round())
    120.0
    """
    alphas, level = _levels(order)
    rate = np.gradient(level, alphas)
    change, apart = np.interp(after, alphas, level) - np.interp(before, alphas, level), after - before
    limit = np.interp((before + after) / 2, alphas, rate)
    slope = np.where(np.abs(apart) < NEAR, limit, change / np.where(np.abs(apart) < NEAR, 1.0, apart))
    return np.asarray(np.exp(-slope - kinks))


def kink_of(size: Matrix, before: Matrix | float, after: Matrix | float, order: int) -> Matrix:
    """The kink of the spectrum whose lines of F(s) cross at a box size: the inverse of `crossing`."""
    return np.asarray(np.log(crossing(np.asarray(before), np.asarray(after), np.array(0.0), order)) - np.log(size))


@lru_cache(maxsize=4)
def _levels(order: int) -> tuple[Matrix, Matrix]:
    """For each α, ½ log E F²(s) / s^2α of a spectrum x^(1 - 2α): the level of the straight line of F(s)."""
    of = response((REFERENCE,), order)
    alphas = np.linspace(0.0, order + 0.95, 20 * order + 20)
    logs = (1 - 2 * alphas[:, None]) * of.x
    weights = np.broadcast_to(of.weights[:, 0], logs.shape).copy()
    weights[:, 0] *= 1 + below(of, alphas)
    return frozen(alphas), frozen(0.5 * np.log(np.sum(np.exp(logs) * weights, axis=-1)) - alphas * np.log(REFERENCE))
