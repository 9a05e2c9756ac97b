"""Chooses what to act on first, of all that was said about a series, or about many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wcdfa.verdicts.ending import ENDINGS
from wcdfa.verdicts.explanations import Explanation, explanation, key_of_cause, of_diagnosis, of_line, of_verdict
from wcdfa.verdicts.sentences import doubted

if TYPE_CHECKING:
    from wcdfa.analysis.result_types import DiagnosisResult, SeriesResult
    from wcdfa.analysis.series import Analysis

LONGER_RUN = {"Use a longer window (window=)": "Record a longer run", "a longer window (window=)": "a longer run"}
LONGER = re.compile("|".join(map(re.escape, LONGER_RUN)))


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
        doubtful = not analysis.diagnosis.clear and _doubtful(analysis)
        return explanation("other-optimizer") if doubtful else of_diagnosis(analysis.diagnosis)
    run = analysis.judged.run
    if _doubtful(analysis):
        return explanation("other-optimizer")
    if run.compared > 1 and run.differing:
        return explanation("run-differs")
    return explanation("drift") if analysis.alarms else _of_last(analysis)


def _of_last(analysis: Analysis) -> Explanation:
    """The line of the last window; it asks for no longer window where there is none in the run."""
    line = of_verdict(analysis.judged.verdicts[-1])
    if analysis.settings.window < len(analysis.series.values):
        return line
    return line._replace(next_step=LONGER.sub(lambda found: LONGER_RUN[found[0]], line.next_step))


def _doubtful(analysis: Analysis) -> bool:
    """Whether the named optimizer itself is to be checked first."""
    return analysis.criteria.optimizer is not None and doubted(analysis.judged.run)


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
