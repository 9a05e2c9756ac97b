"""Which share of the variance of a measure each factor explains."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.common.statistics import Interval

RESAMPLES = 1000
NOTHING: Interval = (math.nan, math.nan, math.nan)


def share(runs: pd.DataFrame, measure: str, factor: str, cell: Sequence[str], seed: int = 0) -> Interval:
    """η² of a factor: its sum of squares over the total. The 95 % interval resamples the runs within each cell.

    >>> runs = pd.DataFrame({"x": [1.0, 1.1, 2.0, 2.1], "of": ["a", "a", "b", "b"]})
    >>> round(share(runs, "x", "of", ["of"])[0], 3)
    0.99
    """
    runs = runs[np.isfinite(runs[measure].astype(float))] if measure in runs else runs[:0]
    if len(runs) < 3 or runs[factor].nunique() < 2:
        return NOTHING
    values, levels = runs[measure].to_numpy(float), pd.factorize(runs[factor])[0]
    rng = np.random.default_rng(seed)
    picks = np.concatenate([rng.choice(each, size=(RESAMPLES, len(each))) for each in _members(runs, cell)], axis=1)
    low, high = np.nanpercentile(_eta(values, levels, picks), [2.5, 97.5])
    return float(_eta(values, levels, np.arange(len(values)))), float(low), float(high)


def _members(runs: pd.DataFrame, cell: Sequence[str]) -> list[npt.NDArray[np.intp]]:
    """The places of the runs of each cell."""
    names = runs.groupby(list(cell), sort=True, dropna=False).ngroup().to_numpy()
    return [np.flatnonzero(names == each) for each in np.unique(names)]


def _eta(values: npt.NDArray[np.float64], levels: npt.NDArray[np.intp], picked: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """η² of the picked runs, for each row of picks."""
    chosen = values[picked] - values[picked].mean(axis=-1, keepdims=True)
    belongs = levels[picked][..., np.newaxis] == np.unique(levels)
    counts, sums = belongs.sum(axis=-2), (chosen[..., np.newaxis] * belongs).sum(axis=-2)
    total = (chosen**2).sum(axis=-1)
    between = (sums**2 / np.maximum(counts, 1)).sum(axis=-1)
    return np.asarray(np.divide(between, total, out=np.full(np.shape(total), math.nan), where=total > 0))
