"""α of each group of parameters in the windows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wcdfa.analysis.series import Analysis, judgeable
from wcdfa.inference.prepared import measured
from wcdfa.preprocess.preparation import Prepared
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import shown
from wcdfa.verdicts.windows import prepared_windows


class Groups(NamedTuple):
    """α of each group in each window; all of shape (groups, windows), NaN where there is none."""

    names: tuple[str, ...]
    alpha: Any
    low: Any
    high: Any


def groups_in(analysis: Analysis, groups: Mapping[str, RecordedSeries]) -> tuple[Groups | None, list[str]]:
    """α of groups in the windows of a run, prepared and measured as its own, and what is to be said of those that are left out.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> from wcdfa.analysis.series import Settings, analyze
    >>> x = np.exp(wcdfa.synthetic.white_noise(1000, seed=0))
    >>> series = RecordedSeries(Path("run"), "", "norms", x, None, None, None, 0, ())
    >>> groups_in(analyze(series, Settings()), {"head": series})[0].alpha.round(2)
    array([[0.48, 0.49]])
    """
    main, said = analysis.series, []
    found: dict[tuple[str, int], Prepared | str] = {}
    starts, stops, _ = analysis.judged
    window, settings, criteria = int(stops[0] - starts[0]), analysis.settings, analysis.criteria
    kept = []
    for name, series in groups.items():
        laid = _at_steps_of(main, series)
        if laid is None:
            said.append(f"group {shown(name)} is left out: it was not logged at the same steps as {shown(main.column)}")
            continue
        if len(series.values) < len(main.values):
            said.append(f"group {shown(name)} was logged at {len(series.values):,} of {len(main.values):,} steps")
        kept.append(name)
        norms = judgeable(laid, settings)
        prepared = prepared_windows(norms.values, starts, window, criteria.preparation, lr=norms.lr, steps=norms.steps)
        found |= {(name, i): each if isinstance(each, Prepared) else str(each) for i, each in enumerate(prepared)}
    if not kept:
        return None, said
    outcomes = measured(found, window, criteria.measurement)
    said += [
        f"group {shown(name)} has no α: {outcomes[name, 0].reason}"
        for name in kept
        if not any(np.isfinite(outcomes[name, i].result.alpha) for i in range(len(starts)))
    ]
    shape = len(kept), len(starts)
    numbers = (
        np.array([float(getattr(each.result, part)) for each in outcomes.values()]).reshape(shape)
        for part in ("alpha", "low", "high")
    )
    return Groups(tuple(kept), *numbers), said


def _at_steps_of(main: RecordedSeries, series: RecordedSeries) -> RecordedSeries | None:
    """The series at the steps of another, NaN where it has none; None if it has steps that the other has not."""
    steps, own = _steps(main), _steps(series)
    places = np.searchsorted(steps, own)
    if not len(own) or places[-1] == len(steps) or not np.array_equal(steps[places], own):
        return None
    values = np.full(len(steps), np.nan)
    values[places] = series.values
    return series._replace(values=values, steps=main.steps, lr=main.lr)


def _steps(series: RecordedSeries) -> Any:
    return np.arange(1, 1 + len(series.values)) if series.steps is None else series.steps
