"""..."""

from __future__ import annotations

from wcdfa.analysis.series import Analysis
from wcdfa.support.text import shown


def remarks(analysis: Analysis) -> list[str]:
    """What must be known of a series beside its verdict."""
    series, said = analysis.series, []
    if analysis.settings.optimizer is None:
        said.append("not compared with the optimizer, which alone may give this: name it with --optimizer")
    if analysis.negative and not analysis.log:
        said.append(f"{analysis.negative:,} values are negative, so no logarithm was taken; --log insists on one")
    if series.empty:
        said.append(f"{series.empty:,} rows have no {shown(series.column)} and were left out")
    if len(series.values) < analysis.settings.window:
        said.append(f"the series is shorter than the window of {analysis.settings.window:,}: it was taken whole")
    return [*said, *series.notes]
