"""Estimates the mean of a series with memory, with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import check_confidence
from wcdfa.inference.mean_posterior import spread_of_mean
from wcdfa.inference.multitaper import SHORTEST
from wcdfa.kernel.arrays import as_series
from wcdfa.support.numbers import on_host

if TYPE_CHECKING:
    from wcdfa.kernel.arrays import Array

Values = npt.NDArray[np.float64]

STANDARD = math.erf(math.sqrt(0.5))  # share of a normal distribution within one standard deviation
DOUBTFUL = 0.05  # a probability of α ≥ 1 that is worth a word
CONSTANT, SHORT, NO_MEAN, NOT_FINITE = 1, 2, 3, 4
REASONS = {
    CONSTANT: "the series is constant: its mean is that value, and nothing shows how it would vary",
    SHORT: f"the series has fewer than {SHORTEST} samples, which do not show its memory",
    NO_MEAN: (
        "the spectrum is one of those for which α is 1 or more: of a walk, a trend, a slow period, a jump or a single pulse; "
        "the average is then no estimate of a level. The differences, np.diff(x), may have a mean"
    ),
    NOT_FINITE: "the series holds a value that is NaN or infinite",
}


class MeanWithMemory(NamedTuple):
    """The result of `mean_with_memory`, as NumPy arrays of the batch shape ``(...)`` for input ``(..., n)``."""

    mean: Any
    """The average of the samples, in the unit of the series. NaN where there is no mean to estimate: the spectrum is like that of α ≥ 1."""
    stderr: Any
    """Standard error: half the width of the interval that contains the true mean with a probability of 68.3 %."""
    low: Any
    """Lower end of the interval that contains the true mean with a probability of `confidence`."""
    high: Any
    """Upper end of that interval."""
    alpha: Any
    """α of the series, as `wcdfa.run_alpha` measures it: the median of its posterior."""
    effective: Any
    """How many independent samples would give a mean as uncertain as this one."""
    doubt: Any
    """Probability that α is 1 or more. Then there is no mean; the interval holds for α below 1."""
    cause: Any
    """Why a number is missing, as a key of `wcdfa.inference.mean.REASONS`; 0 if none is. `reason` says it in words."""

    @property
    def reason(self) -> str | None:
        """Why a number is missing, in words; None if none is. For many series, one of the reasons."""
        return REASONS.get(int(np.max(self.cause, initial=0)))

    def at(self, *index: int) -> MeanWithMemory:
        """The result of one of many series."""
        return MeanWithMemory(*(part[index] for part in self))

    def __str__(self) -> str:
        """One line: the mean with its interval, and what it is worth; of many series, one line each."""
        if np.ndim(self.mean):
            return "\n".join(str(self.at(*index)) for index in np.ndindex(np.shape(self.mean)))
        if self.cause:
            return f"mean {self.mean:.4g}: {self.reason}" if self.cause == CONSTANT else f"no interval of the mean: {self.reason}"
        worth = f"α = {self.alpha:.2f}, worth {self.effective:,.3g} independent samples"
        said = f"mean {self.mean:.4g} ({self.low:.4g} to {self.high:.4g}): {worth}"
        if self.doubt < DOUBTFUL:
            return said
        return f"{said}; if α is 1 or more (probability {self.doubt:.2f}), there is no mean, and the interval does not hold"


def mean_with_memory(x: Array | npt.ArrayLike, /, *, axis: int = -1, confidence: float = 0.95) -> MeanWithMemory:
    """Estimate the mean of a series whose samples depend on each other, with an interval that allows for its memory.

    >>> import wcdfa
    >>> gains = 1 + wcdfa.synthetic.arfima(500, d=0.3, seed=0)
    >>> print(wcdfa.mean_with_memory(gains))
    mean 1.212 (0.508 to 1.916): α = 0.80, worth 14.3 independent samples

    Long memory (α), short memory and white noise on top are fitted to the spectrum. The interval averages over all fits that the
    spectrum allows, so the less is known of the memory, the wider it is. There are no lags or blocks to choose.

    The computation is in NumPy, and takes about 30 ms for a series.

    Parameters
    ----------
    x : array of shape (..., n), of any array library
        One or many series, at least 32 samples each. Do not take the logarithm unless you want the mean of the logarithm.
    axis : int
        The axis of `x` along which time runs.
    confidence : float
        Level of the interval ``low … high``, between 0 and 1.

    Returns
    -------
    MeanWithMemory
        A number that cannot be known is NaN, and `reason` says why: all but α if the spectrum is surely like that of α ≥ 1; the interval if there are
        fewer than 32 samples; everything if a value is not finite. Near α = 1 the interval is wide. A constant series has a
        standard error of 0 and no α.

    Raises
    ------
    TypeError, ValueError
        If `x` is not a series of real numbers, or the confidence is not between 0 and 1.

    References
    ----------
    F. Sowell, Econometrica 58, 495 (1990), doi:10.2307/2938213; P. Whittle, J. R. Stat. Soc. B 15, 125 (1953),
    doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    check_confidence(confidence)
    series = np.asarray(on_host(as_series(x, axis)[0]), dtype=np.float64)
    rows = series.reshape(math.prod(series.shape[:-1]), series.shape[-1])
    found = _of_rows(rows, confidence)
    return MeanWithMemory(*(each.reshape(series.shape[:-1])[()] for each in found))


def _of_rows(x: Values, confidence: float) -> MeanWithMemory:
    cause = _causes(x)
    with np.errstate(all="ignore"):
        middle = np.where(cause == NOT_FINITE, np.nan, x.mean(axis=-1) if x.shape[-1] else np.nan)
    unknown = np.full(len(x), np.nan)
    found = MeanWithMemory._make([middle, *(unknown.copy() for _ in range(6)), cause])
    constant, usable = cause == CONSTANT, np.flatnonzero(cause == 0)
    found.mean[constant] = found.low[constant] = found.high[constant] = x[constant, 0] if x.shape[-1] else np.nan
    found.stderr[constant] = 0.0
    if len(usable):
        _fill(found, usable, x[usable], confidence)
    return found


def _fill(found: MeanWithMemory, rows: npt.NDArray[np.intp], x: Values, confidence: float) -> None:
    """Put the numbers of the series that vary into their rows."""
    away = x - x.mean(axis=-1, keepdims=True)
    unit = np.abs(away).max(axis=-1)
    spread = spread_of_mean(away / unit[:, None], (STANDARD, confidence))
    hopeless = spread.doubt > (1 + confidence) / 2
    stderr, half = (np.where(hopeless, np.nan, unit * each) for each in spread.half_widths)
    found.cause[rows[hopeless]], found.mean[rows[hopeless]] = NO_MEAN, np.nan
    found.stderr[rows], found.alpha[rows], found.doubt[rows] = stderr, spread.alpha, spread.doubt
    found.low[rows], found.high[rows] = found.mean[rows] - half, found.mean[rows] + half
    found.effective[rows] = 1 + np.mean((away / stderr[:, None]) ** 2, axis=-1)


def _causes(x: Values) -> npt.NDArray[np.int8]:
    """Why nothing is known of each series; 0 for those that can be measured."""
    if not x.shape[-1]:
        return np.full(len(x), SHORT, dtype=np.int8)
    finite, same = np.isfinite(x).all(axis=-1), x.max(axis=-1) == x.min(axis=-1)
    short = np.full(len(x), x.shape[-1] < SHORTEST)
    return np.select([~finite, same, short], [NOT_FINITE, CONSTANT, SHORT], 0).astype(np.int8)
