"""Watches the level of a series, block by block, and says when it changed, at a rate of false alarms for the whole run.

The means of blocks of steps follow a local level: a random walk and noise on it, both estimated from a baseline. The level is tracked by
its Kalman filter, an exponential average; a change of level shows in what the filter did not foresee. A. C. Harvey (1990), Forecasting,
structural time series models and the Kalman filter, doi:10.1017/CBO9781107049994.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.support.student import quantile, two_sided

Floats = npt.NDArray[np.float64]

BLOCK = 25
"""Steps in a block."""
SPANS = (1, 2, 4, 8, 16, 32)
"""Blocks over which a change is looked for, each twice the last."""
LEAST = 12
"""Blocks that a baseline needs."""
WARM = 4
"""Blocks at the start of a baseline that only give the first level."""
LOOKS = 2.0
"""Spans overlap: all that end at one block amount to about so many independent tests."""
CUT = 4.0
"""Standard deviations at which a surprise is cut, so that a single block is no change of level."""
MARGIN = 0.5
"""How much worse a fit, in −2 log of its likelihood, still counts as good: of these, the level that walks most is taken."""
WALKS = np.geomspace(1.5e-3, 3.0, 30)
"""Power of the steps of the random walk over that of the noise; the least lets every level drift slowly."""


class Shift(NamedTuple):
    """A change of level that is more than chance."""

    onset: int
    """Number of the block in which it began, counted from 0 at the start of the baseline."""
    seen: int
    """Number of blocks that were there when it was seen."""
    before: float
    """The level before."""
    after: float
    """The mean from the onset to where it was seen."""
    spread: float
    """Standard deviation of a block about its level."""
    p: float
    """Probability that any block of the run shows as much by chance."""


class Level(NamedTuple):
    """A local level, fitted to a baseline."""

    gain: float
    """Share of a surprise that the level takes over."""
    spread: float
    """Standard deviation of a surprise."""
    freedom: float
    """Degrees of freedom of that standard deviation."""
    start: float
    """The first level."""


class Recent(NamedTuple):
    """A block after the baseline."""

    value: float
    level: float
    """The level before it."""
    sums: list[float]
    """For each span that ends with it, the weighted sum of its surprises."""


class LevelWatch:
    """Takes the mean of one block after another.

    >>> import numpy as np
    >>> blocks = np.random.default_rng(0).normal(size=80)
    >>> blocks[60:] += 6
    >>> watch = LevelWatch(baseline=40)
    >>> found = [shift for block in blocks if (shift := watch.update(block)) is not None]
    >>> found[0].onset, found[0].seen <= 65
    (60, True)

    Parameters
    ----------
    baseline : int
        Blocks that show what is usual, at least `LEAST`.
    tests : float
        How many series are watched together.
    run : float
        Blocks in which the probability of a false alarm is `alarms`.
    alarms : float
        Probability of any false alarm in so many blocks, over all series together.
    """

    def __init__(self, baseline: int, *, tests: float = 1.0, run: float = 400.0, alarms: float = 0.05) -> None:
        self.baseline, self.tests, self.run, self.alarms = max(baseline, LEAST), tests, run, alarms
        self.seen = 0
        self.first: list[float] = []  # the blocks of the baseline
        self.model: Level | None = None
        self.level = math.nan
        self.recent: list[Recent] = []
        """The last blocks."""

    def update(self, block: float) -> Shift | None:
        """Take the mean of the next block, NaN if it is missing. Returns a change that is seen with this block."""
        self.seen += 1
        if self.seen <= self.baseline:
            self.first.append(block)
            if self.seen == self.baseline:
                self._begin()
            return None
        if self.model is None:  # the baseline held too little
            return None
        surprise = (block - self.level) / self.model.spread if math.isfinite(block) else 0.0
        surprise = min(max(surprise, -CUT), CUT)
        self.recent.append(Recent(block, self.level, self._sums(surprise)))
        del self.recent[: -SPANS[-1]]
        self.level += self.model.gain * self.model.spread * surprise
        return self._found()

    def _begin(self) -> None:
        self.model = fitted(np.array(self.first))
        if self.model is not None:
            self.level = surprises(self.model, np.array(self.first))[1]

    def _found(self) -> Shift | None:
        assert self.model is not None
        largest, began = max(self._deviations())
        if largest < _reach(self.alarms / (self.tests * self.run * LOOKS), self.model.freedom):
            return None
        chance = two_sided(largest, self.model.freedom) * self.tests * self.run * LOOKS
        if not chance < self.alarms:
            return None
        values = np.array([each.value for each in self.recent[-began:]])
        return Shift(
            self.seen - began, self.seen, self.recent[-began].level, float(np.nanmean(values)), self.model.spread, min(1.0, chance)
        )

    def _sums(self, surprise: float) -> list[float]:
        """For each span, the sum of its surprises, weighted by what the level had not taken over of a change at its start."""
        assert self.model is not None
        sums, kept = [surprise], 1 - self.model.gain
        for half in SPANS[:-1]:
            if len(self.recent) < 2 * half - 1:
                break
            sums.append(self.recent[-half].sums[len(sums) - 1] + kept**half * sums[-1])
        return sums

    def _deviations(self) -> Iterator[tuple[float, int]]:
        """How far the last blocks are from the level before them, in standard deviations, and how many blocks."""
        assert self.model is not None
        for span, total in zip(SPANS, self.recent[-1].sums, strict=False):
            yield abs(total) / _scale(self.model.gain, span), span


@lru_cache(1024)
def _scale(gain: float, span: int) -> float:
    """Standard deviation of a sum of surprises."""
    return math.sqrt(sum((1 - gain) ** (2 * lag) for lag in range(span)))


@lru_cache(1024)
def _reach(p: float, freedom: float) -> float:
    """The deviation that has this probability: most blocks are far below it, and need no probability of their own."""
    return quantile(p, freedom)


def block_means(values: Floats, block: int = BLOCK) -> Floats:
    """Means of blocks of steps, NaN where half of a block or more is missing; what is left at the end is left out.

    >>> block_means(np.array([1.0, 3.0, np.nan, np.nan, 5.0]), block=2)
    array([ 2., nan])
    """
    whole = values[: len(values) // block * block].reshape(-1, block)
    known = np.isfinite(whole)
    count = known.sum(axis=1)
    total = np.where(known, whole, 0.0).sum(axis=1)
    return np.where(count * 2 > block, total / np.maximum(count, 1), math.nan)


def surprises(model: Level, blocks: Floats) -> tuple[Floats, float]:
    """What each block differs from the level before it, in standard deviations, without the missing ones; and the last level."""
    level, found = model.start, []
    for value in blocks[np.isfinite(blocks)].tolist():
        found.append((value - level) / model.spread)
        level += model.gain * (value - level)
    return np.array(found), level


def fitted(blocks: Floats) -> Level | None:
    """Fit a local level to the blocks of a baseline, by maximum likelihood; None if they are too few, or all the same."""
    known = blocks[np.isfinite(blocks)]
    if len(known) < LEAST or np.ptp(known) == 0:
        return None
    start, fits = float(known[:WARM].mean()), []
    for walk in WALKS.tolist():
        ahead = walk / 2 + math.sqrt(walk**2 / 4 + walk)
        gain = ahead / (1 + ahead)
        left = surprises(Level(gain, 1.0, 1.0, start), known)[0][WARM:]
        power = float((left**2).sum())
        fits.append((len(left) * math.log(power), gain, math.sqrt(power / max(1, len(left) - 2))))
    best = min(fits)[0]
    _, gain, spread = max((each for each in fits if each[0] <= best + MARGIN), key=lambda each: each[1])
    model = Level(gain, spread, max(3.0, len(known) - WARM - 2), start)
    return _widened(model, known)


def _widened(model: Level, known: Floats) -> Level:
    """Widen the spread where the largest surprise of the baseline is more than chance makes it: its tails are heavier."""
    left = np.abs(surprises(model, known)[0][WARM:])
    usual = _reach(1 / (2 * len(left)), model.freedom)
    return model._replace(spread=model.spread * max(1.0, float(left.max()) / usual))
