"""Compares α of groups of runs, such as those of several seeds, by the spread of the runs in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.analysis.comparison import Difference, at_steps, student_quantile, student_tail
from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.readers.columns import Integers
from wcdfa.readers.series import RecordedSeries

Values = npt.NDArray[np.float64]


class GroupComparison(NamedTuple):
    """The difference of the mean α of two groups of runs, on the steps that all runs have."""

    mean: Difference
    """By the mean α of each run over windows that share no samples."""
    run: Difference
    """By one α of each whole run; NaN if a run has none."""
    spreads: tuple[tuple[float, float], tuple[float, float]]
    """Standard deviation between the runs of the reference and of the other group, of either α; NaN for one run."""


def compare_groups(reference: Sequence[RecordedSeries], other: Sequence[RecordedSeries], settings: Settings) -> GroupComparison:
    """Compare two groups of runs over the steps that all of them have, with an interval that tells how much runs of a group differ.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> series = [wcdfa.synthetic.arfima(1000, d=d, seed=seed) for seed, d in enumerate((0.0, 0.0, 0.0, 0.4, 0.4, 0.4))]
    >>> runs = [RecordedSeries(Path("run"), "", "norms", x, None, None, None, 0, ()) for x in series]
    >>> mean = compare_groups(runs[:3], runs[3:], Settings(log=False)).mean
    >>> mean.low > 0, mean.p_value < 0.05
    (True, True)

    Parameters
    ----------
    reference, other : list of RecordedSeries
        One series of each run. With one run in a group there is no interval, and low, high and p are NaN.
    settings : Settings
        How each is judged.

    Raises
    ------
    ValueError
        If no step is in all runs, or a run has no window with an α there.

    References
    ----------
    B. L. Welch, Biometrika 34, 28 (1947), doi:10.1093/biomet/34.1-2.28.
    """
    every = [*reference, *other]
    steps = _common(every)
    settings = replace(settings, diagnosis=False)
    analyses = [analyze(at_steps(each, steps), settings) for each in every]
    span, count = (int(steps[0]), int(steps[-1])), len(reference)
    means = np.array([_mean_alpha(each) for each in analyses])
    if missing := [each.series.name for each, mean in zip(analyses, means, strict=True) if math.isnan(mean)]:
        msg = f"{missing[0]} has no window with an α in steps {span[0]:,} to {span[1]:,}, which all runs have: leave it out"
        raise ValueError(msg)
    whole = np.array([each.run.alpha for each in analyses])
    return GroupComparison(
        welch(means[:count], means[count:], span),
        welch(whole[:count], whole[count:], span),
        ((_spread(means[:count]), _spread(means[count:])), (_spread(whole[:count]), _spread(whole[count:]))),
    )


def _common(every: Sequence[RecordedSeries]) -> Integers:
    """The steps that all series have; those of a series without steps count from 1."""
    steps = [np.arange(1, len(each.values) + 1) if each.steps is None else each.steps for each in every]
    both = reduce(lambda one, two: np.intersect1d(one, two, assume_unique=True), steps)
    if not both.size:
        ranges = ", ".join(f"{each.name} {int(own[0]):,} to {int(own[-1]):,}" for each, own in zip(every, steps, strict=True))
        msg = f"no step is in all runs: {ranges}"
        raise ValueError(msg)
    return both


def _mean_alpha(analysis: Analysis) -> float:
    """Mean α over windows that share no samples and have one; NaN if none has."""
    settings = analysis.settings
    apart = -(-settings.window // (settings.stride or settings.window))
    known = [each.alpha for each in analysis.judged.verdicts[::apart] if each.regime is not None]
    return float(np.mean(known)) if known else math.nan


def _spread(alphas: Values) -> float:
    return float(np.std(alphas, ddof=1)) if len(alphas) > 1 else math.nan


def welch(reference: Values, other: Values, span: tuple[int, int]) -> Difference:
    """The difference of two means, with the interval and the p-value of Welch's test; NaN if there is one value on a side.

    >>> found = welch(np.array([0.5, 0.6, 0.7]), np.array([0.9, 1.0, 1.1]), (1, 500))
    >>> print(f"{found.difference:.2f} ({found.low:.2f} to {found.high:.2f}), p = {found.p_value:.3f}")
    0.40 (0.17 to 0.63), p = 0.008
    """
    means = float(reference.mean()), float(other.mean())
    errors = [_spread(each) ** 2 / len(each) for each in (reference, other)]
    difference, error = means[1] - means[0], math.sqrt(sum(errors))
    if not error > 0:
        return Difference(*span, *means, difference, math.nan, math.nan, math.nan)
    freedom = sum(errors) ** 2 / sum(each**2 / (len(own) - 1) for each, own in zip(errors, (reference, other), strict=True))
    reach = student_quantile(freedom) * error
    return Difference(*span, *means, difference, difference - reach, difference + reach, student_tail(difference / error, freedom))
