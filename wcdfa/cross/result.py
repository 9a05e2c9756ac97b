"""The result of `coupling`, and the reasons why there may be none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wcdfa.cross.fluctuation import z_of
from wcdfa.cross.sentences import BOTH, sentence
from wcdfa.inference.exponent import CONSTANT, NOT_FINITE, ROUNDING

BENDS, UNCOUPLED, FEW_SIZES, CHANGES_SIGN = 20, 21, 22, 23  # why there is no λ
ALIKE = 30  # why ρ is not compared
OF_Y = 10  # added to a cause that is one of y
WHY = {
    CONSTANT: "{} is constant",
    ROUNDING: "{} is constant or a polynomial, up to rounding",
    NOT_FINITE: "{} holds a value that is NaN or infinite",
}
REASONS = {cause + shift: text.format(name) for cause, text in WHY.items() for shift, name in ((0, "x"), (OF_Y, "y"))}
REASONS[ALIKE] = (
    "x and the other series have one rhythm and little else, so that ρ is near 1 or -1 at every size with or without a coupling"
)
REASONS_OF_EXPONENT = {
    **REASONS,
    BENDS: "F²xy grows with no single exponent: it bends",
    CHANGES_SIGN: "F²xy grows with no single exponent: it changes its sign",
    FEW_SIZES: "F²xy is known at fewer than four sizes, too few for an exponent",
    UNCOUPLED: "no coupling is found, so that F²xy is only noise",
}
TREND = (
    "both seem to have a trend or a step: two series that both rise or fall move together without a coupling; "
    "try order=2 or 3, and breaks= where they step"
)
SHARED = ("scales", "lags")  # by all pairs of a batch
PER_PAIR = ("p_value", "alpha_x", "alpha_y", "cause", "trend")  # whatever the lags
NEAR_TIE = 0.75  # a lag whose ρ is as far from 0 as this share of the farthest fits as well


class Clearest(NamedTuple):
    """Where a coupling is clearest."""

    size: int
    """Box size in samples."""
    rho: float
    """ρ there."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    lag: int = 0
    """Lag in samples; 0 without lags."""
    alike: int = 1
    """How many lags fit alike."""


class Coupling(NamedTuple):
    """The result of `coupling`. Its arrays have the batch shape ``(...)`` of the two inputs; with lags, ``(..., lags)`` where (k,) follows."""

    rho: Any
    """ρ(s) = F²xy / (F_x F_y), from -1 to 1, shape (..., k), or (..., lags, k); NaN where there is none, as `reason` says."""
    low: Any
    """Lower end of the interval of ρ(s), at each size on its own."""
    high: Any
    """Upper end of the interval of ρ(s)."""
    p_by_size: Any
    """p-value of ρ(s) at each size on its own: the share of pairs without coupling with a ρ(s) at least as far from 0."""
    p_value: Any
    """p-value over all sizes and lags, shape (...): small if the series move together at any of them."""
    exponent: Any
    """Cross-exponent λ, shape (...) or (..., lags): F²xy(s) grows as s^2λ. NaN where there is none, as `exponent_reason` says."""
    exponent_low: Any
    """Lower end of the interval of λ."""
    exponent_high: Any
    """Upper end of the interval of λ."""
    alpha_x: Any
    """α of x, shape (...)."""
    alpha_y: Any
    """α of y, shape (...)."""
    deviation: Any
    """Standard deviation of artanh ρ(s) without coupling, of the shape of `rho`."""
    scales: Any
    """Box sizes in samples, shape ``(k,)``."""
    lags: Any
    """Lags in samples, shape ``(lags,)``, or None. At a positive lag y follows x: x(t) is compared with y(t + lag)."""
    cause: Any
    """Why there is no ρ, as a key of `wcdfa.cross.result.REASONS`; 0 if there is one. Shape (...)."""
    exponent_cause: Any
    """Why there is no λ, as a key of `wcdfa.cross.result.REASONS_OF_EXPONENT`; 0 if there is one."""

    trend: Any = 0
    """1 where x looks like a trend, or noise on one, 2 where y does, 3 where both do; else 0. Shape (...). `trend_note` says what follows."""

    def __str__(self) -> str:
        """Say in a sentence what was found."""
        return sentence(self)

    @property
    def reason(self) -> str | None:
        """Why the series were not compared, in words; None if they were. For a batch, the reason of one of those that were not."""
        return REASONS.get(int(np.max(self.cause, initial=0)))

    @property
    def trend_note(self) -> str | None:
        """What trends may have to do with a coupling; None unless both x and y have one. For a batch, it is on those pairs that do."""
        return TREND if np.any(np.asarray(self.trend) == BOTH) else None

    @property
    def exponent_reason(self) -> str | None:
        """Why there is no λ, in words; None if there is one. For a batch, the reason of one of those without."""
        return REASONS_OF_EXPONENT.get(int(np.max(self.exponent_cause, initial=0)))

    @property
    def clearest(self) -> Clearest:
        """Where ρ(s) of one pair is farthest from 0, in standard deviations; of lags that fit alike, the one nearest to 0."""
        distance = np.atleast_2d(np.abs(z_of(self.rho)) / self.deviation)
        lags = np.zeros(1, int) if self.lags is None else self.lags
        best = np.max(distance, axis=-1)
        near = np.flatnonzero(best >= NEAR_TIE * np.max(best))
        lag = min(near.tolist(), key=lambda i: (abs(int(lags[i])), -best[i]))
        place = (lag, int(np.argmax(distance[lag])))
        rho, low, high = (float(np.atleast_2d(part)[place]) for part in (self.rho, self.low, self.high))
        return Clearest(int(self.scales[place[1]]), rho, low, high, int(lags[lag]), len(near))

    def at(self, *index: int) -> Coupling:
        """The result of one of several pairs."""
        return Coupling(**{name: part if name in SHARED else part[index] for name, part in self._asdict().items()})

    def shaped(self, batch: tuple[int, ...], *, with_lags: bool) -> Coupling:
        """The result of a list of pairs, with an axis of lags, in the shape of a batch."""
        parts = {name: part.reshape((*batch, *part.shape[1:])) for name, part in self._asdict().items() if name not in SHARED}
        if not with_lags:
            first = (*[slice(None)] * len(batch), 0)
            parts = {name: part if name in PER_PAIR else part[first] for name, part in parts.items()}
        plain = {name: part[()] for name, part in parts.items()}  # numbers rather than arrays of no dimension
        return Coupling(**plain, scales=self.scales, lags=self.lags if with_lags else None)
