"""One window of a run as the checks take it, and what a check returns."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

from wcdfa.verdicts.gradient_memory import FAR, Correlations, correlations
from wcdfa.verdicts.record import Record

ALIKE, SAME_GRADIENTS = 0.2, 0.4  # shares of a mean gradient from which on less can be said, and nearly nothing
UNKNOWN_SHARE = 0.15  # of a mean gradient, where no far lags are known
FEWEST = 50  # steps that a check needs
SWING = (5, 20)  # lags at which gradients oppose each other if weights swing about a minimum
STARTED = 40  # steps at the start of a run that are left out


class Check(NamedTuple):
    """One statistic of a window, and what the named optimizer gives."""

    statistic: str
    """Its name, a key of `wcdfa.verdicts.signatures.STATISTICS`."""
    found: float
    low: float
    """Lower end of what is expected; minus infinity where there is none."""
    high: float
    p: float
    """Probability of so large a difference, or a larger one, in a run that is what it is said to be."""
    group: str = "all"
    since: int | None = None
    """Step of the difference, or the first step of the window that has it."""
    amount: float = math.nan
    """A number that the difference gives: the momentum found, how many steps a batch is used, every how many steps a memory was lost."""

    @property
    def direction(self) -> int:
        """1 if it is above what is expected, −1 if below, 0 if within."""
        return int(self.found > self.high) - int(self.found < self.low)


class Window:
    """A record of one window, and what several checks share."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @cached_property
    def correlations(self) -> Correlations | None:
        """Autocorrelation of the gradients, if the memory of the optimizer can be undone."""
        return None if self.record.filter is None else correlations(self.settled)

    @cached_property
    def settled(self) -> Record:
        """The window without the first steps of a run."""
        taken = self.record.taken
        return self.record.part(slice(max(0, STARTED - (0 if taken is None else taken)), None))

    @cached_property
    def mean_share(self) -> float:
        """The largest share of a mean gradient, or one that changes slowly, that far lags leave possible."""
        mean, error = self.mean({lag: 1 / (FAR[1] - FAR[0] + 1) for lag in range(FAR[0], FAR[1] + 1)})
        return min(max(0.0, mean + 3 * error), 0.9) if math.isfinite(mean) else UNKNOWN_SHARE

    @cached_property
    def swing(self) -> float:
        """How much gradients oppose those of some steps before, as where most of the weights swing about a minimum; 0 if that is not clear."""
        around = ({lag - 1: 1 / 3, lag: 1 / 3, lag + 1: 1 / 3} for lag in range(SWING[0], SWING[1] + 1))
        return max(0.0, *(-found - 2 * stderr for found, stderr in map(self.mean, around) if math.isfinite(found + stderr)), 0.0)

    @cached_property
    def momentum(self) -> float:
        """How much of a change the optimizer keeps for the next: the sum of its filter."""
        return 0.0 if self.record.filter is None else float(self.record.filter.weights.sum())

    def mean(self, weights: dict[int, float]) -> tuple[float, float]:
        """A sum over lags of the autocorrelation, with its standard error; NaN if it is not known."""
        return (math.nan, math.nan) if self.correlations is None else self.correlations.mean(weights)


def beyond(found: float, stderr: float, low: float, high: float) -> float:
    """P of a value beyond the nearer end of a band, two-sided for the band: 1 within it, NaN if the value is unknown.

    >>> beyond(1.0, 0.1, 0.5, 1.1), beyond(1.5, 0.1, 0.5, 1.1) < 1e-3
    (1.0, True)
    """
    if not math.isfinite(found):
        return math.nan
    outside = max(found - high, low - found)
    if outside <= 0:
        return 1.0
    if stderr <= 0:
        return 0.0
    # Student's t with 20 degrees of freedom, roughly: blocks of 10 steps in half a window
    z = outside / stderr
    return math.erfc(z * (1 - 1 / 80) / math.sqrt(1 + z * z / 40) / math.sqrt(2))
