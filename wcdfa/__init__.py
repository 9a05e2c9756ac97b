"""Detrended fluctuation analysis of how a network changes its own weights."""

from wcdfa import nulls as nulls
from wcdfa import scales as scales
from wcdfa import synthetic as synthetic
from wcdfa.inference import spread as spread
from wcdfa.inference.exponent import DFAResult as DFAResult
from wcdfa.inference.exponent import DFAWarning as DFAWarning
from wcdfa.inference.exponent import dfa as dfa
from wcdfa.inference.legacy import compute_dfa as compute_dfa
from wcdfa.inference.rolling import Rolling as Rolling
from wcdfa.inference.rolling import rolling_dfa as rolling_dfa
from wcdfa.kernel.fluctuation import fluctuations as fluctuations
from wcdfa.monitor import watch as watch
from wcdfa.monitor.epochs import RollingWeightChangeDFA as RollingWeightChangeDFA
from wcdfa.monitor.monitor import WeightChangeDFA as WeightChangeDFA
from wcdfa.nulls import replay as replay
from wcdfa.nulls import whittle as whittle
from wcdfa.preprocess.preparation import Prepared as Prepared
from wcdfa.preprocess.preparation import prepare as prepare
from wcdfa.recording import groups as groups
from wcdfa.recording import ring as ring
from wcdfa.recording.reading import Reading as Reading
from wcdfa.verdicts import regime as regime
from wcdfa.verdicts import windows as windows
from wcdfa.verdicts.drift import Alarm as Alarm
from wcdfa.verdicts.drift import drift_alarms as drift_alarms
from wcdfa.verdicts.findings import Finding as Finding
from wcdfa.verdicts.single_window import Verdict as Verdict
from wcdfa.verdicts.single_window import verdict as verdict
from wcdfa.version import __version__ as __version__

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
