"""How well two groups of runs are told apart, with intervals that hold for few runs, also where the separation is complete."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from studies.common.statistics import Interval, interval_of_share

if TYPE_CHECKING:
    import numpy.typing as npt


def excess(hits: int, of: int, false: int, of_healthy: int, level: float = 0.95) -> Interval:
    """Sensitivity minus false alarms, with Newcombe's interval (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I).

    >>> [round(each, 2) for each in excess(20, 20, 0, 20)]
    [1.0, 0.77, 1.0]
    """
    p, p_low, p_high = interval_of_share(hits, of, level)
    q, q_low, q_high = interval_of_share(false, of_healthy, level)
    return p - q, p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def area(above: npt.ArrayLike, below: npt.ArrayLike, level: float = 0.95) -> Interval:
    """AUC: the chance that a number of the first group is above one of the second, with an interval (Newcombe 2006, doi:10.1002/sim.2256).

    >>> [round(each, 2) for each in area([3, 4, 5, 6], [1, 2, 3, 4])]
    [0.88, 0.45, 0.98]
    """
    a, b = (values[np.isfinite(values)] for values in (np.asarray(each, dtype=float) for each in (above, below)))
    if not len(a) or not len(b):
        return math.nan, math.nan, math.nan
    estimate = float(stats.mannwhitneyu(a, b).statistic) / (len(a) * len(b))
    return estimate, _lower(estimate, len(a), len(b), level), 1 - _lower(1 - estimate, len(a), len(b), level)


def _lower(estimate: float, m: int, n: int, level: float) -> float:
    """The area from which the estimate is z standard errors away; the error is that of exponential distributions with this area."""
    z, size = float(stats.norm.ppf((1 + level) / 2)), (m + n) / 2 - 1

    def distance(at: float) -> float:
        variance = at * (1 - at) * (1 + size * ((1 - at) / (2 - at) + at / (1 + at))) / (m * n)
        return estimate - at - z * math.sqrt(variance)

    return float(optimize.brentq(distance, 0, estimate - 1e-9)) if estimate > 1e-9 else 0.0
