"""Checks of one window against the named optimizer: what was found, what was expected, and how sure a difference is.

To add one, write a function that takes the window, put it into `CHECKS`, and name its statistic in `wcdfa.verdicts.signatures`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import dfa
from wcdfa.inference.sketch_exponents import vector_exponents
from wcdfa.nulls.expectation import SAME, expectation
from wcdfa.verdicts.gradient_memory import FAR, Correlations, contrast, correlations
from wcdfa.verdicts.level_watch import BLOCK
from wcdfa.verdicts.record import Record

Floats = npt.NDArray[np.float64]

# what healthy runs of small networks show beside white gradients: curvature and a mean that changes slowly (benchmarks/faults.py)
NEIGHBOURS = 0.03
OPPOSED = 0.35  # of 1 − momentum: without momentum, curvature turns consecutive gradients against each other
FEW_STEPS = 0.05  # at momentum 0.9: with more of it, a run near a minimum swings more slowly
SIZE = (0.65, 1.35)
STEADY = 0.2  # standard deviation of the logarithm of the size, from block to block
SLACK = 0.35  # of 1 − cosine
SMALL_BOXES, LARGE_BOXES = (0.1, 0.1), (math.inf, 0.15)  # below and above the exponents
LONG = 0.95  # momentum from which on a run that swings shows in the small boxes too
LAG1, ALPHA = (
    (0.3, 0.8),
    (0.3, 0.35),
)  # below the lag-1 autocorrelation of log ‖ΔW‖ and, as a share of what is left to 1, above; of its α
ALIKE, SAME_GRADIENTS = 0.2, 0.4  # shares of a mean gradient from which on less can be said, and nearly nothing
CALIBRATED = (128, 256, 500, 512, 1000)  # steps for which the package has a calibration, so that none need be made
UNKNOWN_SHARE = 0.15  # of a mean gradient, where no far lags are known
IDENTITY = 0.03
LOST = -0.8  # cosine of what a gradient added with the change before it, where the momentum was lost
KEPT = 0.2  # share of the last change in this one, up to which nothing of it was kept
AGAIN = -0.5  # the same cosine in the step after an adaptive optimizer began anew, with a step of full size
DOUBLED = math.log(2)
FAR_OFF, SCATTERED = 0.6, 0.1  # that cosine, and the share of steps beyond it, where it is far from 0 by chance alone
OFTEN = 3  # steps without momentum in a window that are no chance
ROUNDED = 8.0  # smallest steps in a typical change of a coordinate
BEND = {1: 1.0, 2: -1.5, 4: 0.5}
"""Weights of the autocorrelation at each lag: 0 for a straight line."""
PERIODS = (2, 8)
"""Periods, in steps, of a rhythm."""
FEWEST = 50  # steps that a check needs
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


def neighbours(window: Window) -> Iterator[Check]:
    """Gradients of consecutive steps have more, or less, in common than a smooth fall from lag 1 to lag 4 makes it."""
    found, stderr = window.mean(BEND)
    if math.isfinite(found) and window.mean_share < SAME_GRADIENTS:
        band = -NEIGHBOURS - OPPOSED * (1 - window.momentum), NEIGHBOURS
        yield Check("neighbours", found, *band, beyond(found, stderr, *band), amount=_used(window))


def next_step(window: Window) -> Iterator[Check]:
    """Consecutive gradients oppose each other, once the memory that the optimizer is said to have is undone."""
    found, stderr = window.mean({1: 1 / 3, 2: 1 / 3, 3: 1 / 3})
    if math.isfinite(found) and window.mean_share < SAME_GRADIENTS:
        low = -NEIGHBOURS - OPPOSED * (1 - window.momentum)
        yield Check("next gradients", found, low, math.inf, beyond(found, stderr, low, math.inf))


def few_steps(window: Window) -> Iterator[Check]:
    """Gradients have more in common over a few steps than over many."""
    found, stderr = window.mean(contrast({1: 1 / 3, 2: 1 / 3, 3: 1 / 3}))
    if math.isfinite(found) and window.mean_share < SAME_GRADIENTS:
        high = min(0.5, FEW_STEPS * 0.1 / max(1 - window.momentum, 0.01))
        yield Check("near gradients", found, -math.inf, high, beyond(found, stderr, -math.inf, high), amount=_used(window))


def cosine(window: Window) -> Iterator[Check]:
    """The cosine of consecutive changes, given the share of a mean gradient that far lags show."""
    record = window.settled
    if record.cosine is None or record.filter is None or not record.consecutive:
        return
    known = record.cosine[np.isfinite(record.cosine)]
    share = window.mean_share
    if len(known) < FEWEST or share >= SAME_GRADIENTS:
        return
    low, high = record.filter.cosine(), record.filter.cosine(share)
    band = low - SLACK * (1 - low), high + SLACK * (1 - high)
    yield Check(
        "cosine", float(known.mean()), *band, beyond(float(known.mean()), float(known.std()) / math.sqrt(len(known) / 10), *band)
    )


def vector_alpha(window: Window) -> Iterator[Check]:
    """The exponents of ΔW as a vector, for small and for large boxes, given the share of a mean gradient."""
    record = window.settled
    if record.sketch is None or record.filter is None or not record.consecutive or window.mean_share >= ALIKE:
        return
    n = max((length for length in CALIBRATED if length <= len(record)), default=0)
    found = vector_exponents((record.sketch / record.rates[:, np.newaxis])[len(record) - n :])
    if found.reason is not None:
        return
    white, mean = record.filter.exponents(n), record.filter.exponents(n, window.mean_share)
    small = SMALL_BOXES if window.momentum < LONG else (SMALL_BOXES[0], 3 * SMALL_BOXES[1])
    names, reaches = ("vector α, small boxes", "vector α, large boxes"), (small, LARGE_BOXES)
    for name, exponent, stderr, ends, reach in zip(
        names, found.exponents, found.stderr, zip(white, mean, strict=True), reaches, strict=True
    ):
        low, high = min(ends) - reach[0], max(ends) + reach[1]
        if math.isfinite(exponent) and math.isfinite(stderr):
            yield Check(name, exponent, low, high, beyond(exponent, stderr, low, high))


def memory_of_norms(window: Window) -> Iterator[Check]:
    """Autocorrelation of log ‖ΔW‖ at lag 1, and its α, given the share of a mean gradient."""
    record = window.settled
    n = max((length for length in CALIBRATED if length <= len(record)), default=0)
    logs = record.sizes[len(record) - n :]
    if record.filter is None or record.optimizer is None or not record.consecutive or not n or not np.isfinite(logs).all():
        return
    if window.mean_share >= ALIKE:
        return
    ends = [expectation(record.optimizer, n, mean_share=share) for share in (0.0, round(window.mean_share, 1))]
    centred = logs - logs.mean()
    if not all(math.isfinite(end.alpha.mean) for end in ends) or centred.std() < SAME:
        return
    lag1 = float(centred[1:] @ centred[:-1] / (centred @ centred))
    alpha = float(dfa(logs, method="gls").alpha)
    for name, found, reach, each in (
        ("lag-1", lag1, LAG1, [end.lag1 for end in ends]),
        ("α", alpha, ALPHA, [end.alpha for end in ends]),
    ):
        least, most = min(end.mean for end in each), max(end.mean for end in each)
        low, high = least - reach[0], most + reach[1] * (1 - most if name == "lag-1" else 1.0)
        if math.isfinite(found):
            yield Check(name, found, low, high, beyond(found, max(end.spread for end in each), low, high))


def gradient_size(window: Window) -> Iterator[Check]:
    """The size of what each gradient adds: 1 for an optimizer that divides by the size of gradients, with the named betas and rates."""
    record = window.settled
    rule = record.filter
    if rule is None or rule.innovation is None or record.sketch is None or not record.rates_known or not record.consecutive:
        return
    left = rule.undo(record.sketch / record.rates[:, np.newaxis]) / rule.innovation
    left = left[np.isfinite(left).all(axis=1)]
    moving = (left != 0).any(axis=0)
    if len(left) < FEWEST or not moving.any():
        return
    known = (left[:, moving] ** 2).mean(axis=1)
    found = math.sqrt(float(known.mean()))
    stderr = float(known.std()) / math.sqrt(len(known) / 10) / (2 * found) if found else 0.0
    p = beyond(found, stderr, *SIZE) if _is_steady(known) and _remembers(window, found) else 1.0
    yield Check("size of what gradients add", found, *SIZE, p)


def _is_steady(squares: Floats) -> bool:
    """Whether sizes stay the same: where gradients grow, shrink or come in bursts, a mean of their squares is late."""
    blocks = squares[: len(squares) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    return bool(blocks.min() > 0 and np.log(blocks).std() / 2 < STEADY)


def _remembers(window: Window, size: float) -> bool:
    """Whether gradients seem to remember what another momentum would keep: their size alone is another one if gradients grow or shrink."""
    if window.mean_share >= SAME_GRADIENTS:
        return False
    if size > 1:
        found, stderr = window.mean({1: 1 / 3, 2: 1 / 3, 3: 1 / 3})
        return found + 2 * stderr < -NEIGHBOURS / 2
    found, stderr = window.mean(contrast({1: 1 / 3, 2: 1 / 3, 3: 1 / 3}))
    return found - 2 * stderr > NEIGHBOURS / 3 or window.mean_share > ALIKE


def identity(window: Window) -> Iterator[Check]:
    """SGD: the change less the momentum's share of the last change is the gradient, whose norm was recorded."""
    record = window.settled
    added, norms = record.added, record.gradient_norm
    if added is None or norms is None or record.filter is None or record.filter.innovation is not None or not record.rates_known:
        return
    if not record.consecutive:
        return
    decayed = 0.0
    if record.optimizer is not None and record.weight_norm is not None:
        with np.errstate(all="ignore"):
            shares = record.optimizer.weight_decay * record.weight_norm / norms
        decayed = float(np.median(shares[np.isfinite(shares)])) if np.isfinite(shares).any() else 0.0
    with np.errstate(all="ignore"):
        ratio = np.log(added / norms)
    ratio = ratio[np.isfinite(ratio)]
    if len(ratio) < FEWEST or (record.optimizer is not None and record.optimizer.clip_norm is not None):
        return
    reach = IDENTITY / 3 + decayed
    # a change that is smaller than ‖g‖ makes it may be clipped, and ‖g‖ may be that of a sum or of a scaled loss
    middle = float(np.median(ratio))
    explained = max(float(((np.abs(ratio - at) < reach / 2) | (ratio < -reach)).mean()) for at in (0.0, middle))
    spread = float(np.median(np.abs(ratio - middle)))
    p = 1.0 if explained > 0.5 else 0.0
    yield Check("spread of the gradient norm", spread, 0.0, reach / 2, p, amount=_momentum(record) if p == 0 else math.nan)


