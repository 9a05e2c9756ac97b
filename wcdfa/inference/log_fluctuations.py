"""Log F(s) of many series as NumPy arrays, with what is needed to find its moments."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.calibration_tables import calibration_for, moments_for
from wcdfa.inference.estimators import Estimate, calibrated_estimate
from wcdfa.inference.exponent import CONSTANT, NOT_FINITE, REASONS, ROUNDING
from wcdfa.inference.moments import Moments
from wcdfa.kernel.arrays import NUMPY, Array, as_series
from wcdfa.kernel.boxes import BY_HALVES
from wcdfa.kernel.checks import listed
from wcdfa.kernel.fluctuation import mean_squares
from wcdfa.kernel.polynomials import Matrix
from wcdfa.scales import half_sizes
from wcdfa.support.numbers import on_host

if TYPE_CHECKING:
    import numpy.typing as npt

    Causes = npt.NDArray[np.int8]


class LogFluctuations(NamedTuple):
    """Log F(s) of boxes that overlap by half; NaN for a series that has none."""

    values: Matrix  # (..., sizes)
    cause: Causes  # (...), a key of REASONS, or 0
    sizes: tuple[int, ...]
    n: int
    order: int
    stretches: tuple[int, ...]  # lengths between breaks; empty without any

    @property
    def moments(self) -> Moments:
        """Moments of log F(s) under a single exponent."""
        return moments_for(self.n, self.sizes, self.order, "gls", self.stretches)[0]

    def single(self, method: str = "gls", quantile: float = 1.0) -> Estimate:
        """α of each series, as `dfa` finds it, with an interval of so many standard errors."""
        table = calibration_for(self.n, self.sizes, self.order, method, self.stretches)
        mean_square = np.exp(2 * (self.values - self.values[..., :1]))
        return calibrated_estimate(mean_square, np.zeros(len(self.sizes)), table, quantile, NUMPY)


def log_fluctuations(
    x: Array | npt.ArrayLike, *, axis: int, order: int, scales: Iterable[int] | None, breaks: Iterable[int]
) -> LogFluctuations:
    """Measure log F(s) in the library of the series, and bring it to NumPy. A series that is not finite has none."""
    series, xp = as_series(x, axis)
    finite = xp.all(xp.isfinite(series), axis=-1, keepdims=True)
    whole = xp.where(finite, series, xp.zeros_like(series))
    sizes = None if scales is None else listed(scales, "scales")
    found = mean_squares(whole, scales=sizes, order=order, axis=-1, layout=BY_HALVES, breaks=breaks, default=half_sizes)
    if len(found.sizes) < 2:
        msg = f"a slope needs at least two box sizes, got scales={found.sizes}; fluctuations() takes a single one"
        raise ValueError(msg)
    values, floor, steady = (
        np.asarray(on_host(part), dtype=np.float64)
        for part in (found.values, found.floor, xp.max(whole, axis=-1) == xp.min(whole, axis=-1))
    )
    usable = (values > floor).all(axis=-1)
    cause = np.where(usable, 0, np.where(steady == 1, CONSTANT, ROUNDING))
    cause = np.where(on_host(finite)[..., 0], cause, NOT_FINITE).astype(np.int8)
    logs = np.where(cause[..., None] == 0, 0.5 * np.log(np.where(values > 0, values, 1.0)), math.nan)
    if found.unit is not None:
        logs = logs + np.log(np.asarray(on_host(found.unit), dtype=np.float64))
    return LogFluctuations(logs, cause, found.sizes, int(series.shape[-1]), order, found.stretches)


def reason_of(cause: Causes) -> str | None:
    """Why there is no number, in words: of many series, the most informative reason; None if there is one for all."""
    return REASONS.get(int(np.max(cause))) if np.size(cause) else None


def counted(cause: Causes) -> str:
    """How many of many series have no exponents, and why, to be put behind what is said of them; empty if all have some."""
    without = np.count_nonzero(cause)
    return f"; without exponents: {without:,} ({reason_of(cause)})" if without else ""
