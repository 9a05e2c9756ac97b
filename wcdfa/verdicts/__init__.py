"""Judges α: regimes, drifts, findings, and the verdict on each window."""

from wcdfa.verdicts.across import RunVerdict, across, across_groups
from wcdfa.verdicts.drift import Alarm, drift_alarms
from wcdfa.verdicts.findings import Finding
from wcdfa.verdicts.regime import FAILURE_MODES, THRESHOLDS, FailureMode, failure_modes, label
from wcdfa.verdicts.run_alpha import RunAlpha, run_alpha
from wcdfa.verdicts.run_drifts import drifts
from wcdfa.verdicts.single_window import Verdict, verdict
from wcdfa.verdicts.windows import Judged, judge

__all__ = [
    "FAILURE_MODES",
    "THRESHOLDS",
    "Alarm",
    "FailureMode",
    "Finding",
    "Judged",
    "RunAlpha",
    "RunVerdict",
    "Verdict",
    "across",
    "across_groups",
    "drift_alarms",
    "drifts",
    "failure_modes",
    "judge",
    "label",
    "run_alpha",
    "verdict",
]
