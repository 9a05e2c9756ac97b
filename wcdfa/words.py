"""What is said of a series that was analyzed, in sentences: the same on a terminal and in a report."""

from __future__ import annotations

from wcdfa.analysis import Analysis
from wcdfa.findings import Verdict
from wcdfa.names import shown
from wcdfa.regime import Alarm


def reasons(verdict: Verdict) -> list[str]:
    """Each finding, then each failure mode that α does not rule out, with what it still needs."""
    modes = (f"{mode.name}{'' if mode.visible else ' is not visible in α'}: needs {mode.needs}" for mode in verdict.failure_modes)
    return [*(finding.text for finding in verdict.findings), *modes]


def drift(alarm: Alarm) -> str:
    """Where α left its baseline, and how far it went; of an alarm in training steps."""
    return f"α went {alarm.direction} from about step {alarm.onset:,}, to {alarm.alpha:.2f} (alarm at step {alarm.start:,})"


def remarks(analysis: Analysis) -> list[str]:
    """What must be known of a series beside its verdict."""
    series, said = analysis.series, []
    if analysis.negative and not analysis.log:
        said.append(f"{analysis.negative:,} values are negative, so no logarithm was taken; --log insists on one")
    if series.empty:
        said.append(f"{series.empty:,} rows have no {shown(series.column)} and were left out")
    if len(series.values) < analysis.settings.window:
        said.append(f"the series is shorter than the window of {analysis.settings.window:,}: it was taken whole")
    return [*said, *series.notes]
