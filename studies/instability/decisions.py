"""The rules of the protocol: verdict of each claim from intervals, number of seeds and number of spikes."""

from __future__ import annotations

import math

from studies.common.statistics import Interval
from studies.common.study import NOT, REPLICATES, UNDECIDED
from studies.instability.summary import Warned

LEAST_SEEDS, LEAST_SPIKES, LEAST_RAMPS = 10, 100, 10
EXCESS, HALF, PLACEMENT_GAP, SAME_RATE = 0.2, 0.5, 0.02, 0.2


def comes_before(found: Warned) -> str:
    """Claims 1, 2, 3 and 5: from the excess over chance, and the share of spikes that were preceded."""
    if not _enough(found.seeds, found.spikes, found.excess):
        return UNDECIDED
    if found.excess[1] > EXCESS and found.share[0] >= HALF:
        return REPLICATES
    return NOT if found.excess[2] < EXCESS or found.share[2] < HALF else UNDECIDED


def warns_better(gaps: list[Interval], seeds: int, spikes: int) -> str:
    """Claim 4: from what the placement gains on that of each other statistic."""
    if not all(_enough(seeds, spikes, gap) for gap in gaps):
        return UNDECIDED
    if all(gap[1] > PLACEMENT_GAP for gap in gaps):
        return REPLICATES
    return NOT if any(gap[2] < PLACEMENT_GAP for gap in gaps) else UNDECIDED


def warns_of_divergence(share: Interval, after_loss: Interval, ramps: int) -> str:
    """Claim 6: from the share of ramps with an alarm before the failure, and the lead of α minus that of the loss."""
    if ramps < LEAST_RAMPS or math.isnan(after_loss[2]):
        return UNDECIDED
    if share[1] >= HALF and after_loss[2] >= 0:
        return REPLICATES
    return NOT if share[2] < HALF or after_loss[2] < 0 else UNDECIDED


def spikes_less(difference: Interval, seeds: int) -> str:
    """Claim 7: from the spikes in 1,000 steps with β₂ = 0.999 minus those with 0.95."""
    if seeds < LEAST_SEEDS or math.isnan(difference[1]):
        return UNDECIDED
    if difference[1] > 0:
        return REPLICATES
    return NOT if difference[2] < 0 or (difference[1] > -SAME_RATE and difference[2] < SAME_RATE) else UNDECIDED


def _enough(seeds: int, spikes: int, interval: Interval) -> bool:
    return seeds >= LEAST_SEEDS and spikes >= LEAST_SPIKES and not math.isnan(interval[1])