def lost_memory(window: Window) -> Iterator[Check]:
    """Steps at which the change had nothing of the one before it."""
    record = window.settled
    left = record.left_over
    if left is None or record.filter is None or not len(record.filter.weights) or not record.consecutive:
        return
    known = np.isfinite(left)
    if not known.any():
        return
    if (np.abs(left[known]) > FAR_OFF).mean() > SCATTERED:  # another momentum at every step, or too few parameters
        return
    places = np.flatnonzero(without_momentum(record))
    since = int(record.numbered[places[0]]) if len(places) else None
    every = float(np.median(np.diff(places))) if len(places) > 2 else math.nan
    share = len(places) / max(1, int(known.sum()))
    yield Check(
        "steps without momentum", share, 0.0, 0.5 / len(record), 0.0 if len(places) >= OFTEN else 1.0, since=since, amount=every
    )


def without_momentum(record: Record) -> npt.NDArray[np.bool_]:
    """The steps whose change has nothing of the one before it: the state of the optimizer was lost.

    The next gradient may oppose the last change as well. Where SGD lost its state, nothing of the last change is left; an adaptive
    optimizer that begins anew takes one step of full size, and the next gradient has nothing of it.
    """
    left = record.left_over
    if left is None or record.filter is None or record.cosine is None or not len(record.filter.weights):
        return np.zeros(len(record), dtype=bool)
    sizes = record.norms / record.rates
    with np.errstate(all="ignore"):
        if record.filter.innovation is None:
            kept = np.concatenate([[math.nan], record.cosine[1:] * sizes[1:] / sizes[:-1]])
            return np.asarray((left < LOST) & (np.abs(kept) < KEPT))
        grown = np.concatenate([[math.nan] * 2, np.log(sizes[1:-1] / sizes[:-2])])[: len(record)]
        return np.asarray((left < AGAIN) & (grown > DOUBLED))


