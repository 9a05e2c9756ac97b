"""Tests for one more crossover: how far log F(s) bends at each place, and how far the largest bend goes by chance."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa.inference.broken_power_law import hinges, kink_of, log_means, spectra
from wcdfa.inference.single_exponent import Layout, covariance, nearest, single, whitening
from wcdfa.kernel.polynomials import Matrix, frozen

EACH_OCTAVE = 4  # places that are tried in an octave of box sizes
LEAST = 0.02  # of the largest: a place where a bend would show less is left out
DRAWS = 20_000
LATER = 5_000  # draws for each crossover after the first


class Bends(NamedTuple):
    """What is known of the bends of one kind of series."""

    mean: Matrix  # (sizes,)
    bends: Matrix  # (places, sizes): products with log F - mean are normal with variance 1
    kinks: Matrix  # (places,)
    largest: Matrix  # (draws,), in order: the largest bend of series without one more crossover

    def of(self, log_f: Matrix) -> tuple[Matrix, Matrix]:
        """The p-value of the largest bend of each series (..., sizes), and where it is."""
        found = np.abs((log_f - self.mean) @ self.bends.T)
        above = len(self.largest) - np.searchsorted(self.largest, found.max(axis=-1))
        return (1 + above) / (1 + len(self.largest)), self.kinks[found.argmax(axis=-1)]


def places(layout: Layout, alpha: float) -> Matrix:
    """Kinks of the spectrum that are tried: crossovers of F(s) from the second of the box sizes to the last but one."""
    low, high = layout.sizes[1], layout.sizes[-2]
    sizes = np.geomspace(low, high, max(2, round(EACH_OCTAVE * np.log2(high / low)) + 1))
    return kink_of(sizes, alpha, alpha, layout.order)


def of_one_exponent(layout: Layout, log_f: Matrix, alpha: Matrix) -> tuple[Matrix, Matrix]:
    """Test one exponent of each series (series, sizes), where it would be `alpha`: p, NaN where that is, and where the largest bend is."""
    p, kinks = np.full(len(alpha), np.nan), np.full(len(alpha), np.nan)
    known = np.isfinite(alpha)
    index = nearest(np.nan_to_num(alpha), single(layout).alphas)
    for each in np.unique(index[known]).tolist():
        those = known & (index == each)
        p[those], kinks[those] = _first_test(layout, each).of(log_f[those])
    return p, kinks


@lru_cache(maxsize=512)
def _first_test(layout: Layout, index: int) -> Bends:
    of = single(layout)
    alpha = float(of.alphas[index])
    white = whitening(covariance(layout, alpha, np.full(len(layout.sizes), alpha), alpha))
    mean = of.log_mean[index] - of.deviation[index] ** 2
    return later_test(layout, mean, np.array([[alpha]]), np.zeros((1, 0)), white, DRAWS)


def later_test(layout: Layout, mean: Matrix, exponents: Matrix, kinks: Matrix, white: Matrix, draws: int = LATER) -> Bends:
    """The test of a fit, of one row, with its mean of log F(s) and its whitening."""
    of, tried = layout.response, places(layout, float(exponents.mean()))
    density = spectra(exponents, kinks, of)[0][:, None] * of.weights
    bends = (hinges(of.x, tried) @ (density / density.sum(axis=0))) @ white
    known, _ = np.linalg.qr(white.T @ log_means(exponents, kinks, of)[1][0])
    bends = bends - (bends @ known) @ known.T
    shown = np.linalg.norm(bends, axis=-1)
    kept = shown >= LEAST * shown.max()  # all, if none shows a bend: then each is 0, and p is 1
    bends = bends[kept] / np.where(shown > 0, shown, 1.0)[kept, None]
    largest = np.sort(np.abs(_draws(draws, bends.shape[-1]) @ bends.T).max(axis=-1))
    return Bends(frozen(mean), frozen(bends @ white.T), frozen(tried[kept]), frozen(largest))


@lru_cache(maxsize=8)
def _draws(count: int, sizes: int) -> Matrix:
    return frozen(np.random.default_rng(0).standard_normal((count, sizes)))
