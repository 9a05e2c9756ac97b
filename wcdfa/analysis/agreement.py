"""Compares the fingerprints of two logs: whether they hold the same norms, and whether that can be chance."""

from __future__ import annotations

import numpy as np

from wcdfa.analysis.fingerprints import ENOUGH, FLUCTUATING, OFFSETS, Fingerprint

EVIDENCE = 48.0  # bits: two runs whose values agree by chance this well do not occur
PRECISE = 1e-12  # relative difference that arithmetic may make


def agree(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two logs hold the same values at enough of the same steps, to the digits that they give.

    Loggers may count the steps from 0 and from 1. Values that hardly fluctuate, such as constants or a schedule, show nothing.
    """
    return any(_agree(one, other, offset) is True for offset in OFFSETS)


def contradict(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two logs have enough steps in common, and hold different values there."""
    return all(_agree(one, other, offset) is False for offset in OFFSETS)


def _agree(one: Fingerprint, other: Fingerprint, offset: int) -> bool | None:
    """None if there is too little to tell."""
    _, here, there = np.intersect1d(one.steps, other.steps, assume_unique=True, return_indices=True)
    pairs = np.stack([one.values[here, 1], other.values[there, 1 + offset]])
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < ENOUGH:
        return None
    tolerance = one.tolerance(pairs[0]) + other.tolerance(pairs[1])
    size = np.abs(pairs[0])
    if np.any(np.abs(pairs[0] - pairs[1]) > tolerance + PRECISE * size):
        return False
    fluctuation = min(one.fluctuation, other.fluctuation)
    if fluctuation < FLUCTUATING:
        return None
    bits = np.log2(np.maximum(1.0, fluctuation * size / (2 * np.maximum(tolerance, PRECISE * size) + 1e-300)))
    return True if bits.sum() >= EVIDENCE else None
