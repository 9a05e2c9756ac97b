"""Checks of the gradients, which are seen where the named optimizer's memory is undone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.checked_window import ALIKE, FEWEST, SAME_GRADIENTS, Check, Window, beyond
from wcdfa.verdicts.gradient_memory import FAR, contrast
from wcdfa.verdicts.level_watch import BLOCK

Floats = npt.NDArray[np.float64]

# what healthy trainings show beside white gradients: curvature, and a mean that changes slowly (benchmarks/healthy.py)
NEIGHBOURS = 0.03
OPPOSED = 0.35  # of 1 − momentum: without momentum, curvature turns consecutive gradients against each other
FEW_STEPS = 0.05  # at momentum 0.9: with more of it, a run near a minimum swings more slowly
SIZE = (0.65, 1.35)
STEADY = 0.2  # standard deviation of the logarithm of the size, from block to block
BEND = {1: 1.0, 2: -1.5, 4: 0.5}
"""Weights of the autocorrelation at each lag: 0 for a straight line."""
PERIODS = (2, 8)
"""Periods, in steps, of a rhythm."""


def neighbours(window: Window) -> Iterator[Check]:
    """Gradients of consecutive steps have more, or less, in common than a smooth fall from lag 1 to lag 4 makes it."""
    found, stderr = window.mean(BEND)
    if math.isfinite(found) and window.mean_share < SAME_GRADIENTS:
        band = -NEIGHBOURS - OPPOSED * (1 - window.momentum), NEIGHBOURS + window.swing / 10  # a swing is no straight line
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
        # where all weights swing about a minimum, near gradients agree about as much as later ones oppose each other
        high = min(0.5, FEW_STEPS * 0.1 / max(1 - window.momentum, 0.01) + window.swing)
        yield Check("near gradients", found, -math.inf, high, beyond(found, stderr, -math.inf, high), amount=_used(window))


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
    return found - 2 * stderr - window.swing > NEIGHBOURS / 3 or window.mean_share > ALIKE


def _used(window: Window) -> float:
    """Over how many steps gradients have something in common: where the autocorrelation has fallen by nine tenths; NaN if not clear."""
    if window.correlations is None:
        return math.nan
    values = np.array([window.mean(contrast({lag: 1.0}))[0] for lag in range(1, FAR[0])])
    if not values[0] > FEW_STEPS / 2:
        return math.nan
    low = np.flatnonzero(values < 0.1 * values[0])
    return float(low[0] + 1) if len(low) else math.nan
