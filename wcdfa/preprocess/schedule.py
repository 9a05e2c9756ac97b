"""Fits a line in the learning rate to norms, without their outliers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.preprocess.outliers import SPIKE, Values

MOST = 0.9  # share of the norms that must be no outliers; otherwise the outliers are the schedule, such as a short warm-up
SPREAD = 0.5  # share of the variance of the regressor that these must keep, for the same reason


def fitted_slopes(x: Values, regressor: Values) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Slopes of series of shape (..., n) on a regressor of shape (n,), and which samples were used.

    >>> regressor = np.linspace(0, 1, 50)
    >>> x = 2 * regressor
    >>> x[20] = 9
    >>> slope, used = fitted_slopes(x, regressor)
    >>> print(slope.round(6), np.flatnonzero(~used))
    2.0 [20]
    """
    centred = regressor - np.mean(regressor)
    residual = x - _slopes(x, centred, np.ones(x.shape, dtype=bool))[..., None] * centred
    residual = np.abs(residual - np.median(residual, axis=-1, keepdims=True))  # not the mean, because spikes all point one way
    used = residual <= SPIKE * np.median(residual, axis=-1, keepdims=True)
    kept = _variance(np.broadcast_to(centred, x.shape), used)
    all_of_them = (np.mean(used, axis=-1) < MOST) | (kept < SPREAD * np.var(centred))
    used |= all_of_them[..., None]
    return _slopes(x, centred, used), used


def _slopes(x: Values, centred: Values, used: npt.NDArray[np.bool_]) -> Values:
    count = np.maximum(np.sum(used, axis=-1, keepdims=True), 1)
    left, right = (np.where(used, each - np.sum(each * used, axis=-1, keepdims=True) / count, 0.0) for each in (centred * used, x))
    return np.asarray(np.sum(left * right, axis=-1) / np.sum(left * left, axis=-1))


def _variance(x: Values, used: npt.NDArray[np.bool_]) -> Values:
    count = np.maximum(np.sum(used, axis=-1), 1)
    mean = np.sum(x * used, axis=-1) / count
    return np.asarray(np.sum(np.where(used, x - mean[..., None], 0.0) ** 2, axis=-1) / count)
