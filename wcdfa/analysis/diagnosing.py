"""Diagnoses a recorded series, and puts the diagnosis into a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.columns import Floats
from wcdfa.readers.series import RecordedSeries
from wcdfa.verdicts.causes import Cause, fits
from wcdfa.verdicts.diagnosis import SHOWN, UNNAMED, Diagnosis, diagnose
from wcdfa.verdicts.ending import ending_of

if TYPE_CHECKING:
    from wcdfa.analysis.result_types import DiagnosisResult
    from wcdfa.analysis.series import Judgeable, Settings

OTHERS = "is taken for the gradient norm"  # in the note on a gradient norm that another program logged


def diagnosis_of(series: RecordedSeries, ready: Judgeable, settings: Settings) -> Diagnosis | None:
    """Ask whether the run is what it is said to be, and what changed; None if the series is not ‖ΔW‖, or this is not wanted."""
    if series.quantity != "update norm" or not settings.diagnosis or not len(ready.values):
        return None
    n, apart, direction = len(ready.values), series.thinned, series.direction
    steps = 1 + apart * np.arange(n) if ready.steps is None else ready.steps
    why = settings.incomparable(series)
    theirs = any(OTHERS in note for note in series.notes)  # it may be the norm before clipping
    found = diagnose(
        _sizes(ready.values),
        cosine=direction.cosine if apart == 1 else None,
        weight_norm=direction.weight_norm,
        groups=direction.groups,
        cosines=direction.cosines if apart == 1 else {},
        lr=ready.lr,
        steps=steps,
        gradient_norm=None if theirs or ready.gradients is None else _sizes(ready.gradients),
        optimizer=settings.criteria(log=True).optimizer if why is None else None,
        unknown=why,
        start=max(0, int(steps[0]) - 1),
        baseline=None if settings.baseline is None else min(recorded_baseline(settings.baseline, apart), n),
        **(ready.varying if why is None else {}),  # type: ignore[arg-type]  # they are hyperparameters
    )
    return replace(found, ending=ending_of(series.values, series.steps))  # of the norms that were logged


def _sizes(logged: Floats) -> Floats:
    """The values, NaN where one is negative, which no size is."""
    return np.where(logged < 0, np.nan, logged)


def recorded_baseline(steps: int, apart: int) -> int:
    """How many norms a baseline of so many steps has, if they are so many steps apart.

    >>> recorded_baseline(1000, 10)
    100
    """
    return steps // apart


def lines_of(diagnosis: Diagnosis) -> Iterator[str]:
    """The diagnosis for people: what was found, the likely causes, and in one line what was not compared."""
    missing = "; ".join(diagnosis.not_compared)
    if not diagnosis.found and not diagnosis.compared:
        yield f"not diagnosed: {'; '.join(_obstacles(diagnosis))}"
        return
    if diagnosis.found:
        yield f"diagnosis: found from step {diagnosis.since:,} on"
        yield from (f"  {sentence}" for sentence in diagnosis.evidence)
        yield from (f"  {line}" for line in causes_of(diagnosis))
    else:
        yield f"diagnosis: nothing found. Compared: {'; '.join(diagnosis.compared)}"
    if missing:
        yield f"  not compared: {missing}"


def _obstacles(diagnosis: Diagnosis) -> list[str]:
    """Why nothing could be compared. That no optimizer is named stands beside the verdict already, and the rest is of no use alone."""
    first = [each for each in diagnosis.not_compared if each.startswith(("whether", "changes")) and UNNAMED not in each]
    return first or [*diagnosis.not_compared]


def causes_of(diagnosis: Diagnosis) -> Iterator[str]:
    """The likely cause, or the likeliest if it is unclear."""
    if not diagnosis.causes:
        return
    if diagnosis.clear:
        yield f"likely cause: {diagnosis.causes[0].text}. {diagnosis.causes[0].check}."
        return
    yield unclear(diagnosis.causes)
    yield from (f"{number}. {cause.text}. {cause.check}." for number, cause in enumerate(diagnosis.causes[:SHOWN], start=1))


def unclear(causes: Sequence[Cause]) -> str:
    """The words before a list of causes none of which is clear."""
    return "several causes fit; the likeliest first:" if fits([*causes]) else "no known cause fits well; the nearest first:"


def finding_in_short(found: DiagnosisResult) -> str:
    """What was found in a run, and its likely cause, in one line."""
    cause = f". Likely cause: {found['causes'][0]['text']}" if found["clear"] else ""
    return f"from step {found['since']:,} on: {'; '.join(found['evidence'])}{cause}"
