"""The notes on an analyzed series: what a user must know besides the verdict."""

from __future__ import annotations

from wcdfa.analysis.series import Analysis
from wcdfa.support.text import several, shown

OTHERS = 3
"""If more than one row in so many has no value, the log has rows for other values."""


def remarks(analysis: Analysis) -> list[str]:
    """Collect the notes on a series, those of its reader last. They use Python's argument names."""
    series, notes = analysis.series, list[str]()
    if analysis.negative and not analysis.log:
        notes.append(
            f"{several(analysis.negative, 'value is', 'values are')} negative, which no norm is: this may be the logarithm of one; no logarithm was taken"
        )
    if analysis.left:
        first, last = (analysis.step(place) for place in (len(series.values) - analysis.left, len(series.values) - 1))
        notes.append(f"the last {several(analysis.left, 'value is', 'values are')} in no window: steps {first:,} to {last:,}")
    if series.empty:
        rest = f"{'has' if series.empty == 1 else 'have'} no {shown(series.column)} and {'was' if series.empty == 1 else 'were'} left out"
        usual = f"other values and no {shown(series.column)}, as is usual where a log holds several"
        many = series.empty * OTHERS > len(series.values)
        notes.append(
            f"{several(series.empty, 'row holds', 'rows hold')} {usual}"
            if many
            else f"{several(series.empty, 'row', 'rows')} {rest}"
        )
    if len(series.values) < analysis.settings.window:
        notes.append(f"the series is shorter than the window of {analysis.settings.window:,}: all of it is one window")
    return [*notes, *series.notes]
