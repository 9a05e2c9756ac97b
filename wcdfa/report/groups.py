"""Measures α of each group of parameters in the windows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.analysis.series import Analysis, judgeable
from wcdfa.inference.prepared import measured
from wcdfa.preprocess.preparation import Prepared
from wcdfa.readers.columns import Floats
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import shown
from wcdfa.verdicts.windows import prepared_windows


class GroupAlphas(NamedTuple):
    """α of each group in each window with its interval, each of shape (groups, windows); NaN if there is no α."""

    names: tuple[str, ...]
    alpha: Floats
    low: Floats
    high: Floats


def groups_in(analysis: Analysis, groups: Mapping[str, RecordedSeries]) -> tuple[GroupAlphas | None, list[str]]:
    """Measure α of groups in the windows of a run, in the same way as the run itself. Also returns notes on groups with other steps.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> from wcdfa.analysis.series import Settings, analyze
    >>> x = np.exp(wcdfa.synthetic.white_noise(1000, seed=0))
    >>> series = RecordedSeries(Path("run"), "", "norms", x, None, None, None, 0, ())
    >>> groups_in(analyze(series, Settings()), {"head": series})[0].alpha.round(2)
    array([[0.48, 0.49]])
    """
    main, notes = analysis.series, list[str]()
    found: dict[tuple[str, int], Prepared | str] = {}
    starts, stops, _ = analysis.judged
    window, settings, criteria = int(stops[0] - starts[0]), analysis.settings, analysis.criteria
    kept = []
    for name, series in groups.items():
        aligned = _at_steps_of(main, series)
        if aligned is None:
            notes.append(f"group {shown(name)} is left out: it was not logged at the same steps as {shown(main.column)}")
            continue
        if len(series.values) < len(main.values):
            notes.append(f"group {shown(name)} was logged at {len(series.values):,} of {len(main.values):,} steps")
        kept.append(name)
        norms = judgeable(aligned, settings)
        prepared = prepared_windows(norms.values, starts, window, criteria.preparation, lr=norms.lr, steps=norms.steps)
        found |= {(name, i): each if isinstance(each, Prepared) else str(each) for i, each in enumerate(prepared)}
    if not kept:
        return None, notes
    outcomes = measured(found, window, criteria.measurement)
    notes += [
        f"group {shown(name)} has no α: {outcomes[name, 0].reason}"
        for name in kept
        if not any(np.isfinite(outcomes[name, i].result.alpha) for i in range(len(starts)))
    ]
    shape = len(kept), len(starts)
    numbers = (
        np.array([float(getattr(each.result, part)) for each in outcomes.values()]).reshape(shape)
        for part in ("alpha", "low", "high")
    )
    return GroupAlphas(tuple(kept), *numbers), notes


def _at_steps_of(main: RecordedSeries, series: RecordedSeries) -> RecordedSeries | None:
    """The series at the steps of `main`, NaN where it has no value; None if it has steps that `main` lacks."""
    steps, own = _steps(main), _steps(series)
    places = np.searchsorted(steps, own)
    if not len(own) or places[-1] == len(steps) or not np.array_equal(steps[places], own):
        return None
    values = np.full(len(steps), np.nan)
    values[places] = series.values
    return series._replace(values=values, steps=main.steps, lr=main.lr)


def _steps(series: RecordedSeries) -> npt.NDArray[np.int64]:
    return np.arange(1, 1 + len(series.values), dtype=np.int64) if series.steps is None else series.steps
