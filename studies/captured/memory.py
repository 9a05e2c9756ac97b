"""The mean of a series, with an interval that allows for its memory."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import fft, linalg, special, stats

if TYPE_CHECKING:
    import numpy.typing as npt

    from studies.common.statistics import Interval

    Floats: TypeAlias = npt.NDArray[np.float64]

POINTS = 500  # a longer series is averaged to as many blocks, which leaves its low frequencies as they are
FEW, MANY = 8, 32  # cosines from which the level of the spectrum, and its slope, are estimated
MEMORIES = np.linspace(0, 0.48, 25)  # d of ARFIMA(0, d, 0)


def mean_interval(x: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Mean with an interval that holds for short memory and, nearly, for long memory.

    >>> mean, low, high = mean_interval(np.random.default_rng(0).standard_normal(500) + 1)
    >>> low < 1 < high, round(high - low, 1)
    (True, 0.2)

    The variance of a mean is the spectrum at frequency 0, divided by n. Two intervals are made, and the wider one is returned: from the
    mean square of the first 8 cosine coefficients, with Student's t of 8 degrees of freedom (Lazarus et al. 2018,
    doi:10.1080/07350015.2018.1506926; right for a spectrum that is flat there), and the same after division by the spectrum of
    ARFIMA(0, d, 0), with the d of largest likelihood of the first 32 coefficients (as Robinson 2005 does,
    doi:10.1017/S0266466605050115; right if the spectrum rises towards 0).
    """
    values = np.asarray(x, dtype=float)
    mean = float(values.mean())
    width = float(stats.t.ppf((1 + level) / 2, FEW)) * math.sqrt(variance_of_mean(values))
    return mean, mean - width, mean + width


def variance_of_mean(x: Floats) -> float:
    """The larger of the two estimates."""
    blocks = x[: len(x) // POINTS * POINTS].reshape(POINTS, -1).mean(axis=1) if len(x) > POINTS else x
    power = fft.dct(blocks, norm="ortho")[1 : MANY + 1] ** 2
    shapes = _variances()[:, 1 : MANY + 1]
    likelihood = -np.log(np.mean(power / shapes, axis=1)) - np.mean(np.log(shapes), axis=1)
    best = int(likelihood.argmax())
    long = np.mean(power[:FEW] / shapes[best, :FEW]) * _variances()[best, 0]
    return float(max(np.mean(power[:FEW]), long) / len(blocks))


@cache
def _variances() -> Floats:
    """Variance of each of the first cosine coefficients of ARFIMA(0, d, 0), for each d; of the first, √n times the mean, as well."""
    lags = np.arange(1, POINTS)
    found = []
    for d in MEMORIES:
        first = np.exp(special.gammaln(1 - 2 * d) - 2 * special.gammaln(1 - d))
        covariance = linalg.toeplitz(first * np.concatenate([[1.0], np.cumprod((lags - 1 + d) / (lags - d))]))
        transformed = fft.dct(fft.dct(covariance, axis=0, norm="ortho"), axis=1, norm="ortho")
        found.append(np.diag(transformed)[: MANY + 1])
    return np.array(found)
