"""Collects everything that the report shows about one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.analysis.diagnosing import lines_of
from wcdfa.analysis.remarks import remarks
from wcdfa.analysis.series import Analysis, varies
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.readers.columns import Floats, Integers
from wcdfa.readers.series import RecordedSeries
from wcdfa.report.direction import Direction, worth_showing
from wcdfa.report.groups import GroupAlphas, groups_in
from wcdfa.report.windows import Measuring, Window, windows_of
from wcdfa.support.quantity import symbol
from wcdfa.support.text import several
from wcdfa.support.thinning import thinned
from wcdfa.verdicts.diagnosis import Diagnosis
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.regime import THRESHOLDS
from wcdfa.verdicts.sentences import no_drift, of_run


class Line(NamedTuple):
    """Numbers over training steps, few enough to draw."""

    name: str
    steps: Integers
    values: Floats


class Failure(NamedTuple):
    """A log that could not be shown, and the reason."""

    name: str
    reason: str


class Section(NamedTuple):
    """Everything that the report shows about one run."""

    name: str
    samples: int
    windows: Sequence[Window]
    lines: Sequence[Line]
    """The series, and the learning rate and the loss if they were logged."""
    groups: GroupAlphas | None
    alarms: Sequence[Alarm]
    """In training steps."""
    notes: Sequence[str]
    settings: Mapping[str, str]
    no_alarms: str
    """The sentence that is shown if there are no alarms."""
    thresholds: tuple[float, float] = THRESHOLDS
    confidence: float = 0.95
    run: str = ""
    """One α for the whole run, as a line; empty if it is not known."""
    direction: Direction | None = None
    """What a diagnosis found, with the tracks that show it; None if the direction was not recorded."""


def section_of(
    analysis: Analysis,
    groups: Mapping[str, RecordedSeries] | None = None,
    *,
    name: str | None = None,
    diagnosis: Diagnosis | None = None,
) -> Section:
    """Make the section of an analyzed run, with α of each group of parameters.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> from wcdfa.analysis.series import Settings, analyze
    >>> x = np.exp(wcdfa.synthetic.white_noise(1000, seed=0))
    >>> section = section_of(analyze(RecordedSeries(Path("run"), "", "norms", x, None, None, None, 0, ()), Settings()))
    >>> section.windows[-1].verdict, section.windows[-1].surrogates[-1].name
    ('disordered, α = 0.49 (0.36–0.63)', 'in random order')

    Parameters
    ----------
    analysis : Analysis
    groups : {name: RecordedSeries}, optional
        The norms of each group at the steps of the run. A group with other steps is left out, and the notes say so.
    name : str, optional
        The name of the run. Default: path, run and column.
    diagnosis : Diagnosis, optional
        Default: that of the analysis. It is shown with its tracks if something was found or the direction was recorded.
    """
    series = analysis.series
    steps = np.arange(1, 1 + len(series.values)) if series.steps is None else series.steps
    lines = [(symbol(series.quantity), series.values), ("learning rate", series.lr), ("loss", series.loss)]
    with np.errstate(all="ignore"):  # a log may hold numbers near the largest and smallest that there are
        found, left_out = groups_in(analysis, groups or {})
        left_out = [*left_out, *_not_diagnosed(analysis)]
        direction = worth_showing(analysis.diagnosis if diagnosis is None else diagnosis)
    starts, stops, verdicts = analysis.judged
    spans = [(analysis.step(int(start)), analysis.step(int(stop) - 1)) for start, stop in zip(starts, stops, strict=True)]
    judged_together = analysis.judged.run
    end = [] if analysis.ending is None else [str(analysis.ending)]
    measuring = Measuring(int(stops[0] - starts[0]), analysis.criteria)
    return Section(
        series.name if name is None else name,
        len(series.values),
        windows_of(verdicts, spans, measuring),
        [line(what, steps, values) for what, values in lines if values is not None],
        found,
        [analysis.in_steps(alarm) for alarm in analysis.alarms],
        [*end, *([str(judged_together)] if judged_together.compared > 1 else []), *remarks(analysis), *left_out],
        _settings(analysis),
        ". ".join([_no_drift(analysis).removesuffix("."), *end]),
        run=". ".join(of_run(analysis.run, verdicts)),
        direction=direction,
    )


def line(name: str, steps: npt.ArrayLike, values: npt.ArrayLike) -> Line:
    """Thin numbers over training steps to a line."""
    kept = thinned(values)
    return Line(name, np.asarray(steps, dtype=np.int64)[kept], np.asarray(values, dtype=np.float64)[kept])


def _no_drift(analysis: Analysis) -> str:
    known = bool(np.isfinite(analysis.judged.numbers("alpha")).any())
    return no_drift(len(analysis.series.values), analysis.settings.window, known=known)


def named(optimizer: Optimizer | None) -> str:
    """Name an optimizer, with the hyperparameters that differ from the defaults."""
    if optimizer is None:
        return "not named"
    own = [each for each in fields(optimizer) if getattr(optimizer, each.name) != each.default]
    given = ", ".join(f"{each.name} {getattr(optimizer, each.name)}" for each in own)
    return f"{optimizer}{f' ({given})' if given else ''}"


def _not_diagnosed(analysis: Analysis) -> list[str]:
    """The line that says why a diagnosis could compare nothing; none if it could."""
    found = analysis.diagnosis
    return [] if found is None or found.found or found.compared else [*lines_of(found)]


def _settings(analysis: Analysis) -> dict[str, str]:
    settings = analysis.settings
    starts, stops, _ = analysis.judged
    stride = settings.stride or settings.window
    return {
        "window": _norms(int(stops[0] - starts[0]), analysis.series.thinned),
        "stride": _norms(stride, analysis.series.thinned) + ("" if stride >= settings.window else ": windows overlap"),
        "detrending order": str(settings.order),
        "method": settings.method,
        "logarithm": "taken" if analysis.log else "not taken",
        "optimizer": named(analysis.criteria.optimizer),
        "learning rate": _rate(analysis),
        "epoch length": "not given" if settings.epoch_length is None else f"{settings.epoch_length:,} steps",
        "spacing": f"{analysis.series.thinned:,} steps" if analysis.series.thinned > 1 else "every step",
    }


def _norms(count: int, thinned: int) -> str:
    """So many norms, in steps too."""
    return several(count, "step", "steps") if thinned == 1 else f"{several(count, 'norm', 'norms')}, {count * thinned:,} steps"


def _rate(analysis: Analysis) -> str:
    if analysis.settings.lr is not None and not varies(analysis.series.lr):
        return f"{analysis.settings.lr:g}"
    return "not logged" if analysis.series.lr is None else "as logged"
