"""How ρ(s) varies between series that have nothing to do with each other but share the memory of the measured ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from wcdfa.cross.fluctuation import z_of
from wcdfa.cross.frame import Frame
from wcdfa.inference.approximate_moments import SAMPLES, arfima_of
from wcdfa.inference.moments import alpha_range
from wcdfa.kernel.polynomials import frozen
from wcdfa.support.aliases import Series
from wcdfa.support.kept import Kept
from wcdfa.support.progress import Progress
from wcdfa.surrogates import phase_randomised

STEP = 0.05  # of α in the nulls that are kept: below the error of a measured one
NEAR = 16  # samples on each side of a break that give the levels there
LONGEST = 4096  # samples of simulated series; with more, z varies as one over the square root of the number of boxes
LEVEL = 0.05  # of a test: where p is larger, no coupling is found
PERFECT = 2.65  # artanh of 0.99
ROUNDING = 1e-9
SIMULATING = "simulating pairs without coupling"
KEPT = Kept(
    256 << 20, size=lambda found: sum(np.asarray(each).nbytes for each in (found if isinstance(found, tuple) else (found,)))
)


def least_replicates(confidence: float) -> int:
    """The fewest pairs that an interval of this level can be read from.

    >>> least_replicates(0.95), least_replicates(0.999)
    (19, 999)
    """
    return int(np.ceil(confidence / (1 - confidence) - ROUNDING))


class Null(NamedTuple):
    """z = artanh ρ(s) of pairs without coupling."""

    magnitudes: Series  # |z|, (replicates, lags, sizes), sorted along the first axis
    deviation: Series  # standard deviation of z, (lags, sizes)
    largest: Series  # the largest |z| / deviation of each pair, sorted, (replicates,)
    covariance: Series  # of z between sizes, (lags, sizes, sizes)
    throughout: Series  # the |z| that each pair has at every size, at the lag where it is largest, (replicates,)

    def p_by_size(self, z: Series) -> Series:
        """The share of pairs whose |z| is at least this, at each lag and size."""
        more = np.sum(self.magnitudes >= np.abs(z), axis=0)
        return np.asarray((1 + more) / (1 + len(self.magnitudes)))

    def p_value(self, z: Series) -> float:
        """The share of pairs that are so far from 0 at any lag or size."""
        return self.p_of(float(np.max(np.abs(z) / self.deviation)))

    def p_of(self, distance: float) -> float:
        """The share of pairs with a |z| of at least so many standard deviations at any lag or size."""
        more = len(self.largest) - np.searchsorted(self.largest, distance, side="left")
        return float((1 + more) / (1 + len(self.largest)))

    def reach(self, confidence: float) -> Series:
        """How far z is from 0 in this share of pairs, (lags, sizes); there are at least `least_replicates` of them."""
        place = int(np.ceil(confidence * (len(self.magnitudes) + 1) - ROUNDING))
        return np.asarray(self.magnitudes[place - 1])

    @property
    def alike(self) -> bool:
        """Whether so many pairs have a ρ of almost ±1 at every size that none of ±1 can be told from them."""
        return bool(np.mean(self.throughout >= PERFECT) > LEVEL)


def null_of(z: Series) -> Null:
    """The null from z of simulated pairs, (replicates, lags, sizes)."""
    deviation = np.maximum(np.sqrt(np.mean(z * z, axis=0)), ROUNDING)
    magnitude = np.abs(z)
    throughout = np.max(np.min(magnitude, axis=2), axis=1)
    covariance = np.einsum("rls,rlt->lst", z, z) / len(z)
    largest = np.sort(np.max(magnitude / deviation, axis=(1, 2)))
    return Null(*map(frozen, (np.sort(magnitude, axis=0), deviation, largest, covariance, throughout)))


def rounded(alpha: float, order: int) -> float:
    """The α of the null that is kept for a measured α.

    >>> rounded(0.987, 1)
    1.0
    """
    low, high = alpha_range(order)
    return round(min(max(round(alpha / STEP) * STEP, low), high), 6)


class Spectrum:
    """A series whose spectrum is its memory, rather than an α; two of the same values are equal."""

    def __init__(self, series: Series, alpha: float) -> None:
        self.series, self.alpha = (
            series,
            float(alpha),
        )  # from α = 1.5 on the phases are those of its differences: its ends do not meet
        self.digest = blake2b(np.append(series, self.alpha).tobytes(), digest_size=16).digest()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same values and α."""
        return isinstance(other, Spectrum) and self.digest == other.digest

    def __hash__(self) -> int:
        """By the values."""
        return hash(self.digest)


