"""Simulates series of known h(q) to compare a measured one with: signed noise with memory, and positive cascades."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wcdfa import synthetic
from wcdfa.multifractal.slopes import Layout, intermittency_of, slopes_of
from wcdfa.multifractal.spectrum import Spectrum, spectrum_of
from wcdfa.support.aliases import Series

REPLICATES = (100, 400)  # fewest and most
SAMPLES = 3_300_000  # of all replicates together, where their number is between these two
LEVEL = 0.95  # share of them that are less curved than `Replicates.curved`
ALPHA_STEP, D_STEP, WEIGHT_STEP = 0.05, 0.1, 0.02  # the grid on which replicates are kept
LARGEST_D = 3  # steps by which h(q) of a cascade may be shifted
STEPS = (0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4)  # of the intermittency


@dataclass(frozen=True)
class Signed:
    """`multifractal_noise`, with α and λ² in steps of the grid; without intermittency it is ARFIMA, and Gaussian."""

    alpha: int
    intermittency: int

    @classmethod
    def nearest(cls, alpha: float, intermittency: float) -> Signed:
        """The member of the grid with nearly these parameters."""
        step = int(np.argmin(np.abs(np.array(STEPS) - intermittency)))
        return cls(round(min(max(alpha, 0.05), 1.95) / ALPHA_STEP), step)

    def more(self) -> Signed:
        """The next more intermittent member."""
        return Signed(self.alpha, min(self.intermittency + 1, len(STEPS) - 1))

    @property
    def options(self) -> dict[str, float]:
        """The arguments of the generator."""
        return {"intermittency": STEPS[self.intermittency], "d": self.alpha * ALPHA_STEP - 0.5}

    def series(self, n: int, count: int, rng: np.random.Generator) -> Series:
        """Simulate `count` series of n samples."""
        if self.intermittency == 0:
            return synthetic.arfima(n, d=self.options["d"], batch=(count,), seed=rng)
        return synthetic.multifractal_noise(n, batch=(count,), seed=rng, **self.options)

    def exponents(self, moments: tuple[float, ...]) -> Series:
        """h(q), by theory."""
        return synthetic.noise_exponents(moments, **self.options)


@dataclass(frozen=True)
class Positive:
    """`binomial_cascade`, fractionally summed, with weight and d in steps of the grid."""

    weight: int
    d: int

    @classmethod
    def nearest(cls, curvature: float, alpha: float, moments: tuple[float, ...]) -> Positive:
        """The member whose h(q) is as curved as measured and is nearest to `alpha` at q = 2."""
        weight = int(np.argmin(np.abs(_curvatures(moments) - curvature)))
        shift = (alpha - float(synthetic.cascade_exponents(2, weight=_weight(weight)))) / D_STEP
        return cls(weight, min(max(round(shift), -LARGEST_D), LARGEST_D))

    def series(self, n: int, count: int, rng: np.random.Generator) -> Series:
        """Simulate `count` series of n samples."""
        masses = synthetic.binomial_cascade(n, weight=_weight(self.weight), batch=(count,), seed=rng)
        return synthetic.fractional_sum(masses - 1, self.d * D_STEP) if self.d else masses

    def exponents(self, moments: tuple[float, ...]) -> Series:
        """h(q), by theory."""
        return synthetic.cascade_exponents(moments, weight=_weight(self.weight)) + self.d * D_STEP


class Replicates(NamedTuple):
    """What series of known h(q) show: how far their slopes and spectra are off, and how lopsided their values are."""

    bias: Series  # of the slopes, (moments,)
    errors: Spectrum  # mean errors of what follows from the slopes, without the last moment
    deviations: Spectrum  # their standard deviations
    widths: Series  # of their spectra, (replicates,)
    twos: Series  # slopes at q = 2, (replicates,)
    curved: float  # intermittency that 5 % of them exceed
    lopsided: tuple[float, float]  # mean and standard deviation


@lru_cache(maxsize=512)
def replicates_of(member: Signed | Positive, layout: Layout) -> Replicates:
    """Simulate the replicates of a member for a layout, once, with a seed of its own; they are kept."""
    rng = np.random.default_rng([layout.n, type(member) is Positive, *(part + 100 for part in astuple(member))])
    count = min(max(SAMPLES // layout.n, REPLICATES[0]), REPLICATES[1])
    step = max(1, (1 << 19) // layout.n)
    parts = []
    for start in range(0, count, step):
        x = member.series(layout.n, min(step, count - start), rng)
        parts.append((slopes_of(x, layout), lopsidedness(x)))
    found, lopsided = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _summary(member.exponents(layout.moments), found, lopsided, layout.moments)


def _summary(truth: Series, found: Series, lopsided: Series, moments: tuple[float, ...]) -> Replicates:
    q = np.asarray(moments[:-1])
    spectra, true = spectrum_of(found[:, :-1], q), spectrum_of(truth[:-1], q)
    errors = Spectrum(*(each.mean(axis=0) - exact for each, exact in zip(spectra, true, strict=True)))
    deviations = Spectrum(*(each.std(axis=0, ddof=1) for each in spectra))
    curved = float(np.quantile(intermittency_of(found, moments), LEVEL))
    return Replicates(
        found.mean(axis=0) - truth,
        errors,
        deviations,
        spectra.width,
        found[:, -1],
        curved,
        (float(lopsided.mean()), float(lopsided.std())),
    )


def lopsidedness(x: Series) -> Series:
    """How far the share of values above the mean is from a half, shape (...).

    >>> print(lopsidedness(np.array([0.0, 0.0, 0.0, 4.0])))
    0.25
    """
    return np.asarray(np.abs(np.mean(x > x.mean(axis=-1, keepdims=True), axis=-1) - 0.5))


def repeating(x: Series) -> float:
    """The share of the commonest value, of one series.

    >>> print(repeating(np.array([0.0, 0.0, 0.0, 4.0])))
    0.75
    """
    return float(np.max(np.unique(x, return_counts=True)[1]) / x.size)


def _weight(step: int) -> float:
    return 0.5 + WEIGHT_STEP * (step + 1)


@lru_cache(maxsize=64)
def _curvatures(moments: tuple[float, ...]) -> Series:
    weights = (_weight(step) for step in range(math.ceil(0.4 / WEIGHT_STEP)))
    return np.array([intermittency_of(synthetic.cascade_exponents(moments, weight=weight), moments) for weight in weights])
