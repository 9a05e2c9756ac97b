"""What has no network, no weights and no learning: a smooth trend, and impulses at some of the steps that die out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from studies.hebbian.network import FRACTIONS, SETTLING, STEPS, Recorded


class Trend(NamedTuple):
    """A point of the free range."""

    amplitude: float  # of impulses, relative to the trend's beginning
    decay_time: float  # of the trend, in steps
    aftermath: float  # what is left of an impulse after a step
    spread: float  # of the logarithm of an impulse
    floor: float  # standard deviation of the noise


def simulate(seed: int, trend: Trend) -> Recorded:
    """Draw a series at each frequency of perturbation, with the same impulses and noise."""
    rng, steps = np.random.default_rng(seed), STEPS - SETTLING
    perturbed = rng.random(steps) < np.array(FRACTIONS)[:, None]
    impulses = np.where(perturbed, trend.amplitude * np.exp(trend.spread * rng.standard_normal(steps)), 0.0)
    smooth = np.exp(-np.arange(steps) / trend.decay_time)
    norms = np.abs(smooth + lfilter([1.0], [1.0, -trend.aftermath], impulses, axis=-1) + trend.floor * rng.standard_normal(steps))
    return Recorded(norms, perturbed, np.empty((len(FRACTIONS), steps, 0)))
