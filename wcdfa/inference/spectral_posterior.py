"""The posterior of α of a whole run, from its spectrum, averaged over short memory and over white noise on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.multitaper import INFORMATION, SHORTEST, Spectrum, spectrum
from wcdfa.inference.spectral_models import density, first_d
from wcdfa.inference.spectral_prior import LEVEL, SIZE, Components, D, components

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

LOWEST, HIGHEST = 0.0, 2.0
ORDINARY, RARER = (0.5, 1.5), 0.25  # prior of α: even in this range, and falling off outside with this standard deviation
FIRST, REST = 4, 8  # rounds with all components, and with those that are left
BEHIND = 15.0  # nats: a component that far behind the best is left out
LARGEST_STEP = 0.7
POINTS = 1001  # of the grid on which the posterior is kept
REACH = 6.0  # standard deviations on either side
TOGETHER = 8  # series at a time


class Posterior(NamedTuple):
    """The posterior of α of each series."""

    alpha: Values
    """A grid from below to above everything that is likely, shape (..., points)."""
    cumulative: Values
    """Probability that the true α is at most that, shape (..., points)."""

    def quantile(self, share: float) -> Values:
        """α that is above the true one with this probability, shape (...)."""
        return self._each(lambda alpha, cumulative: float(np.interp(share, cumulative, alpha)))

    def below(self, bound: float) -> Values:
        """Probability that the true α is below a bound, shape (...)."""
        return self._each(lambda alpha, cumulative: float(np.interp(bound, alpha, cumulative, left=0.0, right=1.0)))

    def _each(self, of: Callable[[Values, Values], float]) -> Values:
        rows = zip(self.alpha.reshape(-1, POINTS), self.cumulative.reshape(-1, POINTS), strict=True)
        return np.array([of(*row) for row in rows]).reshape(self.alpha.shape[:-1])


class Mixture(NamedTuple):
    """Normal distributions of the parameters of the spectrum, several for each series."""

    series: Indices
    """Number of the series, shape (rows,)."""
    component: Indices
    """Number of the component of the prior, shape (rows,)."""
    log_weight: Values
    """Shape (rows,)."""
    mean: Values
    """Shape (rows, SIZE)."""
    covariance: Values
    """Shape (rows, SIZE, SIZE)."""

    def of(self, series: int) -> Mixture:
        """The rows of one series."""
        kept = self.series == series
        return Mixture(*(each[kept] for each in self))


def spectral_posterior(x: npt.ArrayLike, /, *, breaks: Sequence[int] = ()) -> Posterior:
    """Posterior of α of series of shape (..., n), which may be split by breaks into stretches with levels of their own.

    >>> from wcdfa import synthetic
    >>> found = spectral_posterior(synthetic.arfima(2000, d=0.5, seed=0))
    >>> print(f"{found.quantile(0.5):.2f} ({found.quantile(0.025):.2f}–{found.quantile(0.975):.2f})")
    0.98 (0.92–1.05)

    Parameters
    ----------
    x : numbers of shape (..., n)
        None of the series may be constant.
    breaks : positions in x where a new stretch begins
        A stretch of fewer than 32 samples is left out.
    """
    x = np.asarray(x, dtype=np.float64)
    rows = x.reshape(-1, x.shape[-1])
    spans = stretches_of(x.shape[-1], breaks)
    parts = [summed_up(mixture(spectrum([rows[i : i + TOGETHER, span] for span in spans]))) for i in range(0, len(rows), TOGETHER)]
    return Posterior(*(np.concatenate(each).reshape(*x.shape[:-1], POINTS) for each in zip(*parts, strict=True)))


def stretches_of(n: int, breaks: Sequence[int]) -> list[slice]:
    """The stretches between breaks that are long enough for a spectrum."""
    edges = [0, *breaks, n]
    return [slice(a, b) for a, b in pairwise(edges) if b - a >= SHORTEST]


def mixture(of: Spectrum) -> Mixture:
    """Fit every component of the prior to each spectrum, by Laplace's approximation."""
    prior = components(2 * int(of.ordinates.sum()))
    count = len(prior.noise)
    series, rows = (each.ravel() for each in np.indices((len(of.power), count)))
    points = prior.mean[rows]
    points[:, D] = np.clip(first_d(prior, of), -0.3, 1.3).ravel()
    points = _climbed(points, prior.take(rows), of, series, FIRST)
    evidence = _laplace(points, rows, prior, of, series).log_weight
    best = evidence.reshape(-1, count).max(axis=-1)
    kept = np.flatnonzero(evidence > best[series] - BEHIND)
    series, rows = series[kept], rows[kept]
    points = _climbed(points[kept], prior.take(rows), of, series, REST)
    return _laplace(points, rows, prior, of, series)


