"""What log F(s) of a series with one exponent looks like, with what such series may have besides: the null of crossovers.

One exponent may come as ARFIMA, as fractional Gaussian noise (from α = 1 on, as its running sum), as a spectrum that is a power law up to the
highest frequency, or with a trace of short memory. These differ in small boxes only. How they differ is added to the covariance, so that
nothing is found in it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.inference.broken_power_law import spectra
from wcdfa.inference.calibration_tables import moments_for
from wcdfa.inference.moments import alpha_range, interpolation
from wcdfa.inference.spectral_response import Response, response
from wcdfa.kernel.polynomials import Matrix, complement, frozen

STEP = 0.02  # of the grid of α
# An AR(1) coefficient that one exponent may have besides, SHORT_MEMORY, or UNSEEN / √n if that is more. Both are choices: so much short memory is
# to count as none, and in a short series, where a coefficient is known to about 1/√n only, as much more as that. The two meet at 4,096 samples.
SHORT_MEMORY, UNSEEN = 0.05, 3.2
NOISE, MOTION = (
    0.97,
    1.15,
)  # fractional Gaussian noise exists up to the first α, and its running sum has one exponent from the second on
ALIASES = np.arange(1, 200)  # multiples of the sampling rate from which power folds back


class Layout(NamedTuple):
    """What the moments of log F(s) depend on."""

    n: int
    sizes: tuple[int, ...]
    order: int
    stretches: tuple[int, ...] = ()

    @property
    def response(self) -> Response:
        """The response of the boxes to frequencies."""
        return response(self.sizes, self.order)


class Single(NamedTuple):
    """Mean, standard deviations and correlations of log F(s) for each α of a grid."""

    alphas: Matrix  # (grid,)
    log_mean: Matrix  # (grid, sizes): ½ log E F²(s), up to a constant
    deviation: Matrix  # (grid, sizes)
    root: Matrix  # (grid, sizes, sizes), root rootᵀ is the covariance


@lru_cache(maxsize=64)
def single(layout: Layout) -> Single:
    """The moments on the grid of α."""
    moments = moments_for(layout.n, layout.sizes, layout.order, "gls", layout.stretches)[0]
    low, high = alpha_range(layout.order)
    alphas = np.linspace(low, high, round((high - low) / STEP) + 1)
    between = interpolation(layout.order, alphas)
    root = np.einsum("gk,kst->gst", between, moments.root)
    variance = np.sum(root**2, axis=-1)
    return Single(alphas, frozen(between @ moments.mean + variance), frozen(np.sqrt(variance)), frozen(root))


def nearest(alpha: Matrix | float, alphas: Matrix) -> Matrix:
    """The index of the nearest point of the grid to each α."""
    return np.asarray(np.clip(np.rint((alpha - alphas[0]) / STEP), 0, len(alphas) - 1).astype(int))


def deviations(layout: Layout, local: Matrix) -> Matrix:
    """Standard deviations of log F(s), (sizes,), of a series whose exponent at each size is `local`."""
    of = single(layout)
    at = np.clip(local, of.alphas[0], of.alphas[-1])
    return np.array([np.interp(a, of.alphas, column) for a, column in zip(at, of.deviation.T, strict=True)])


def covariance(layout: Layout, alpha: float, local: Matrix, smallest: float) -> Matrix:
    """Covariance of log F(s) of a series whose exponent at each size is `local`, and `smallest` in small boxes.

    Correlations are those of one exponent, `alpha`: they depend little on it.
    """
    of = single(layout)
    index = int(nearest(alpha, of.alphas))
    scaled = of.root[index] * (deviations(layout, local) / of.deviation[index])[:, None]
    free = departures(layout.sizes, layout.order, round(smallest / STEP)).copy()
    free[-1] *= max(SHORT_MEMORY, UNSEEN / np.sqrt(layout.n))
    return np.asarray(scaled @ scaled.T + free.T @ free)


def whitening(covariance: Matrix) -> Matrix:
    """Columns (sizes, sizes - 1) whose products with log F are uncorrelated, of unit variance, and free of its level."""
    root = np.linalg.cholesky(covariance)
    level = np.linalg.solve(root, np.ones(len(root)))
    return np.asarray(np.linalg.solve(root.T, complement(level[:, None] / np.linalg.norm(level))))


@lru_cache(maxsize=256)
def departures(sizes: tuple[int, ...], order: int, steps: int) -> Matrix:
    """How log F(s) may differ from that of ARFIMA, (3, sizes), at an α of so many steps of the grid.

    As fractional noise does, as a power law of the frequency does, and, for each unit of its coefficient, as a small AR(1) does.
    """
    alpha, of = min(max(steps * STEP, STEP), order + 0.9), response(sizes, order)
    density = spectra(np.array([[alpha]]), np.zeros((1, 0)), of)[0][:, None] * of.weights
    density /= density.sum(axis=0)
    power_law = (1 - 2 * alpha) * (np.log(2 * np.pi * of.frequencies) - of.x)
    return frozen(np.stack([0.5 * _log_ratio(alpha, of), 0.5 * power_law, np.cos(2 * np.pi * of.frequencies)]) @ density)


def _log_ratio(alpha: float, of: Response) -> Matrix:
    """Log of the spectrum of fractional Gaussian noise, or of its running sum, over that of ARFIMA."""
    noise = alpha < MOTION
    decay = 2 * min(alpha, NOISE) + 1 if noise else 2 * alpha - 1
    f = of.frequencies[:, None]
    folded = of.frequencies**-decay + np.sum((ALIASES + f) ** -decay + (ALIASES - f) ** -decay, axis=-1)
    folded += 2 * (ALIASES[-1] + 0.5) ** (1 - decay) / (decay - 1)
    return np.asarray(np.log(folded) + (decay - 2 if noise else decay) * of.x + (2 * of.x if noise else 0.0))
