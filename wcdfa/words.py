"""What is said of a series that was analyzed, in sentences: the same on a terminal and in a report."""

from __future__ import annotations

from wcdfa.analysis import Analysis
from wcdfa.findings import Verdict
from wcdfa.names import shown
from wcdfa.regime import Alarm
from wcdfa.windows import FEWEST


def reasons(verdict: Verdict) -> list[str]:
    """Each finding, then each failure mode that α does not rule out, with what it still needs."""
    modes = (f"{mode.name}{'' if mode.visible else ' is not visible in α'}: needs {mode.needs}" for mode in verdict.failure_modes)
    return [*(finding.text for finding in verdict.findings), *modes]


def drift(alarm: Alarm) -> str:
    """Where α left its baseline, and how far it went; of an alarm in training steps."""
    return f"α went {alarm.direction} from about step {alarm.onset:,}, to {alarm.alpha:.2f} (alarm at step {alarm.start:,})"


def no_drift(samples: int, window: int, *, known: bool) -> str:
    """What the absence of alarms says of a run of so many samples, in which α is known or not."""
    if not known:
        return "There is no α that could drift."
    if samples < FEWEST * window:
        return f"The run is too short to tell of a drift: {FEWEST * window:,} steps are the least with this window."
    return "α did not drift from its baseline."


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
