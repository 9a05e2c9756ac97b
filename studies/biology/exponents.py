"""α of beat intervals in the two ranges of sizes that the field uses, and whether the intervals of α can be trusted there."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

import wcdfa
from wcdfa import synthetic
from wcdfa.inference import expected_exponents

Floats = npt.NDArray[np.float64]
SHORT, LONG = (4, 6, 8, 12, 16), (16, 24, 32, 48, 64)
WHOLE = (*SHORT, *LONG[1:])
RANGES = {"alpha1": SHORT, "alpha2": LONG}
STRETCH, FOR_MISFIT = 512, 1024  # beats


class Spread(NamedTuple):
    """An estimate with its interval."""

    value: float
    low: float
    high: float


def measured(series: npt.ArrayLike, sizes: tuple[int, ...]) -> wcdfa.DFAResult:
    """The textbook slope of one or many series, with the interval of `dfa`."""
    return wcdfa.dfa(np.asarray(series, dtype=float), scales=sizes, method="ols")


def stretches(series: Floats, length: int) -> Floats:
    """The whole stretches of a series, shape (stretches, length).

    >>> stretches(np.arange(7.0), 3).tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    return series[: len(series) // length * length].reshape(-1, length)


def student(values: npt.ArrayLike, level: float = 0.95) -> Spread:
    """Mean with Student's interval; the ends are NaN below three numbers.

    >>> [round(each, 2) for each in student([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    x = np.asarray(values, dtype=float)
    if len(x) < 3:
        return Spread(float(x.mean()) if len(x) else math.nan, math.nan, math.nan)
    half = float(stats.t.ppf(0.5 + level / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Spread(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


def union(a: Spread, b: Spread) -> Spread:
    """The estimate of the first, with an interval that holds both."""
    ends = np.array([[a.low, a.high], [b.low, b.high]])
    return Spread(a.value, float(np.nanmin(ends[:, 0])), float(np.nanmax(ends[:, 1])))


def misfits(series: Floats) -> Floats:
    """p-values of a single exponent at 4 to 64 beats, in each whole stretch that is long enough."""
    parts = stretches(series, FOR_MISFIT)
    if not len(parts):
        return np.empty(0)
    return np.atleast_1d(wcdfa.dfa(parts, scales=WHOLE, method="gls").adequacy)


class Model(NamedTuple):
    """Synthetic series whose exponents are known."""

    name: str  # arfima or ar1
    parameter: float  # α, or the coefficient

    def draw(self, length: int, count: int, seed: int) -> Floats:
        if self.name == "arfima":
            return synthetic.arfima(length, d=self.parameter - 0.5, batch=(count,), seed=seed)
        return synthetic.ar1(length, phi=self.parameter, batch=(count,), seed=seed)

    def truth(self, length: int) -> tuple[float, float]:
        """The exponents of both ranges."""
        if self.name == "arfima":
            return self.parameter, self.parameter
        short, long = expected_exponents(self.parameter ** np.arange(length), length, ranges=((4, 16), (16, 64)))
        return float(short), float(long)


MODELS = (Model("arfima", 0.8), Model("arfima", 1.0), Model("arfima", 1.2), Model("ar1", 0.8))


def coverage(model: Model, length: int, count: int, seed: int) -> dict[str, int]:
    """How many of the intervals contain the truth, in each range, and how many series a single exponent does not fit (p < 0.05)."""
    series = model.draw(length, count, seed)
    found = {}
    for (name, sizes), truth in zip(RANGES.items(), model.truth(length), strict=True):
        result = measured(series, sizes)
        found[f"{name}_covered"] = int(((result.low <= truth) & (truth <= result.high)).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wcdfa.DFAWarning)
        found["misfits"] = int((wcdfa.dfa(series, scales=WHOLE, method="gls").adequacy < 0.05).sum())
    return found
