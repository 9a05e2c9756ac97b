"""Exponents from contrasts, sums of log F(s) with weights that add up to 0: such as the slope over a few sizes.

The mean of a contrast under a single exponent is known for each α, with the bias of small boxes and of few boxes. The α whose mean is the
measured value is the exponent; its interval holds every α for which the value is within so many standard deviations of its mean.

All series have one layout here, so one table of moments does. In `rolling_slopes` every window has breaks of its own, and the interval is
for the plain slope, bias included, instead of α.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.inference.moments import Moments, alpha_range, interpolation
from wcdfa.kernel.polynomials import Matrix

FINE = 0.01  # step of the grid of α


class Contrasts(NamedTuple):
    """What is known of contrasts under each α of a grid."""

    weights: Matrix  # (sizes, contrasts)
    alphas: Matrix  # (grid,)
    mean: Matrix  # (grid, contrasts)
    covariance: Matrix  # (grid, contrasts, contrasts)
    rate: Matrix  # (grid, contrasts): how fast the mean grows with α


class Exponents(NamedTuple):
    """Exponents (..., contrasts) with their intervals and standard errors."""

    alpha: Matrix
    low: Matrix
    high: Matrix
    stderr: Matrix


def contrasts(moments: Moments, weights: Matrix, order: int) -> Contrasts:
    """Mean and covariance of contrasts for each α of the grid."""
    low, high = alpha_range(order)
    alphas = np.linspace(low, high, round((high - low) / FINE) + 1)
    between = interpolation(order, alphas)
    mean = between @ (moments.mean @ weights)
    roots = np.einsum("skw,sm->kmw", np.swapaxes(moments.root, 0, 1), weights)
    root = np.einsum("gk,kmw->gmw", between, roots)
    return Contrasts(weights, alphas, mean, root @ np.swapaxes(root, 1, 2), np.gradient(mean, FINE, axis=0))


def exponents(log_f: Matrix, of: Contrasts, quantile: Matrix | float) -> Exponents:
    """The exponents of log F(s) of shape (..., sizes); `quantile` is a number, or one for each series, of shape (...)."""
    values = log_f @ of.weights
    rows, reach = values.reshape(-1, values.shape[-1]), np.broadcast_to(quantile, values.shape[:-1]).reshape(-1)
    found = [_of_one(rows[:, m], of, m, reach) for m in range(rows.shape[-1])]
    return Exponents(*(np.stack(part, axis=-1).reshape(values.shape) for part in zip(*found, strict=True)))


def at(of: Contrasts, alpha: Matrix) -> Matrix:
    """The nearest point of the grid to each α; the first one where α is NaN."""
    return np.asarray(np.clip(np.rint(np.nan_to_num((alpha - of.alphas[0]) / FINE)), 0, len(of.alphas) - 1).astype(int))


def correlations(of: Contrasts, alpha: Matrix) -> Matrix:
    """Correlations (..., contrasts, contrasts) of the contrasts at these α (...)."""
    covariance = of.covariance[at(of, alpha)]
    deviation = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return np.asarray(covariance / (deviation[..., :, None] * deviation[..., None, :]))


def _of_one(values: Matrix, of: Contrasts, m: int, quantile: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """α, its interval and its standard error for each value (series,) of one contrast."""
    mean, deviation = of.mean[:, m], np.sqrt(of.covariance[:, m, m])
    reach = quantile[:, None] * deviation
    alpha = _reached(np.broadcast_to(mean, reach.shape), values, of.alphas)
    low = _reached(mean + reach, values, of.alphas)
    high = -_reached((reach - mean)[:, ::-1], -values, -of.alphas[::-1])
    stderr = np.interp(alpha, of.alphas, deviation / np.maximum(of.rate[:, m], FINE))
    return alpha, np.minimum(low, alpha), np.maximum(high, alpha), stderr


def _reached(curves: Matrix, values: Matrix, alphas: Matrix) -> Matrix:
    """The first α at which each curve (series, grid) reaches its value; an end of the grid if that is beyond. NaN stays NaN."""
    index = np.argmax(curves >= values[:, None], axis=1)
    index = np.where(curves.max(axis=1) < values, len(alphas) - 1, index)
    before, rows = np.maximum(index - 1, 0), np.arange(len(values))
    left, right = curves[rows, before], curves[rows, index]
    share = np.clip((values - left) / np.where(right > left, right - left, 1.0), 0.0, 1.0)
    return np.asarray(alphas[before] + share * (alphas[index] - alphas[before]))
