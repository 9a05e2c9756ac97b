"""Refuses what is no recording of EEG with heart beats, and says what to change."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from studies.biology.evoked import Floats, Recording

ARRAYS = "eeg (channels, samples), rate (samples a second) and beats (seconds from the first sample)"
SLOWEST = 20
"""Samples a second, with which a potential of 0.4 seconds has eight."""
SOONEST = 0.2
"""Seconds after a beat within which no heart beats again."""
STILL = 1e-12
"""A channel whose range is smaller than this share of its largest value has nothing but rounding errors."""


def numbers(name: str, values: object) -> Floats:
    """An array of a file as floats.

    Raises
    ------
    ValueError
        If it is no array of real numbers.
    """
    if not isinstance(values, np.ndarray):
        _refuse(f"{name} is not an array; write the file with numpy.savez")
    if values.dtype.kind not in "iuf":
        _refuse(f"{name} holds {values.dtype}; it must hold real numbers")
    return np.asarray(values, dtype=float)


def recording(found: Mapping[str, Floats]) -> Recording:
    """The recording that arrays from a file are.

    Raises
    ------
    ValueError
        If an array is missing, or shapes or numbers are not those of a recording.
    """
    missing = {"eeg", "rate", "beats"} - set(found)
    if missing:
        _refuse(f"it lacks {', '.join(sorted(missing))}; it needs {ARRAYS}")
    rate, beats = found["rate"], found["beats"]
    if rate.size != 1:
        _refuse(f"rate has shape {rate.shape}; it must be one number, in samples a second")
    if beats.size != max(beats.shape, default=1):
        _refuse(f"beats has shape {beats.shape}; it must be one row of times in seconds from the first sample")
    return checked(Recording(np.atleast_2d(found["eeg"]), rate.item(), beats.ravel()))


def checked(given: Recording) -> Recording:
    """The recording with beats in order and its largest value 1, so that no square is too large or too small for a float.

    Raises
    ------
    ValueError
        If shapes or numbers are not those of a recording.
    """
    signals, rate, beats = given
    _check_rate(rate)
    _check_signals(signals)
    _check_beats(np.sort(beats), signals.shape[1] / rate)
    return Recording(signals / np.abs(signals).max(), rate, np.sort(beats))


def _check_rate(rate: float) -> None:
    if not math.isfinite(rate):
        _refuse("rate is not finite; give it in samples a second")
    if rate < SLOWEST:
        _refuse(f"rate is {rate:g} samples a second; at least {SLOWEST} are needed to see a potential of 0.4 seconds")


def _check_signals(signals: Floats) -> None:
    if signals.ndim != 2 or not signals.size:
        _refuse(f"eeg has shape {signals.shape}; it must be (channels, samples), with at least one of each")
    if signals.shape[0] > signals.shape[1]:
        _refuse(f"eeg has shape {signals.shape}, more channels than samples; it must be (channels, samples): give eeg.T")
    bad = int((~np.isfinite(signals)).sum())
    if bad:
        _refuse(
            f"{bad:,} of {signals.size:,} values of eeg are not finite; they must be finite: leave bad stretches or channels out"
        )
    largest = np.abs(signals).max(axis=1)
    scaled = signals / np.where(largest > 0, largest, 1)[:, None]
    still = np.flatnonzero(np.ptp(scaled, axis=1) < STILL)
    if len(still):
        which = ", ".join(map(str, still[:8])) + (" …" if len(still) > 8 else "")
        _refuse(f"{len(still)} of {len(signals)} channels of eeg do not vary (counted from 0: {which}); leave them out")


def _check_beats(beats: Floats, seconds: float) -> None:
    if not beats.size:
        _refuse("beats is empty; give the times of heart beats in seconds from the first sample")
    bad = int((~np.isfinite(beats)).sum())
    if bad:
        _refuse(f"{bad:,} of {len(beats):,} beats are not finite; leave them out")
    if beats[0] < 0 or beats[-1] > seconds:
        _refuse(
            f"beats lie between {beats[0]:g} and {beats[-1]:g} s, the recording between 0 and {seconds:g} s; "
            "give them in seconds from the first sample"
        )
    near = int((np.diff(beats) < SOONEST).sum())
    if near:
        _refuse(
            f"{near:,} of {len(beats):,} beats come less than {SOONEST:g} s after another; leave out beats that are there twice"
        )


def _refuse(why: str) -> None:
    raise ValueError(why)
