"""Heartbeat-evoked potentials as vectors, and whether successive ones point in similar directions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

import wcdfa
from studies.biology.exponents import LONG, SHORT, WHOLE

Floats = npt.NDArray[np.float64]
FROM, UNTIL = 0.2, 0.6  # seconds after a beat
FEWEST, SHIFTS = 100, 200
FEWEST_FOR_ALPHA = 4 * WHOLE[-1]
ROUNDING = 1e-12
"""A vector smaller than this share of the largest one holds nothing but rounding errors."""


class Recording(NamedTuple):
    """Signals of the brain, and the beats of the heart."""

    signals: Floats  # (channels, samples)
    rate: float  # samples a second
    beats: Floats  # seconds from the first sample


class Directions(NamedTuple):
    """What a recording shows."""

    beats: int
    cosine: float
    """Mean cosine of successive evoked potentials."""
    without_mean: float
    """The same after the mean over all beats is taken away; NaN if this leaves nothing."""
    null: tuple[float, float]
    """Middle 95 % of the mean cosine with shifted beats."""
    p: float
    alpha: tuple[float, float]
    """α of the differences of successive ones as a vector, at 4–16 and 16–64 beats; NaN below 256 beats."""
    spread: float
    """Half the width of the middle 68 % of the intervals between beats, in seconds: for normal ones their standard deviation."""

    @property
    def regular(self) -> bool:
        """Whether beats come so evenly that shifted windows lie at nearly the same time after each beat, and hide a direction."""
        return self.spread < (UNTIL - FROM) / 40


def potentials(recording: Recording, beats: Floats) -> Floats:
    """One vector for each beat whose times lie inside the recording: channels × times, each channel without its mean there."""
    signals, rate = recording.signals, recording.rate
    offsets = np.arange(round(FROM * rate), round(UNTIL * rate))
    starts = np.round(np.sort(beats) * rate).astype(int)
    starts = starts[(starts >= 0) & (starts + offsets[-1] < signals.shape[-1])]
    found = signals[:, starts[:, None] + offsets].swapaxes(0, 1)
    return np.asarray((found - found.mean(axis=-1, keepdims=True)).reshape(len(starts), len(signals) * len(offsets)))


def mean_cosine(vectors: Floats, least: float = 0.0) -> float:
    """Of successive vectors; those of a size up to `least` are left out. NaN if fewer than two are left."""
    sizes = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units = vectors[sizes[:, 0] > least] / sizes[sizes[:, 0] > least]
    return float((units[1:] * units[:-1]).sum(axis=-1).mean()) if len(units) > 1 else float("nan")


def vector_slopes(steps: Floats) -> tuple[float, float]:
    """α of a vector series (times, coordinates) in both ranges: slopes of F(s) = √Σ F_k²(s), each coordinate as it is.

    >>> steps = np.random.default_rng(0).standard_normal((2000, 30))
    >>> [round(each, 1) for each in vector_slopes(steps)]
    [0.6, 0.5]
    """
    if len(steps) < FEWEST_FOR_ALPHA - 1:
        return float("nan"), float("nan")
    _, fluctuations = wcdfa.fluctuations(steps, axis=0, scales=WHOLE)
    log_f = 0.5 * np.log((fluctuations**2).sum(axis=0))
    found = []
    for sizes in (SHORT, LONG):
        kept = np.isin(WHOLE, sizes)
        found.append(float(np.polyfit(np.log(sizes), log_f[kept], 1)[0]))
    return found[0], found[1]


def directions(recording: Recording, seed: int = 0, shifts: int = SHIFTS) -> Directions:
    """Compare the mean cosine with that of all beats shifted by one random time, which are no beats any more.

    Raises
    ------
    ValueError
        If there are fewer than 100 beats, or the signals are still after most beats or most shifted ones.
    """
    vectors = potentials(recording, recording.beats)
    if len(vectors) < FEWEST:
        msg = f"{len(vectors)} beats have a whole evoked potential, and at least {FEWEST} are needed; give a longer recording"
        raise ValueError(msg)
    sizes = np.linalg.norm(vectors, axis=-1)
    least, seconds = ROUNDING * float(sizes.max()), recording.signals.shape[-1] / recording.rate
    rng = np.random.default_rng(seed)
    moved = [(recording.beats + by) % seconds for by in rng.uniform(1, seconds - 1, size=shifts)]
    null = np.array([mean_cosine(potentials(recording, beats), least) for beats in moved])
    moving = int((sizes > least).sum())
    if moving < FEWEST or not np.isfinite(null).all():
        msg = (
            f"the signals vary after {moving} of {len(vectors)} beats, and at least {FEWEST} are needed; leave still stretches out"
        )
        raise ValueError(msg)
    cosine, (low, high) = mean_cosine(vectors, least), np.percentile(null, [2.5, 97.5])
    return Directions(
        beats=len(vectors),
        cosine=cosine,
        without_mean=mean_cosine(vectors - vectors.mean(axis=0), least),
        null=(float(low), float(high)),
        p=float((1 + (null >= cosine).sum()) / (1 + shifts)),
        alpha=vector_slopes(np.diff(vectors, axis=0)),
        spread=float(np.subtract(*np.percentile(np.diff(np.sort(recording.beats)), [84, 16])) / 2),
    )


def made_up(strength: float, seed: int, seconds: float = 300.0, channels: int = 4, rate: float = 100.0) -> Recording:
    """Noise with memory, of unit variance, and in each channel the same wave after each beat.

    Parameters
    ----------
    strength : float
        Height of the wave, in standard deviations of the noise; 0 for no evoked potential.
    """
    rng = np.random.default_rng(seed)
    beats = np.cumsum(0.85 + 0.05 * rng.standard_normal(int(seconds / 0.85)))
    beats = beats[beats < seconds]
    phi, samples = 0.9, int(seconds * rate)
    noise = lfilter([np.sqrt(1 - phi**2)], [1.0, -phi], rng.standard_normal((channels, samples + 200)), axis=-1)[:, 200:]
    times = np.arange(0, 0.8, 1 / rate)
    wave = np.exp(-0.5 * ((times - 0.35) / 0.08) ** 2) * np.cos(2 * np.pi * 4 * (times - 0.35))
    impulses = np.zeros(samples)
    np.add.at(impulses, np.minimum((beats * rate).round().astype(int), samples - 1), strength)
    return Recording(noise + np.convolve(impulses, wave)[:samples], rate, beats)
