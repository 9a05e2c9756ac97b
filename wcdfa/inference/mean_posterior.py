"""How far the true mean may be from the average of the samples: averaged over all spectra that a series may have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.mean_variance import log_variance, slope_of_log_variance
from wcdfa.inference.multitaper import spectrum
from wcdfa.inference.spectral_posterior import HIGHEST, LOWEST, REACH, TOGETHER, Mixture, mixture, summed_up
from wcdfa.inference.spectral_prior import COSINES, FIXED, ROOT, Components, D, components

Values = npt.NDArray[np.float64]

STATIONARY = 0.5  # d from which on there is no mean
NODES = 48  # of d
RESIDUAL = 7  # of the parameters beside d, along the direction that changes the variance
# The prior of training norms beside these three leaves too many means outside the interval, or makes it too wide. They were chosen by hand, so
# that the interval holds the mean in 95 % of simulated ARFIMA and AR(1) of 50, 200, 500 and 1,000 samples without being wider than needed;
# `BESIDE_SHORT` was doubled once, after benchmarks/mean_with_memory.py had shown too narrow intervals where long memory lies under short
# one. That script judges them on other seeds, and on kinds that took no part.
BESIDE_SHORT = 0.2  # standard deviation of d beside short memory
SHORT, NOISE = 2.0, 0.7  # how many times as likely as in training norms short memory is, and white noise on top
NEGLIGIBLE = 1e-4
SCALES = 400  # of the mixture of normal distributions
ROUNDS = 50

_erf = np.vectorize(math.erf, otypes=[np.float64])


class Spread(NamedTuple):
    """Of each series, shape (k,)."""

    half_widths: list[Values]
    """For each share asked for, the distance from the average within which the true mean lies with that probability."""
    alpha: Values
    """Median of the posterior of α."""
    doubt: Values
    """Probability that α is 1 or more; the distances hold if it is not."""


def spread_of_mean(x: Values, shares: Sequence[float]) -> Spread:
    """The spread of the mean of series of shape (k, n), which are not constant.

    >>> noise = np.random.default_rng(0).standard_normal((1, 1000))  # whose mean has a standard error of 0.032
    >>> print(spread_of_mean(noise, [0.683]).half_widths[0].round(3))
    [0.027]
    """
    parts = [_of_few(x[i : i + TOGETHER], shares) for i in range(0, len(x), TOGETHER)]
    half_widths = [np.concatenate(each) for each in zip(*(part.half_widths for part in parts), strict=True)]
    return Spread(half_widths, *(np.concatenate(each) for each in zip(*(part[1:] for part in parts), strict=True)))


def _of_few(x: Values, shares: Sequence[float]) -> Spread:
    of = spectrum([x])
    fitted = mixture(of)
    prior, posterior = components(2 * int(of.ordinates.sum())), summed_up(fitted)
    parts = [_scales(fitted.of(i), prior, x.shape[-1], unit) for i, unit in enumerate(of.unit.tolist())]
    half_widths = [np.array([_half_width(*part, share) for part in parts]) for share in shares]
    return Spread(half_widths, posterior.quantile(0.5), 1 - posterior.below(STATIONARY + 0.5))


def _scales(of: Mixture, prior: Components, n: int, unit: float) -> tuple[Values, Values]:
    """The distribution of the mean as a mixture of normal ones: their standard deviations and weights."""
    weight, rows, d = _nodes(of, prior)
    along = of.covariance[:, D] / of.covariance[:, D, D, None]
    points = of.mean[rows] + along[rows] * (d - of.mean[rows, D])[:, None]
    log = log_variance(points, prior.take(of.component[rows]), n)
    nodes, shares = np.polynomial.hermite_e.hermegauss(RESIDUAL)
    log_scale = (math.log(unit) + log[:, None] + _spread_beside_d(of, prior, n)[rows, None] * nodes) / 2
    return _gathered(log_scale.ravel(), (weight[:, None] * shares).ravel())


def _spread_beside_d(of: Mixture, prior: Components, n: int) -> Values:
    """Standard deviation of the log variance for a known d, from the other parameters, shape (rows,)."""
    points = of.mean.copy()
    points[:, D] = np.clip(points[:, D], LOWEST - 0.5, STATIONARY - 0.05)
    slope = slope_of_log_variance(points, prior.take(of.component), n)
    slope[:, D] = 0
    with_d = (slope * of.covariance[:, D]).sum(axis=-1)
    square = np.einsum("ri,rij,rj->r", slope, of.covariance, slope) - with_d**2 / of.covariance[:, D, D]
    return np.asarray(np.sqrt(np.maximum(square, 0)))


def _nodes(of: Mixture, prior: Components) -> tuple[Values, npt.NDArray[np.intp], Values]:
    """Values of d below 1/2 that matter, with their weights and their rows in the mixture."""
    deviation, centre = np.sqrt(of.covariance[:, D, D]), of.mean[:, D]
    log_weight = of.log_weight - np.log(deviation)
    near = of.log_weight > of.log_weight.max() - math.log(1 / NEGLIGIBLE)
    low = np.clip((centre - REACH * deviation)[near].min(), LOWEST - 0.5, STATIONARY - 0.05)
    high = np.clip((centre + REACH * deviation)[near].max(), low + 0.05, min(STATIONARY, HIGHEST - 0.5))
    d = low + (high - low) * (np.arange(NODES) + 0.5) / NODES
    log = log_weight[:, None] + _log_prior(prior.take(of.component), d) - ((d - centre[:, None]) / deviation[:, None]) ** 2 / 2
    weight = np.exp(log - log.max())
    rows, places = np.nonzero(weight > NEGLIGIBLE)
    return weight[rows, places], rows, d[places]


def _log_prior(of: Components, d: Values) -> Values:
    """Beside the prior that α is measured with, which is that of training norms, shape (rows, d).

    No α below 1 is rarer than others; but beside short memory, a weak long one is likelier than a strong one.
    """
    short = (of.deviation[:, ROOT] > FIXED) | (of.deviation[:, COSINES] > FIXED)
    beside = np.where(short[:, None], math.log(SHORT) - (d / BESIDE_SHORT) ** 2 / 2, 0.0)
    return np.asarray(beside + np.where(of.noise, math.log(NOISE), 0.0)[:, None])


def _gathered(log_scale: Values, weight: Values) -> tuple[Values, Values]:
    """The same mixture with at most `SCALES` standard deviations."""
    low, high = float(log_scale.min()), float(log_scale.max())
    step = max(high - low, 1e-9) / (SCALES - 1)
    place = np.rint((log_scale - low) / step).astype(int)
    return np.exp(low + step * np.arange(SCALES)), np.bincount(place, weight, SCALES) / weight.sum()


def _half_width(scale: Values, weight: Values, share: float) -> float:
    """The distance from 0 within which a mixture of normal distributions has a share of its probability."""
    kept = weight > 0
    scale, weight = scale[kept], weight[kept]
    low, high = math.log(scale[0]) - 20, math.log(scale[-1]) + 4
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        inside = weight @ _erf(math.exp(middle) / (scale * math.sqrt(2)))
        low, high = (middle, high) if inside < share else (low, middle)
    return math.exp((low + high) / 2)
