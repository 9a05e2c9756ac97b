"""The prior of the spectrum of a run: long memory, short memory of several kinds, and white noise on top."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEVEL, D, ROOT, CORNER, COSINES = range(5)  # columns: a, d, atanh φ, log c, and b_1 … from here on
ORDER = 6  # cosines
SIZE = COSINES + ORDER
FIXED = 1e-3  # the deviation of what a component holds fixed

LONG = (0.5, 0.7)  # mean and deviation of d
LONG_IN_NOISE = (0.65, 0.45)  # a signal that is nearly white cannot be told from the noise
WEAK_ROOTS, WEAK_DEVIATION = (-0.4, 0.4), 0.3  # atanh φ: short memory that is forgotten within a few steps
STRONG_ROOTS, STRONG_DEVIATION = tuple(math.atanh(phi) for phi in (0.7, 0.85, 0.93)), 0.25
SMOOTH = ((1.5, 0.5), (2.0, 0.75))  # of (s, r): b_k has a deviation of s r^k / k, as if from poles and zeros near r
BESIDE_ROOT = (1.0, 0.4)  # the same, beside a strong root
LOWEST_CORNER = 1.9  # over √n: the angular frequency where noise is as strong as a random walk with the same variance over the run
HIGHEST_CORNER = 4.5  # of log c: noise of a fifth of the signal, for α of 0.75
CORNER_STEP, CORNER_DEVIATION = 2.0, 1.2  # of log c from one component to the next

# shares of the components, and of those with white noise on top
PURE, ONE_ROOT, SMOOTH_SHARE, STRONG = 0.58, 0.15, 0.2, 0.07
NOISE_ALONE, NOISE_BESIDE = 0.33, 0.4  # without short memory, and with it


class Short(NamedTuple):
    """One kind of short memory, with its share of the prior."""

    share: float
    root: float | None = None
    """atanh φ of a pole or zero, or None."""
    sign: float = 1.0
    """1 for a pole, -1 for a zero."""
    smooth: tuple[float, float] | None = None
    """(s, r) of the cosines, or None."""

    @property
    def noise(self) -> float:
        """Share with white noise on top."""
        return NOISE_ALONE if self.root is None and self.smooth is None else NOISE_BESIDE


class Components(NamedTuple):
    """The parts of the prior: normal distributions of the parameters, shape (components, SIZE), with their shares."""

    log_share: Values
    mean: Values
    deviation: Values
    noise: Values
    """1 with white noise on top, else 0."""
    sign: Values
    """1 for a pole, -1 for a zero."""

    def take(self, rows: npt.NDArray[np.intp]) -> Components:
        """The components with these numbers, one for each row."""
        return Components(*(each[rows] for each in self))


@lru_cache(maxsize=32)
def components(samples: int) -> Components:
    """The components for a series of so many samples: the longer it is, the lower may the corner be."""
    corners = _corners(samples)
    parts = [
        (math.log(short.share * share), _mean(short, corner), _deviation(short, corner), float(corner is not None), short.sign)
        for short in _short_memory()
        for share, corner in [(1 - short.noise, None), *((short.noise / len(corners), corner) for corner in corners)]
    ]
    return Components(*(np.array(each) for each in zip(*parts, strict=True)))


def _corners(samples: int) -> list[float]:
    low = 2 * math.log(LOWEST_CORNER / math.sqrt(samples))
    corners: list[float] = np.linspace(low, HIGHEST_CORNER, round((HIGHEST_CORNER - low) / CORNER_STEP) + 1).tolist()
    return corners


def _short_memory() -> Iterator[Short]:
    yield Short(PURE)
    for root in WEAK_ROOTS:
        for sign in (1.0, -1.0):
            yield Short(ONE_ROOT / 4, root, sign)
    for smooth in SMOOTH:
        yield Short(SMOOTH_SHARE / len(SMOOTH), smooth=smooth)
    for root in STRONG_ROOTS:
        yield Short(STRONG / len(STRONG_ROOTS), root, smooth=BESIDE_ROOT)


def _mean(short: Short, corner: float | None) -> Values:
    mean = np.zeros(SIZE)
    mean[D] = (LONG if corner is None else LONG_IN_NOISE)[0]
    mean[ROOT], mean[CORNER] = short.root or 0.0, corner or 0.0
    return mean


def _deviation(short: Short, corner: float | None) -> Values:
    deviation = np.full(SIZE, FIXED)
    deviation[LEVEL] = 1e3  # the level is free
    deviation[D] = (LONG if corner is None else LONG_IN_NOISE)[1]
    if short.root is not None:
        deviation[ROOT] = WEAK_DEVIATION if short.root in WEAK_ROOTS else STRONG_DEVIATION
    if corner is not None:
        deviation[CORNER] = CORNER_DEVIATION
    if short.smooth is not None:
        k = np.arange(1, ORDER + 1)
        deviation[COSINES:] = short.smooth[0] * short.smooth[1] ** k / k
    return deviation
