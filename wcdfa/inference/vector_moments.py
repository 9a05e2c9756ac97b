"""Moments of log F(s) of a vector series, F²(s) = Σ_k F_k²(s) over K independent coordinates, from those of one coordinate."""

from __future__ import annotations

import numpy as np

from wcdfa.inference.calibration import LEVELS, calibrate, misfit_alphas
from wcdfa.inference.estimators import calibrated_estimate
from wcdfa.inference.moments import Moments, interpolation
from wcdfa.kernel.polynomials import Matrix

DRAWS = 2000  # of log F at each α, for the quantiles of the misfit


def of_vector(moments: Moments, coordinates: int) -> Moments:
    """Moments for the mean over so many independent coordinates; for 1, those given.

    The mean of F²(s) is that of one coordinate, its relative covariance the K-th part. To second order the mean of log F is ½ log E F²
    less its variance, so what a single coordinate loses by the logarithm shrinks as 1/K.
    """
    variance = np.sum(moments.root**2, axis=-1)
    mean = moments.mean + variance * (1 - 1 / coordinates)
    return Moments(moments.alphas, mean, moments.root / np.sqrt(coordinates), moments.short_memory)


def misfit_of_vector(
    single: Moments, misfit: Matrix, coordinates: int, *, sizes: tuple[int, ...], order: int, method: str
) -> Matrix:
    """Quantiles of the misfit: of normal log F for many coordinates, `misfit` for one; in between the difference goes as 1/K."""
    of_one = _normal_misfit(single, sizes, order, method, None)
    of_many = _normal_misfit(of_vector(single, coordinates), sizes, order, method, np.ones(DRAWS))
    return of_many + (misfit - of_one) / coordinates


def _normal_misfit(moments: Moments, sizes: tuple[int, ...], order: int, method: str, inflation: Matrix | None) -> Matrix:
    """The misfit that normal log F with these moments exceeds with each probability in LEVELS, ``(alphas, levels)``."""
    table = calibrate(moments, None, sizes=sizes, order=order, method=method)
    between = interpolation(order, misfit_alphas(order))
    draws = np.random.default_rng(0).standard_normal((DRAWS, len(sizes)))
    rows = []
    for mean, root in zip(between @ moments.mean, np.einsum("an,nkl->akl", between, moments.root), strict=True):
        mean_square = np.exp(2 * (mean + draws @ root.T))
        misfit = calibrated_estimate(mean_square, np.zeros(len(sizes)), table, 1.0, np, inflation).misfit
        rows.append(np.quantile(np.asarray(misfit), 1 - np.array(LEVELS)))
    return np.array(rows)
