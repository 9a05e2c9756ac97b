"""Computes the difference of α between runs, with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.inference.exponent import normal_quantile
from wcdfa.readers.columns import Integers
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import several

CONFIDENCE = 0.95
NAMES = ("alpha", "low", "high")
Values = TypeVar("Values", bound=np.generic)


class Difference(NamedTuple):
    """α of another run minus α of the reference, in a window of the same steps, or as the mean over windows."""

    first_step: int
    last_step: int
    reference: float
    """α of the reference."""
    other: float
    """α of the other run."""
    difference: float
    low: float
    high: float
    p_value: float
    """The two-sided p-value of no difference."""


class Comparison(NamedTuple):
    """The differences of α between two runs, window by window and on average."""

    windows: tuple[Difference, ...]
    mean: Difference
    """The mean over windows that share no samples."""
    run: Difference
    """The same for one α of each whole run, which noise of each step does not bias; NaN if a run has none."""


def compare(reference: RecordedSeries, other: RecordedSeries, settings: Settings) -> Comparison:
    """Compare α of two runs, window by window, over the steps that both have.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> one, two = (wcdfa.synthetic.arfima(2000, d=d, seed=seed) for seed, d in enumerate((0.0, 0.4)))
    >>> series = [RecordedSeries(Path("run"), "", "norms", x, None, None, None, 0, ()) for x in (one, two)]
    >>> mean = compare(*series, Settings(log=False)).mean
    >>> print(f"{mean.difference:.2f} ({mean.low:.2f}–{mean.high:.2f})")
    0.40 (0.31–0.50)

    The interval says how uncertain the difference between these two runs is; runs with other seeds may differ by more. The steps of a
    series without steps are counted from 1.

    Parameters
    ----------
    reference, other : RecordedSeries
    settings : Settings
        How both are judged; the windows are those of the steps that both have.

    Raises
    ------
    ValueError
        If no step is in both series, or there is no window in which both have an α.
    """
    steps = [np.arange(1, len(each.values) + 1) if each.steps is None else each.steps for each in (reference, other)]
    both = np.intersect1d(steps[0], steps[1], assume_unique=True)
    if not both.size:
        (a, b), (c, d) = ((int(each[0]), int(each[-1])) for each in steps)
        msg = f"{reference.name} has steps {a:,} to {b:,} and {other.name} {c:,} to {d:,}: no step is in both"
        raise ValueError(msg)
    common = [at_steps(each, both) for each in (reference, other)]
    try:
        one, two = (analyze(each, settings) for each in common)
    except ValueError as error:
        msg = f"{reference.name} and {other.name} have {several(len(both), 'step', 'steps')} in common: {error}"
        raise ValueError(msg) from error
    count, apart = len(one.judged.starts), -(-settings.window // (settings.stride or settings.window))
    mean = _mean(one, two, range(0, count, apart))
    if math.isnan(mean.difference):
        msg = f"{reference.name} and {other.name} have no window in which both have an α"
        raise ValueError(msg)
    windows = tuple(_mean(one, two, range(i, i + 1)) for i in range(count))
    return Comparison(windows, mean, _of_runs(one, two, int(both[0]), int(both[-1])))


def at_steps(series: RecordedSeries, steps: Integers) -> RecordedSeries:
    """The series at some of its steps; those of a series without steps count from 1."""
    places = steps - 1 if series.steps is None else np.searchsorted(series.steps, steps)

    def chosen(values: npt.NDArray[Values] | None) -> npt.NDArray[Values] | None:
        return None if values is None else values[places]

    apart = int(np.median(np.diff(places))) if len(places) > 1 else 1  # where the other run was logged less often
    return series._replace(
        values=series.values[places],
        steps=steps,
        lr=chosen(series.lr),
        loss=chosen(series.loss),
        thinned=series.thinned * apart,
        gradients=chosen(series.gradients),
        varying={name: values[places] for name, values in series.varying.items()},
    )


def _mean(one: Analysis, two: Analysis, windows: range) -> Difference:
    """Mean α of the two series over the windows in which both have one, and the difference.

    The interval is computed from the intervals of the two α, for each side separately, with the method MOVER of G. Y. Zou and
    A. Donner, Stat. Med. 27, 1693 (2008), doi:10.1002/sim.3095.
    """
    figures = np.array([[[getattr(each.judged.verdicts[i], name) for i in windows] for name in NAMES] for each in (one, two)])
    known = np.isfinite(figures).all(axis=(0, 1))
    steps = one.step(int(one.judged.starts[windows[0]])), one.step(int(one.judged.stops[windows[-1]]) - 1)
    if not known.any():
        return Difference(*steps, *[math.nan] * 6)
    alpha, low, high = np.moveaxis(figures[:, :, known], 1, 0)
    below, above = (np.sqrt(np.sum(reach**2, axis=-1)) / known.sum() for reach in (alpha - low, high - alpha))
    return _difference(steps, alpha.mean(axis=-1), below, above)


def _of_runs(one: Analysis, two: Analysis, first: int, last: int) -> Difference:
    alpha, low, high = np.array([[getattr(each.run, name) for each in (one, two)] for name in NAMES])
    return _difference((first, last), alpha, alpha - low, high - alpha)


def _difference(
    steps: tuple[int, int], alphas: npt.NDArray[np.float64], below: npt.NDArray[np.float64], above: npt.NDArray[np.float64]
) -> Difference:
    """The difference of two α, whose intervals reach so far below and above them; NaN if one of them is."""
    reference, other = (float(alpha) for alpha in alphas)
    difference = other - reference
    if math.isnan(difference):
        return Difference(*steps, reference, other, *[math.nan] * 4)
    down, up = float(np.hypot(below[1], above[0])), float(np.hypot(above[1], below[0]))
    toward = down if difference > 0 else up
    deviations = abs(difference) / toward * normal_quantile(CONFIDENCE) if toward > 0 else math.nan
    p_value = 2 * NormalDist().cdf(-deviations)
    return Difference(*steps, reference, other, difference, difference - down, difference + up, p_value)


def mean_of_runs(alphas: npt.ArrayLike) -> tuple[float, float, float, float]:
    """Mean α of two or more runs, its interval by Student's t, and the standard deviation between runs.

    >>> mean, low, high, spread = mean_of_runs([0.9, 1.0, 1.1])
    >>> print(f"{mean:.2f} ({low:.2f}–{high:.2f}), spread {spread:.2f}")
    1.00 (0.75–1.25), spread 0.10
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    mean, spread = float(alphas.mean()), float(alphas.std(ddof=1))
    reach = student_quantile(alphas.size - 1) * spread / math.sqrt(alphas.size)
    return mean, mean - reach, mean + reach, spread


def student_quantile(freedom: float) -> float:
    """The two-sided quantile of Student's t at `CONFIDENCE`.

    >>> print(f"{student_quantile(1):.3f} {student_quantile(2):.3f} {student_quantile(30):.3f}")
    12.706 4.303 2.042
    """
    angle, mass = _student(freedom)
    return math.sqrt(freedom) * math.tan(float(np.interp(CONFIDENCE, mass, angle)))


def student_tail(t: float, freedom: float) -> float:
    """The probability of a value of Student's t at least as far from 0, on either side.

    >>> print(f"{student_tail(2.042, 30):.3f} {student_tail(-12.706, 1):.3f}")
    0.050 0.050
    """
    angle, mass = _student(freedom)
    return float(1 - np.interp(math.atan(abs(t) / math.sqrt(freedom)), angle, mass))


def _student(freedom: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Angles u from 0 to π/2, and the probability that |t| is below √ν tan u, whose density is that of cos^(ν-1) u."""
    angle = np.linspace(0, math.pi / 2, 100_001)
    density = np.cos(angle) ** (freedom - 1)
    mass = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return angle, mass / mass[-1]