def rhythm(window: Window) -> Iterator[Check]:
    """The size of what gradients add repeats every few steps."""
    added = window.settled.added
    if added is None or not window.settled.consecutive:
        return
    with np.errstate(all="ignore"):
        logs = np.log(added)
    logs = logs[np.isfinite(logs)]
    if len(logs) < 100:
        return
    centred = logs - logs.mean()
    power = float((centred**2).sum())
    lags = (
        [float(centred[lag:] @ centred[:-lag]) / power for lag in range(1, PERIODS[1] + 2)] if power else [0.0] * (PERIODS[1] + 1)
    )
    peaks = {lag: lags[lag - 1] - (lags[lag - 2] + lags[lag]) / 2 for lag in range(PERIODS[0], PERIODS[1] + 1)}
    largest = max(peaks.values())
    period = next(lag for lag, peak in peaks.items() if peak >= largest - 0.2 * abs(largest))  # a rhythm of 4 repeats after 8 too
    stderr = math.sqrt(1.5 / len(logs))
    high = 4 * stderr  # the largest of several lags
    yield Check("rhythm", peaks[period], -math.inf, high, beyond(peaks[period], stderr, -math.inf, high), amount=period)


def rounding(window: Window) -> Iterator[Check]:
    """Changes are few of the smallest steps that the weights can make."""
    record = window.record
    if record.sketch is None:
        return
    units = smallest_steps(record.sketch)
    if math.isfinite(units):
        yield Check("smallest steps in a change", units, ROUNDED, math.inf, 0.0 if units < ROUNDED else 1.0)