Memory = float | Spectrum


def null_of_pair(frame: Frame, x: Memory, y: Memory, replicates: int, seed: int) -> Null:
    """The null of pairs of independent Gaussian series with these memories, which is kept; the same for y and x at one lag."""
    of_x, of_y = (memory_key(each, frame.order) for each in (x, y))
    alone = len(frame.lags) == 1  # at several lags y is shifted against x, which is not the same exchanged
    if alone and _rank(of_x) > _rank(of_y):
        of_x, of_y, frame = of_y, of_x, frame._replace(lags=tuple(-lag for lag in frame.lags))
    return KEPT.of(_simulated, frame, of_x, of_y, replicates, seed)


def _rank(memory: Memory) -> tuple[float, bytes]:
    return (np.inf, memory.digest) if isinstance(memory, Spectrum) else (memory, b"")


def _simulated(frame: Frame, x: Memory, y: Memory, replicates: int, seed: int) -> Null:
    shorter, parts = shorter_frame(frame), []
    rng, counts = np.random.default_rng([seed, shorter.n, frame.order]), list(chunks(replicates, shorter.n))
    with Progress(SIMULATING, len(counts) * len(frame.lags)) as progress:
        for count in counts:
            left, right = (series_like(memory, frame, shorter.n, count, rng) for memory in (x, y))
            found = []
            for each in shorter.squares(left, right):
                found.append(z_of(np.asarray(each.coefficients())))
                progress.advance()
            parts.append(np.stack(found, axis=-2))
    return null_of(np.concatenate(parts) * np.sqrt(shorter.boxes() / frame.boxes()))


def memory_key(memory: Memory, order: int) -> Memory:
    """The memory with its α rounded."""
    return memory if isinstance(memory, Spectrum) else rounded(memory, order)


def chunks(replicates: int, samples: int) -> Iterator[int]:
    """How many replicates to simulate at a time, if each takes so many samples."""
    most = max(1, SAMPLES // samples)
    yield from [most] * (replicates // most)
    if replicates % most:
        yield replicates % most


def series_like(memory: Memory, frame: Frame, n: int, count: int, rng: np.random.Generator) -> Series:
    """Gaussian series with this memory: ARFIMA(0, α - 1/2, 0), or random phases for a spectrum."""
    if isinstance(memory, Spectrum):
        sums = max(0, math.floor(memory.alpha - 0.5))
        steps = np.diff(_joined(memory.series, frame.breaks), n=sums)
        drift = steps.mean() * rng.standard_normal((count, 1))  # the lowest frequency of the differences, which has no phase
        return _summed(phase_randomised(_shortened(steps - steps.mean(), n - sums), count, seed=rng) + drift, sums)
    return arfima_of(memory, n, count, rng)


def shorter_frame(frame: Frame) -> Frame:
    """The frame of the series to simulate: far from its ends a series looks the same everywhere."""
    n = max(LONGEST, 4 * frame.sizes[-1]) + frame.n - frame.compared
    return frame if frame.n <= n else frame._replace(n=n, breaks=())


def _summed(steps: Series, sums: int) -> Series:
    """The series of which these are the differences."""
    for _ in range(sums):
        steps = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=-1)
    return steps


def _joined(x: Series, breaks: tuple[int, ...]) -> Series:
    """The series without the steps between its stretches, which no box sees: each begins at the level at which the one before ends."""
    x = x.copy()
    for place in breaks:
        x[place:] += x[max(place - NEAR, 0) : place].mean() - x[place : place + NEAR].mean()
    return x


def _shortened(x: Series, n: int) -> Series:
    """A series of `n` samples with the mean spectrum of consecutive stretches of `x`, as long as they."""
    if len(x) == n:
        return x
    stretches = x[: len(x) // n * n].reshape(-1, n)
    power = np.mean(np.abs(np.fft.rfft(stretches - stretches.mean(axis=-1, keepdims=True))) ** 2, axis=0)
    return np.asarray(np.fft.irfft(np.sqrt(power), n=n))
