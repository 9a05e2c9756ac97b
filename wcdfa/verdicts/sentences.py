"""What is said of a series that was analyzed, in sentences: the same on a terminal and in a report."""

from __future__ import annotations

from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.single_window import Verdict
from wcdfa.verdicts.windows import FEWEST


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
