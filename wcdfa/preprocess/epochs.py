"""The pattern that repeats with each epoch, if there is one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from wcdfa.preprocess.outliers import ROUNDING, Values, median_of_numbers

Numbers = npt.NDArray[np.int64]

CHANCE = 0.01  # probability of seeing an epoch pattern where there is none


def epoch_pattern(x: Values, time: Numbers, length: int, spacing: int, shifts: list[int]) -> Values:
    """The pattern that repeats with each epoch: the median at each phase, or zeros where no pattern stands out."""
    if isinstance(length, bool) or int(length) != length or length < 2:
        msg = f"epoch_length must be a whole number of steps, at least 2, got {length!r}"
        raise ValueError(msg)
    period = math.lcm(int(length), spacing)  # within it, every phase that is ever recorded is recorded once
    since = time - time[0]
    (phases, column), (rows, row) = (np.unique(part, return_inverse=True) for part in (since % period, since // period))
    if len(phases) < 2:
        msg = f"records every {spacing:,} steps show one phase of epochs of {length:,} steps only; leave epoch_length out"
        raise ValueError(msg)
    whole = np.bincount(row) > len(phases) / 2
    periods = min((since[-1] + spacing) / period, float(np.sum(whole)))
    if periods < 3:
        what = f"{periods:.2g} periods of {period:,} steps (epochs of {length:,}, a record every {spacing:,})"
        msg = f"the series covers {what}, and at least 3 are needed; give a larger window, or no epoch_length"
        raise ValueError(msg)
    flat = x - np.concatenate([np.full(len(part), np.median(part)) for part in np.split(x, shifts)])
    index = row * len(phases) + column
    flat = flat - _drift(np.interp(np.arange(index[-1] + 1), index, flat), len(phases))[index]
    spread = np.std(flat)
    if spread <= ROUNDING * np.max(np.abs(x)):
        return np.zeros(len(x))
    table = np.full((len(rows), len(phases)), np.nan)
    table[row, column] = flat
    bound = max(5 * 1.4826 * np.median(np.abs(flat)), spread)  # a lone spike is no pattern
    if not _repeats(np.nan_to_num(np.clip(table[whole], -bound, bound))):
        return np.zeros(len(x))
    pattern: Values = median_of_numbers(table.T)[column]
    return pattern - np.mean(pattern)


def _drift(x: Values, width: int) -> Values:
    """Mean over the epoch around each sample, extended to both ends by straight lines: changes slower than an epoch are no epoch pattern."""
    total = np.cumsum(np.concatenate([[0.0], x]))
    means = (total[width:] - total[:-width]) / width
    far = min(width, len(means) - 1)
    first, last = (means[far] - means[0]) / far, (means[-1] - means[-1 - far]) / far
    places = np.concatenate([[0.0], np.arange(len(means)) + (width - 1) / 2, [len(x) - 1.0]])
    ends = means[0] - first * places[1], means[-1] + last * (places[-1] - places[-2])
    drift: Values = np.interp(np.arange(len(x)), places, np.concatenate([ends[:1], means, ends[1:]]))
    return drift


def _repeats(table: Values) -> bool:
    """Whether the epochs ``(epochs, phases)`` agree beyond chance: strongly in one harmonic (a wave) or a little in all (an edge)."""
    wave = _agreement(table)
    # take differences: a random walk leaks from its ends into all harmonics at once, its differences do not
    edge = _agreement(np.diff(table.ravel(), prepend=table[-1, -1]).reshape(table.shape))
    number, total = len(edge), float(np.sum(edge))
    in_one = np.log(number) - np.max(wave)
    in_all = number - total + number * np.log(total / number) if total > number else 0.0  # Chernoff, sum of exponentials
    return bool(min(in_one, in_all) < np.log(CHANCE / 2))


def _agreement(table: Values) -> Values:
    """-log p of the F-test, for each harmonic, that its mean over the epochs is zero; valid for noise of any color."""
    epochs, phases = table.shape
    waves = np.fft.rfft(table, axis=1)[:, 1:]
    mean = np.mean(waves, axis=0)
    spread = np.sum(np.abs(waves - mean) ** 2, axis=0)
    ratio: Values = epochs * np.abs(mean) ** 2 / np.maximum(spread, ROUNDING**2 * np.max(np.abs(waves)) ** 2 + 1e-300)
    freedom = np.full(waves.shape[1], epochs - 1.0)
    freedom[-1] /= 2 - phases % 2  # the last harmonic of an even number is real
    return freedom * np.log1p(ratio)
