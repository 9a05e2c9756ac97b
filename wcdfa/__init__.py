"""Detrended fluctuation analysis of how a network changes its own weights."""

from wcdfa import nulls as nulls
from wcdfa import scales as scales
from wcdfa import synthetic as synthetic
from wcdfa.core import DFAResult as DFAResult
from wcdfa.core import DFAWarning as DFAWarning
from wcdfa.core import compute_dfa as compute_dfa
from wcdfa.core import dfa as dfa
from wcdfa.findings import Finding as Finding
from wcdfa.findings import Verdict as Verdict
from wcdfa.findings import verdict as verdict
from wcdfa.fluctuation import fluctuations as fluctuations
from wcdfa.monitor import WeightChangeDFA as WeightChangeDFA
from wcdfa.preprocess import Prepared as Prepared
from wcdfa.preprocess import prepare as prepare
from wcdfa.regime import Alarm as Alarm
from wcdfa.regime import drift_alarms as drift_alarms
from wcdfa.ring import Reading as Reading
from wcdfa.rolling import Rolling as Rolling
from wcdfa.rolling import rolling_dfa as rolling_dfa
from wcdfa.rolling_monitor import RollingWeightChangeDFA as RollingWeightChangeDFA

__version__ = "0.2.0.dev0"

__all__ = [
    "Alarm",
    "DFAResult",
    "DFAWarning",
    "Finding",
    "Prepared",
    "Reading",
    "Rolling",
    "RollingWeightChangeDFA",
    "Verdict",
    "WeightChangeDFA",
    "compute_dfa",
    "dfa",
    "drift_alarms",
    "fluctuations",
    "nulls",
    "prepare",
    "rolling_dfa",
    "scales",
    "synthetic",
    "verdict",
]
