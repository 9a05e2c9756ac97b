"""Fits exponents and kinks to log F(s): weighted least squares, by Levenberg and Marquardt, many starts at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.inference.broken_power_law import log_means
from wcdfa.inference.spectral_response import Response
from wcdfa.kernel.polynomials import Matrix

ROUNDS = 30
ENOUGH = 1e-3  # if the misfit of no row should fall by more, the fits have settled
APART = np.log(2)  # kinks are at least an octave apart
FIRST, EASED, STIFFENED = 1e-2, 0.2, 5.0  # damping, and how it changes where a step helps and where it does not
IMPOSSIBLE = 1e12  # misfit of what is not allowed


class Problem(NamedTuple):
    """What is fitted: log F(s) less what does not depend on the parameters, and how its errors are made alike."""

    log_f: Matrix  # (sizes,)
    whitening: Matrix  # (sizes, sizes - 1)
    response: Response
    ceiling: float  # no exponent is above this, or below 0
    within: tuple[float, float]  # of the kinks


class Fits(NamedTuple):
    """Fitted rows of parameters."""

    exponents: Matrix  # (rows, K + 1)
    kinks: Matrix  # (rows, K), falling
    misfit: Matrix  # (rows,), a χ² if the fit is right
    covariance: Matrix  # (rows, 2 K + 1, 2 K + 1), of exponents and kinks; 0 where a parameter was held

    def row(self, index: int) -> Fits:
        """One of the fits."""
        return Fits(*(part[index : index + 1] for part in self))


def fitted(problem: Problem, exponents: Matrix, kinks: Matrix, *, held: int | None = None) -> Fits:
    """Fit from each row of starts; `held` is the index of a kink that stays where it is."""
    parameters, count = np.concatenate([exponents, kinks], axis=-1), exponents.shape[-1]
    free = np.ones(parameters.shape[-1])
    if held is not None:
        free[count + held] = 0.0
    residual, slopes, misfit = _misfits(problem, parameters, count)
    damping = np.full(len(parameters), FIRST)
    for _ in range(ROUNDS):
        tried = _within(problem, parameters + _step(residual, slopes * free, damping), count)
        left = residual - np.einsum("rwp,rp->rw", slopes, tried - parameters)
        if np.all(misfit - np.sum(left**2, axis=-1) < ENOUGH):
            break
        following = _misfits(problem, tried, count)
        better = following[2] < misfit
        parameters = np.where(better[:, None], tried, parameters)
        residual = np.where(better[:, None], following[0], residual)
        slopes = np.where(better[:, None, None], following[1], slopes)
        misfit = np.where(better, following[2], misfit)
        damping = np.where(better, damping * EASED, damping * STIFFENED)
    return Fits(parameters[:, :count], parameters[:, count:], misfit, _covariances(slopes * free, free))


def _misfits(problem: Problem, parameters: Matrix, count: int) -> tuple[Matrix, Matrix, Matrix]:
    """Whitened residuals, their slopes by the parameters, and the sum of squares."""
    exponents, kinks = parameters[:, :count], parameters[:, count:]
    mean, slopes = log_means(exponents, kinks, problem.response)
    residual = (problem.log_f - mean) @ problem.whitening
    crossed = np.any(np.diff(kinks, axis=-1) > -APART, axis=-1)
    misfit = np.where(crossed, IMPOSSIBLE, np.sum(residual**2, axis=-1))
    return residual, np.einsum("rsp,sw->rwp", slopes, problem.whitening), misfit


def _within(problem: Problem, parameters: Matrix, count: int) -> Matrix:
    return np.concatenate(
        [np.clip(parameters[:, :count], 0.0, problem.ceiling), np.clip(parameters[:, count:], *problem.within)], axis=-1
    )


def _step(residual: Matrix, slopes: Matrix, damping: Matrix) -> Matrix:
    normal = np.swapaxes(slopes, 1, 2) @ slopes
    diagonal = np.einsum("rpp->rp", normal)
    normal = normal + np.einsum("rp,pq->rpq", damping[:, None] * diagonal + 1e-6, np.eye(normal.shape[-1]))
    right = np.einsum("rwp,rw->rp", slopes, residual)
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def _covariances(slopes: Matrix, free: Matrix) -> Matrix:
    """Inverse of the information in the free parameters."""
    normal = np.swapaxes(slopes, 1, 2) @ slopes + np.diag(1e-6 + (1 - free))
    return np.asarray(np.linalg.inv(normal) * (free[:, None] * free))
