"""When things happen in a run, in steps; infinite if they never do."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from studies.common.measures import Floats, first_sustained
from studies.grokking.recorded import EVERY, Recorded

RISEN = 0.1
GROKKED = 0.9
SPIKE = 5.0  # times its running minimum: the loss of a slingshot
OVER = 10  # steps that the loss is averaged over, for minibatches
BEGUN = 1_000  # steps before anything counts as a slingshot
SETTLED = 1_500  # steps after grokking before anything counts as a second transition
CRITICAL = 1.2  # version 0.1.0 calls α critical below this


def passed(accuracy: Floats, level: float) -> float:
    """The first evaluation with an accuracy above the level."""
    high = accuracy > level
    return float((high.argmax() + 1) * EVERY) if high.any() else math.inf


def slingshot(recorded: Recorded) -> float:
    """The first step from BEGUN on whose loss is SPIKE times its running minimum."""
    loss = np.convolve(recorded.loss, np.full(OVER, 1 / OVER), "valid")
    high = (loss > SPIKE * np.minimum.accumulate(loss)) & (np.arange(len(loss)) + OVER >= BEGUN)
    return float(high.argmax() + OVER) if high.any() else math.inf


def second_transition(recorded: Recorded, ends: npt.NDArray[np.int_], alpha: Floats) -> float:
    """The end of the first of three windows in a row below CRITICAL that end SETTLED after grokking or later."""
    settled = passed(recorded.test, GROKKED) + SETTLED
    found = first_sustained((ends >= settled) & (alpha < CRITICAL), ends)
    return math.inf if math.isnan(found) else found
