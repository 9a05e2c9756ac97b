"""Effects with intervals: over seeds by bootstrap, shares, partial rank correlations, and what a feature adds to a prediction."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Interval = tuple[float, float, float]
"""Estimate, lower and upper end."""
RESAMPLES = 2000


def interval_of_mean(x: npt.ArrayLike, level: float = 0.95, seed: int = 0) -> Interval:
    """Mean with its bootstrap interval (bias-corrected, accelerated). NaN are left out; below 3 numbers the ends are NaN.

    >>> interval_of_mean([1.0, 2.0, 3.0, 4.0])[0]
    2.5
    """
    return _interval(x, np.mean, level, seed)


def interval_of_median(x: npt.ArrayLike, level: float = 0.95, seed: int = 0) -> Interval:
    """Median with its bootstrap interval (percentiles). NaN are left out; below 3 numbers the ends are NaN."""
    return _interval(x, np.median, level, seed, method="percentile")


def _interval(x: npt.ArrayLike, statistic: Callable[..., float], level: float, seed: int, method: str = "BCa") -> Interval:
    values = np.asarray(x, dtype=float).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan, math.nan
    estimate = float(statistic(values))
    if len(values) < 3:
        return estimate, math.nan, math.nan
    if np.ptp(values) == 0:  # nothing to resample
        return estimate, estimate, estimate
    rng = np.random.default_rng(seed)
    found = stats.bootstrap((values,), statistic, confidence_level=level, n_resamples=RESAMPLES, method=method, rng=rng)
    return estimate, float(found.confidence_interval.low), float(found.confidence_interval.high)


def interval_of_share(hits: int, trials: int, level: float = 0.95) -> Interval:
    """Share with its Wilson interval.

    >>> [round(each, 2) for each in interval_of_share(9, 10)]
    [0.9, 0.6, 0.98]
    """
    if not trials:
        return math.nan, math.nan, math.nan
    found = stats.binomtest(int(hits), int(trials)).proportion_ci(level, "wilson")
    return hits / trials, float(found.low), float(found.high)


def sign_test(x: npt.ArrayLike) -> float:
    """Two-sided p that positive and negative values are equally frequent; zeros and NaN are left out.

    >>> sign_test([1, 2, 3, 4, 5, 6])
    0.03125
    """
    values = np.asarray(x, dtype=float)
    positive, negative = int((values > 0).sum()), int((values < 0).sum())
    return float(stats.binomtest(positive, positive + negative).pvalue) if positive + negative else 1.0


def partial_spearman(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    given: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Rank correlation of a and b after what ranks of the columns of `given` explain of both, with a bootstrap interval.

    Rows with NaN are left out. With `groups` (for example seeds), whole groups are resampled, because rows of one group depend on each
    other.
    """
    rows = np.column_stack([np.asarray(a, dtype=float), np.asarray(b, dtype=float), np.asarray(given, dtype=float)])
    kept = np.isfinite(rows).all(axis=1)
    rows = rows[kept]
    names = np.arange(len(rows)) if groups is None else np.asarray(groups)[kept]
    members = [np.flatnonzero(names == each) for each in np.unique(names)]
    if len(members) < 5:
        return (_partial(rows) if len(rows) > rows.shape[1] + 1 else math.nan), math.nan, math.nan
    rng = np.random.default_rng(seed)
    picked = (np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]) for _ in range(RESAMPLES // 4))
    tail = 50 * (1 - level)
    low, high = np.nanpercentile([_partial(rows[each]) for each in picked], [tail, 100 - tail])
    return _partial(rows), float(low), float(high)


def _partial(rows: npt.NDArray[np.float64]) -> float:
    ranks = stats.rankdata(rows, axis=0)
    ones = np.column_stack([np.ones(len(ranks)), ranks[:, 2:]])
    left = ranks[:, :2] - ones @ np.linalg.lstsq(ones, ranks[:, :2], rcond=None)[0]
    scale = math.sqrt(float((left[:, 0] ** 2).sum() * (left[:, 1] ** 2).sum()))
    return float((left[:, 0] * left[:, 1]).sum()) / scale if scale > 1e-9 * len(ranks) ** 3 else math.nan


def held_out_gain(
    features: npt.ArrayLike, base: npt.ArrayLike, target: npt.ArrayLike, groups: npt.ArrayLike | None = None, seed: int = 0
) -> Interval:
    """What features add to a prediction from `base`: the gain in R² on data held out, with a bootstrap interval.

    Ridge regressions on the ranks of all columns, five folds, ten times; rows of one group stay in one fold, and whole groups are
    resampled. NaN below ten groups.
    """
    base, features = (np.asarray(each, dtype=float).reshape(len(np.asarray(target)), -1) for each in (base, features))
    rows = np.column_stack([np.asarray(target, dtype=float), base, features])
    kept = np.isfinite(rows).all(axis=1)
    names = np.unique(np.arange(len(rows)) if groups is None else np.asarray(groups), return_inverse=True)[1][kept]
    rows = stats.rankdata(rows[kept], axis=0)
    if len(np.unique(names)) < 10:
        return math.nan, math.nan, math.nan
    y = rows[:, 0] - rows[:, 0].mean()
    rng = np.random.default_rng(seed)
    gains = np.mean(
        [_fold_gains(rows[:, 1:], base.shape[1], y, rng.permutation(names.max() + 1)[names]) for _ in range(10)], axis=0
    )
    by_group = np.bincount(names, gains), np.bincount(names, y**2)
    picks = rng.integers(names.max() + 1, size=(RESAMPLES, names.max() + 1))
    low, high = np.percentile(by_group[0][picks].sum(axis=1) / by_group[1][picks].sum(axis=1), [2.5, 97.5])
    return float(gains.sum() / (y**2).sum()), float(low), float(high)


def _fold_gains(
    x: npt.NDArray[np.float64], few: int, y: npt.NDArray[np.float64], groups: npt.NDArray[np.int_]
) -> npt.NDArray[np.float64]:
    """Of each row, by how much its squared error falls with all columns instead of the first few. Groups have random numbers."""
    gains = np.zeros(len(y))
    for fold in range(5):
        test, train = groups % 5 == fold, groups % 5 != fold
        errors = []
        for columns in (few, x.shape[1]):
            model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
            predicted = model.fit(x[train, :columns], y[train]).predict(x[test, :columns])
            errors.append((y[test] - predicted) ** 2)
        gains[test] = errors[0] - errors[1]
    return gains


def spread_text(value: float, low: float, high: float, digits: int = 2) -> str:
    """An estimate with its interval, as text.

    >>> spread_text(0.4321, 0.31, 0.552)
    '0.43 (0.31 to 0.55)'
    >>> spread_text(14200.0, 12100.0, 16300.0, digits=0)
    '14,200 (12,100 to 16,300)'
    >>> spread_text(-0.001, -0.2, 0.1)
    '0.00 (-0.20 to 0.10)'
    """
    estimate, *ends = (f"{each:z,.{digits}f}" if math.isfinite(each) else "unknown" for each in (value, low, high))
    return f"{estimate} ({' to '.join(ends)})" if "unknown" not in ends else f"{estimate} (no interval)"
