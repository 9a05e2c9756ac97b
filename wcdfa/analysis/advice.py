"""Chooses what to act on first, of all that was said about a series, or about many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wcdfa.verdicts.ending import ENDINGS
from wcdfa.verdicts.explanations import Explanation, explanation, key_of_cause, of_diagnosis, of_line, of_verdict

if TYPE_CHECKING:
    from wcdfa.analysis.result_types import DiagnosisResult, SeriesResult
    from wcdfa.analysis.series import Analysis


def of_analysis(analysis: Analysis) -> Explanation:
    """The line to act on first: how the norms end if it is in NaN or 0, else what the diagnosis found, else a difference from the optimizer, else a drift, else the last verdict.

    >>> from pathlib import Path
    >>> import numpy as np
    >>> import wcdfa
    >>> from wcdfa.analysis.series import Settings, analyze
    >>> from wcdfa.readers.series import RecordedSeries
    >>> norms = np.exp(wcdfa.synthetic.white_noise(1000, seed=0))
    >>> of_analysis(analyze(RecordedSeries(Path("run"), "", "norms", norms, None, None, None, 0, ()), Settings())).key
    'name-the-optimizer'
    """
    if analysis.ending is not None:
        return explanation(analysis.ending.key)
    if analysis.diagnosis is not None and analysis.diagnosis.found:
        return of_diagnosis(analysis.diagnosis)
    run = analysis.judged.run
    if run.compared > 1 and run.differing:
        return explanation("run-differs")
    return explanation("drift") if analysis.alarms else of_verdict(analysis.judged.verdicts[-1])


def of_results(results: Sequence[SeriesResult]) -> Explanation:
    """The line to act on first among many runs: what a diagnosis found, else a drift, else the commonest line of a last window."""
    for result in results:
        if (found := result["diagnosis"]) is not None and found["found"]:
            return _of_found(found)
    if any(result["alarms"] for result in results):
        return explanation("drift")
    keys = [(of_line(result["explanation"]) or explanation("name-the-optimizer")).key for result in results]
    return explanation(Counter(keys).most_common(1)[0][0])


def _of_found(found: DiagnosisResult) -> Explanation:
    if (first := of_line(found["evidence"][0])) is not None and first.key in ENDINGS:
        return first
    if found["clear"]:
        return explanation(key_of_cause(found["causes"][0]["name"]))
    return explanation("several-causes") if found["causes"] else of_line(found["evidence"][0]) or explanation("found")
