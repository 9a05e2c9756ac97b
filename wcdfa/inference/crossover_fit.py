"""Finds how many crossovers one log F(s) has, where they are, and the exponents between them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from wcdfa.inference.bends import Bends, later_test, places
from wcdfa.inference.broken_power_law import crossing, log_means
from wcdfa.inference.exponent import SATURATION
from wcdfa.inference.kinked_fit import Fits, Problem, fitted
from wcdfa.inference.moments import alpha_range
from wcdfa.inference.single_exponent import Layout, covariance, deviations, whitening
from wcdfa.kernel.polynomials import Matrix
from wcdfa.support import chi_square

# If a fit with a crossover held somewhere has a misfit that is lower by so much, it is the better start. A choice: far more than rounding, and
# far less than the 3.8 by which the misfit is higher at the ends of an interval of 95 %.
BETTER = 0.1
ROUNDS = 2  # of fits, each with the standard deviations that the one before leads to expect


class Found(NamedTuple):
    """The crossovers of one series."""

    p_values: tuple[float, ...]  # of each crossover that was tested, in turn
    places: Matrix  # (K, 3): box size, lower and upper end
    exponents: Matrix  # (K + 1, 3): exponent, lower and upper end
    adequacy: float  # p of the misfit of what was fitted; without places although log F(s) bends, of all that was tried


class Model(NamedTuple):
    """A fit of one row, with the mean of log F(s) and the whitening that belong to it."""

    problem: Problem
    fit: Fits
    expected: Matrix  # (sizes,), up to a constant


def crossovers_of(
    layout: Layout, log_f: Matrix, alpha: float, first: tuple[float, float], *, level: float, most: int, quantile: float
) -> Found:
    """The crossovers of one log F(s), (sizes,), for which one exponent, `alpha`, is rejected; `first` is p and the kink of that test.

    As many of those that were found as leave every exponent determined.
    """
    model = _model(layout, log_f, np.array([[alpha]]), np.zeros((1, 0)), None)
    models: list[Model] = []
    p, kink = first
    p_values = [p]
    while p < level and model.fit.kinks.shape[-1] < most:
        model = _with_another(layout, log_f, model, kink)
        models.append(model)
        if len(p_values) == min(most, (len(log_f) - 2) // 2):  # a crossover takes two parameters, and a bend must be left over
            break
        p, kink = (float(each) for each in _test(layout, model).of(log_f))
        p_values.append(p)
    for model in reversed(models):
        found = _measured(layout, log_f, model, quantile)
        if _determined(layout, found):
            return found._replace(p_values=tuple(p_values))
    return Found(tuple(p_values), np.empty((0, 3)), np.empty((0, 3)), _adequacy(models[-1]))


def _measured(layout: Layout, log_f: Matrix, model: Model, quantile: float) -> Found:
    """Places and exponents of a fit, with their intervals."""
    profiles = [_profile(layout, model, k) for k in range(model.fit.kinks.shape[-1])]
    best = min(profiles, key=lambda fits: fits.misfit.min())
    if best.misfit.min() < model.fit.misfit[0] - BETTER:
        model = _refined(layout, log_f, best.row(int(best.misfit.argmin())))
        profiles = [_profile(layout, model, k) for k in range(model.fit.kinks.shape[-1])]
    ends = [_place(layout, model.fit, profile, k, quantile) for k, profile in enumerate(profiles)]
    exponents = [_exponent(model.fit, profiles[max(0, j - 1) : j + 1], j, quantile) for j in range(model.fit.exponents.shape[-1])]
    known = np.clip(exponents, 0.0, layout.order + 1.0)
    return Found((), np.array(ends).reshape(-1, 3), known, _adequacy(model))


def _determined(layout: Layout, found: Found) -> bool:
    """Whether each exponent rests on two box sizes at least, and its interval leaves a value out."""
    borders = [layout.sizes[0], *found.places[:, 0], layout.sizes[-1]]
    sizes = np.asarray(layout.sizes)
    enough = [np.sum((low <= sizes) & (sizes <= high)) >= 2 for low, high in pairwise(borders)]
    known = (found.exponents[:, 1] > SATURATION) | (found.exponents[:, 2] < layout.order + 1 - SATURATION)
    return bool(all(enough) and known.all())


def _model(layout: Layout, log_f: Matrix, exponents: Matrix, kinks: Matrix, noise: Fits | None) -> Model:
    """The fit from a start, with the noise that an earlier fit leads to expect; without one, that of the start."""
    like = noise or Fits(exponents, kinks, np.zeros(1), np.zeros((1, 0, 0)))
    mean = log_means(like.exponents, like.kinks, layout.response)[0][0]
    local = np.gradient(mean, np.log(layout.sizes))
    white = whitening(covariance(layout, float(local.mean()), local, float(like.exponents[0, 0])))
    variance = deviations(layout, local) ** 2
    tried = places(layout, float(exponents.mean()))
    bounds = float(tried.min()) - math.log(2), float(tried.max()) + math.log(2)
    problem = Problem(log_f + variance, white, layout.response, alpha_range(layout.order)[1], bounds)
    fits = fitted(problem, exponents, kinks)
    best = fits.row(int(fits.misfit.argmin()))
    return Model(problem, best, log_means(best.exponents, best.kinks, layout.response)[0][0] - variance)


def _with_another(layout: Layout, log_f: Matrix, model: Model, kink: float) -> Model:
    """The fit with one more crossover: the first is tried at all places, later ones where the test found the largest bend."""
    exponents, kinks = model.fit.exponents[0], model.fit.kinks[0]
    tried = places(layout, float(exponents.mean())) if not len(kinks) else np.array([kink])
    rank = int(np.sum(kinks > kink))
    starts = np.insert(np.repeat(kinks[None], len(tried), 0), rank, tried, axis=-1)
    each = np.repeat(np.insert(exponents, rank, exponents[rank])[None], len(tried), 0)
    return _refined(layout, log_f, _model(layout, log_f, each, starts, model.fit).fit)


def _refined(layout: Layout, log_f: Matrix, fit: Fits) -> Model:
    """The fit with the noise that itself leads to expect."""
    for _ in range(ROUNDS):
        model = _model(layout, log_f, fit.exponents, fit.kinks, fit)
        fit = model.fit
    return model


def _test(layout: Layout, model: Model) -> Bends:
    return later_test(layout, model.expected, model.fit.exponents, model.fit.kinks, model.problem.whitening)


def _profile(layout: Layout, model: Model, k: int) -> Fits:
    """Fits with one kink held at each of the places, and the fit itself."""
    tried = np.append(places(layout, float(model.fit.exponents.mean())), model.fit.kinks[0, k])
    starts = np.repeat(model.fit.kinks, len(tried), axis=0)
    starts[:, k] = tried
    fits = fitted(model.problem, np.repeat(model.fit.exponents, len(tried), axis=0), starts, held=k)
    order = np.argsort(-fits.kinks[:, k])
    return Fits(*(part[order] for part in fits))


def _place(layout: Layout, fit: Fits, profile: Fits, k: int, quantile: float) -> tuple[float, float, float]:
    """The box size of a crossover, with its interval: every place whose best fit is not too much worse."""

    def sizes(fits: Fits) -> Matrix:
        return crossing(fits.exponents[:, k], fits.exponents[:, k + 1], fits.kinks[:, k], layout.order)

    worse, logs = profile.misfit - fit.misfit[0] - quantile**2, np.log(sizes(profile))
    inside = np.flatnonzero(worse <= 0)
    first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (len(logs) // 2, len(logs) // 2)
    low = math.log(layout.sizes[0]) if first == 0 else _between(logs, worse, first, first - 1)
    high = math.log(layout.sizes[-1]) if last == len(logs) - 1 else _between(logs, worse, last, last + 1)
    place = min(max(float(sizes(fit)[0]), layout.sizes[0]), layout.sizes[-1])
    return place, max(min(place, math.exp(low)), layout.sizes[0]), min(max(place, math.exp(high)), layout.sizes[-1])


def _between(logs: Matrix, worse: Matrix, inside: int, outside: int) -> float:
    """Where the misfit reaches its limit, between two places that are tried."""
    share = worse[inside] / min(worse[inside] - worse[outside], -1e-12)
    return float(logs[inside] + min(max(share, 0.0), 1.0) * (logs[outside] - logs[inside]))


def _exponent(fit: Fits, profiles: list[Fits], j: int, quantile: float) -> tuple[float, float, float]:
    """An exponent with its interval: every value that is not too unlikely with a crossover at some place."""
    alpha = float(fit.exponents[0, j])
    low = high = alpha
    for each in profiles or [fit]:
        left = quantile**2 - (each.misfit - fit.misfit[0])
        reach = np.sqrt(np.maximum(left, 0.0) * each.covariance[:, j, j])
        inside = left >= 0
        low = min(low, float((each.exponents[:, j] - reach)[inside].min(initial=alpha)))
        high = max(high, float((each.exponents[:, j] + reach)[inside].max(initial=alpha)))
    return alpha, low, high


def _adequacy(model: Model) -> float:
    """How likely so large a misfit is; NaN if there are as many parameters as sizes."""
    parameters = model.fit.exponents.shape[-1] + model.fit.kinks.shape[-1]
    degrees = model.problem.whitening.shape[-1] - parameters
    return chi_square.tail(float(model.fit.misfit[0]), degrees) if degrees > 0 else math.nan
