"""`crossovers`: how many exponents a series has, where one gives way to the next, and what they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.bends import of_one_exponent
from wcdfa.inference.crossover_fit import Found, crossovers_of
from wcdfa.inference.estimators import Estimate
from wcdfa.inference.exponent import SATURATION, check_confidence, normal_quantile
from wcdfa.inference.log_fluctuations import LogFluctuations, log_fluctuations, reason_of
from wcdfa.inference.single_exponent import Layout
from wcdfa.kernel.arrays import Array
from wcdfa.kernel.polynomials import Matrix
from wcdfa.support.numbers import whole
from wcdfa.support.text import probability, several

if TYPE_CHECKING:
    import numpy.typing as npt

FEWEST = 4  # box sizes: a line and a bend
POOR = 0.01  # below this p-value of the misfit, what was fitted does not describe the series


class Crossovers(NamedTuple):
    """What `crossovers` returns: NumPy arrays, with the batch shape ``(...)`` for input ``(..., n)``; NaN where a series has fewer crossovers."""

    number: npt.NDArray[np.int_]
    """How many crossovers were found; also 0 where there are no exponents."""
    places: npt.NDArray[np.float64]
    """Box size at which the straight lines of F(s) before and after a crossover meet, in samples, shape ``(..., most)``."""
    place_low: npt.NDArray[np.float64]
    """Lower end of the interval of each place; the smallest box size if it may be smaller."""
    place_high: npt.NDArray[np.float64]
    """Upper end of the interval of each place; the largest box size if it may be larger."""
    exponents: npt.NDArray[np.float64]
    """The exponents before, between and after the crossovers, shape ``(..., most + 1)``."""
    low: npt.NDArray[np.float64]
    """Lower end of the interval of each exponent."""
    high: npt.NDArray[np.float64]
    """Upper end of the interval of each exponent."""
    p_values: npt.NDArray[np.float64]
    """p-value of each crossover in the order of testing, shape ``(..., most)``: the last one tested was not found, unless there are `most`."""
    adequacy: npt.NDArray[np.float64]
    """p-value of the misfit: small if what was found does not describe log F(s)."""
    saturated: npt.NDArray[np.bool_]
    """Whether an exponent is within 0.1 of ``order + 1``, the largest value that the order can show: a trend."""
    level: float
    confidence: float
    cause: npt.NDArray[np.int8]
    """Why there are no exponents, as a key of `wcdfa.inference.exponent.REASONS`; 0 where there are. `reason` says it in words."""

    @property
    def reason(self) -> str | None:
        """Why there are no exponents, in words; None if there are. For many series, the most informative reason."""
        return reason_of(self.cause)

    def __str__(self) -> str:
        """What was found in one series; for many series, in how many something was."""
        if self.cause.ndim:
            return f"crossovers at a level of {self.level:g}: in {np.count_nonzero(self.number):,} of {several(self.cause.size, 'series', 'series')}"
        return f"no exponents: {self.reason}" if self.cause else "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        count = int(self.number)
        if count:
            yield f"{several(count, 'crossover', 'crossovers')} ({probability(float(np.max(self.p_values[:count])))})"
        else:
            yield f"no crossover was found ({probability(float(self.p_values[0]))}): {self._exponent(0)}"
        for k in range(count + 1 if count else 0):
            yield f"{self._exponent(k)} {self._span(k)}"
        if self.adequacy < POOR:
            yield f"log F(s) is not well described by {several(count + 1, 'exponent', 'exponents')} ({probability(float(self.adequacy))})"

    def _exponent(self, k: int) -> str:
        ceiling = ", at the ceiling of this order as a trend is," if self.saturated[k] else ""
        return f"exponent {self.exponents[k]:.2f} ({self.low[k]:.2f} to {self.high[k]:.2f}){ceiling}".rstrip(
            "," if not self.number else ""
        )

    def _span(self, k: int) -> str:
        def at(j: int) -> str:
            return f"{about(self.places[j])} ({about(self.place_low[j])} to {about(self.place_high[j])})"

        if k == 0:
            return f"up to boxes of {at(0)} samples"
        return f"from there up to boxes of {at(k)} samples" if k < self.number else "above"


def crossovers(
    x: Array | npt.ArrayLike,
    /,
    *,
    level: float = 0.05,
    most: int = 3,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    confidence: float = 0.95,
    breaks: Iterable[int] = (),
) -> Crossovers:
    """Find where the exponent of a series changes with the box size: how often, at which sizes, and from what to what.

    An AR(1) is a random walk over few samples, and forgets over many:

    >>> import wcdfa
    >>> print(wcdfa.crossovers(wcdfa.synthetic.ar1(4096, phi=0.97, seed=0)))
    1 crossover (p < 0.0001)
    exponent 1.46 (1.41 to 1.52) up to boxes of 150 (72 to 270) samples
    exponent 0.64 (0.32 to 0.91) above

    White noise has one exponent:

    >>> print(wcdfa.crossovers(wcdfa.synthetic.white_noise(4096, seed=0)))
    no crossover was found (p = 0.97): exponent 0.52 (0.48 to 0.56)

    One exponent is tested first. The test takes the largest bend of log F(s) at any box size, in standard errors, and asks how often a
    series with one exponent has a bend as large: normal log F(s) with the exact mean and covariance of ARFIMA(0, d, 0) are drawn. If
    that is rarer than `level`, a spectrum with two power laws is fitted, and a further crossover is tested against it, until none is
    found. In a series with one exponent a crossover is found with a probability of at most `level`, whether the series is ARFIMA,
    fractional Gaussian noise, or made from a spectrum that is a power law. An AR(1) is not a series with one exponent: its memory ends.
    Nor is a sampled fractional Brownian motion with α below 1.15: in small boxes it looks like noise.

    A change of the exponent by 0.3 is found in about 9 of 10 series of 4,096 samples if it is at a size between 24 and 64, and in 4 of 10
    if it is at 256. A trend, a period and a series whose exponent changes with time bend log F(s) too.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series. The array is not changed.
    level : float
        How often a crossover may be found where there is none, between 0 and 1.
    most : int
        The largest number of crossovers that are looked for.
    axis, order, scales, breaks
        As in `wcdfa.dfa`; boxes overlap by half.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Crossovers
        NumPy arrays, whatever the library of `x`. NaN, with a reason, for a series that is constant or holds a value that is not finite.

    Raises
    ------
    TypeError, ValueError
        As `wcdfa.dfa`; if the level is not between 0 and 1, `most` is below 1, or there are fewer than four box sizes.

    References
    ----------
    J. W. Kantelhardt et al., Physica A 295, 441 (2001), doi:10.1016/S0378-4371(01)00144-3; M. Höll and H. Kantz, Eur. Phys. J. B 88, 126
    (2015), doi:10.1140/epjb/e2015-60143-1; E. Ge and Y. Leung, J. Geogr. Syst. 15, 115 (2013), doi:10.1007/s10109-012-0169-9.
    """
    check_confidence(confidence)
    if not 0 < level < 1:
        msg = f"level must be between 0 and 1, got {level}; 0.05 is usual"
        raise ValueError(msg)
    most, measured = whole("most", most), log_fluctuations(x, axis=axis, order=order, scales=scales, breaks=breaks)
    if len(measured.sizes) < FEWEST:
        msg = f"a crossover needs at least {FEWEST} box sizes, got {len(measured.sizes)}: {measured.sizes}; give more scales, or a longer series"
        raise ValueError(msg)
    return collected(measured, level, most, confidence)


def about(size: float) -> str:
    """A box size to two digits: more are not known.

    >>> about(12.3), about(267.4), about(2048)
    ('12', '270', '2,000')
    """
    return f"{float(f'{size:.2g}'):,.0f}"


def first_p_values(measured: LogFluctuations) -> Matrix:
    """The p-value of the first crossover of each series; NaN without F(s)."""
    alpha, values = np.asarray(measured.single("robust").alpha), measured.values
    p, _ = of_one_exponent(_layout(measured), values.reshape(-1, values.shape[-1]), alpha.reshape(-1))
    return p.reshape(alpha.shape)


def collected(measured: LogFluctuations, level: float, most: int, confidence: float) -> Crossovers:
    """The crossovers of log F(s) that is measured already."""
    layout, quantile = _layout(measured), normal_quantile(confidence)
    shape, rows = measured.cause.shape, measured.values.reshape(-1, len(measured.sizes))
    one = Estimate(*(np.asarray(part).reshape(-1) for part in measured.single("robust", quantile)))
    p, kinks = of_one_exponent(layout, rows, np.asarray(one.alpha))
    found = [
        crossovers_of(layout, row, float(one.alpha[i]), (float(p[i]), float(kinks[i])), level=level, most=most, quantile=quantile)
        if p[i] < level
        else Found((float(p[i]),), np.empty((0, 3)), np.array([[one.alpha[i], one.low[i], one.high[i]]]), float(one.adequacy[i]))
        for i, row in enumerate(rows)
    ]
    places = _padded([each.places for each in found], most, shape)
    exponents = _padded([each.exponents for each in found], most + 1, shape)
    return Crossovers(
        number=np.array([len(each.places) for each in found], dtype=np.int_).reshape(shape),
        places=places[..., 0],
        place_low=places[..., 1],
        place_high=places[..., 2],
        exponents=exponents[..., 0],
        low=exponents[..., 1],
        high=exponents[..., 2],
        p_values=_padded([np.array(each.p_values) for each in found], most, shape),
        adequacy=np.array([each.adequacy for each in found]).reshape(shape),
        saturated=exponents[..., 0] > measured.order + 1 - SATURATION,
        level=level,
        confidence=confidence,
        cause=measured.cause,
    )


def _layout(measured: LogFluctuations) -> Layout:
    return Layout(measured.n, measured.sizes, measured.order, measured.stretches)


def _padded(parts: list[Matrix], length: int, shape: tuple[int, ...]) -> Matrix:
    """The parts, each filled up to a length with NaN."""
    whole = [np.pad(part, [(0, length - len(part)), *[(0, 0)] * (part.ndim - 1)], constant_values=math.nan) for part in parts]
    return np.array(whole).reshape(*shape, length, *parts[0].shape[1:]) if parts else np.empty((*shape, length))
