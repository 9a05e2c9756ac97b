"""Notes on a series that was analyzed: what a reader of its α must know besides the verdict."""

from __future__ import annotations

from wcdfa.analysis.series import Analysis
from wcdfa.support.text import shown


def remarks(analysis: Analysis) -> list[str]:
    """The notes on a series, those of its reader last; they name arguments of Python."""
    series, notes = analysis.series, list[str]()
    if analysis.negative and not analysis.log:
        notes.append(f"{analysis.negative:,} values are negative, so no logarithm was taken; log=True insists on one")
    if series.empty:
        notes.append(f"{series.empty:,} rows have no {shown(series.column)} and were left out")
    if len(series.values) < analysis.settings.window:
        notes.append(f"the series is shorter than the window of {analysis.settings.window:,}: it was taken whole")
    return [*notes, *series.notes]