def _climbed(points: Values, prior: Components, of: Spectrum, series: Indices, rounds: int) -> Values:
    """Fisher scoring: so many steps towards the largest posterior density."""
    for _ in range(rounds):
        found = density(points, prior, of)
        ratio = of.power[series] * np.exp(-found.log)
        scale = ratio @ of.ordinates / of.ordinates.sum()  # the best level for these parameters
        points[:, LEVEL] += np.log(scale)
        slope = (found.gradient @ (INFORMATION * of.ordinates * (ratio / scale[:, None] - 1))[..., None])[..., 0]
        slope -= (points - prior.mean) / prior.deviation**2
        step = np.linalg.solve(_information(found.gradient, prior, of), slope[..., None])[..., 0]
        points = points + step / np.maximum(1, np.abs(step[:, LEVEL + 1 :]).max(axis=-1, keepdims=True) / LARGEST_STEP)
    return points


def _information(gradient: Values, prior: Components, of: Spectrum) -> Values:
    """Fisher information of the parameters, that of the prior included, shape (rows, SIZE, SIZE)."""
    information = (gradient * (INFORMATION * of.ordinates)) @ gradient.transpose(0, 2, 1)
    information[:, range(SIZE), range(SIZE)] += prior.deviation**-2
    return information


def _log_posterior(points: Values, prior: Components, of: Spectrum, series: Indices) -> Values:
    """Log of likelihood times prior, up to a constant, shape (rows,)."""
    log = density(points, prior, of).log
    likelihood = -INFORMATION * ((log + of.power[series] * np.exp(-log)) @ of.ordinates)
    away = ((points - prior.mean) / prior.deviation) ** 2 / 2 + np.log(prior.deviation)
    return np.asarray(prior.log_share + likelihood - away.sum(axis=-1))


def _laplace(points: Values, rows: Indices, prior: Components, of: Spectrum, series: Indices) -> Mixture:
    own = prior.take(rows)
    information = _information(density(points, own, of).gradient, own, of)
    evidence = _log_posterior(points, own, of, series) - np.linalg.slogdet(information)[1] / 2
    return Mixture(series, rows, evidence, points, np.asarray(np.linalg.inv(information)))


def summed_up(of: Mixture) -> Posterior:
    """The posterior of α of each series of a mixture, shape (series, POINTS)."""
    grids = [_on_a_grid(of.of(i)) for i in range(of.series[-1] + 1)]
    return Posterior(*(np.stack(each) for each in zip(*grids, strict=True)))


def _on_a_grid(of: Mixture) -> tuple[Values, Values]:
    """The mixture for one series, times the prior of α, on a grid of α."""
    weight = np.exp(of.log_weight - of.log_weight.max())
    matter = weight > 1e-6
    weight, centre, deviation = weight[matter], of.mean[matter, D] + 0.5, np.sqrt(of.covariance[matter, D, D])
    low = np.clip((centre - REACH * deviation).min(), LOWEST, HIGHEST - 0.05)
    high = np.clip((centre + REACH * deviation).max(), low + 0.05, HIGHEST)
    alpha = np.linspace(low, high, POINTS)
    log_prior = -((np.maximum(0, np.maximum(ORDINARY[0] - alpha, alpha - ORDINARY[1])) / RARER) ** 2) / 2
    log_density = np.log(weight / deviation)[:, None] + log_prior - ((alpha - centre[:, None]) / deviation[:, None]) ** 2 / 2
    cumulative = np.cumsum(np.exp(log_density - log_density.max()).sum(axis=0))  # all of it may be far outside the grid
    return alpha, (cumulative - cumulative[0]) / (cumulative[-1] - cumulative[0])