def smallest_steps(sketch: Floats) -> float:
    """Median over the coordinates of a typical change, in units of the smallest step that divides nine in ten of its changes.

    Not all of them: one change, such as that from one format to another, may have more digits.

    >>> import numpy as np
    >>> smallest_steps(np.array([[0.5], [-0.25], [0.75], [0.25]]))
    1.5
    """
    mantissa, exponent = np.frexp(np.where(np.isfinite(sketch), sketch, 0.0).astype(np.float32))
    whole = np.abs(mantissa * np.float32(2**24)).astype(np.int64)
    with np.errstate(all="ignore"):
        trailing = np.log2((whole & -whole).astype(np.float64))
    ascending = np.sort(np.where(whole > 0, exponent - 24 + trailing, np.inf), axis=0)
    count = np.isfinite(ascending).sum(axis=0)
    moving = count > 0
    if not moving.any():
        return math.nan
    lowest = np.take_along_axis(ascending, (count // 10)[np.newaxis], axis=0)[0]
    # a coordinate that is often exactly still has its typical change from the steps at which it moves
    sizes = np.where(whole > 0, np.abs(sketch), math.nan)[:, moving]
    typical = np.nanmedian(sizes, axis=0) if np.isnan(sizes).any() else np.median(sizes, axis=0)  # which is much faster
    return float(np.median(typical / 2.0 ** lowest[moving]))


CHECKS: tuple[Callable[[Window], Iterator[Check]], ...] = (
    cosine,
    vector_alpha,
    memory_of_norms,
    neighbours,
    few_steps,
    next_step,
    gradient_size,
    identity,
    lost_memory,
    rhythm,
    rounding,
)
"""All checks, in the order in which they are listed."""


def _used(window: Window) -> float:
    """Over how many steps gradients have something in common: where the autocorrelation has fallen by nine tenths; NaN if not clear."""
    if window.correlations is None:
        return math.nan
    values = np.array([window.mean(contrast({lag: 1.0}))[0] for lag in range(1, FAR[0])])
    if not values[0] > FEW_STEPS / 2:
        return math.nan
    low = np.flatnonzero(values < 0.1 * values[0])
    return float(low[0] + 1) if len(low) else math.nan


def _momentum(record: Record) -> float:
    """The momentum with which the changes are made of gradients of the norms that were recorded; NaN if none fits."""
    assert record.cosine is not None
    assert record.gradient_norm is not None
    now = record.norms / record.rates
    before = np.concatenate([[math.nan], now[:-1]])

    def spread(decay: float) -> float:
        with np.errstate(all="ignore"):
            ratio = np.log(np.sqrt(now**2 + decay**2 * before**2 - 2 * decay * now * before * record.cosine) / record.gradient_norm)
        ratio = ratio[np.isfinite(ratio)]
        return float(np.median(np.abs(ratio))) if len(ratio) else math.inf

    grid = np.linspace(0, 0.999, 200)
    best = min(grid, key=spread)
    fine = min(np.linspace(max(0, best - 0.005), min(0.9999, best + 0.005), 101), key=spread)
    return float(fine) if spread(float(fine)) < IDENTITY / 2 else math.nan


def _exact(found: float, reach: float) -> float:
    """P of an equation that holds up to rounding: 1 if it does, otherwise 0."""
    return 1.0 if found <= reach else 0.0
