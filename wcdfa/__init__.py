"""Detrended fluctuation analysis of how a network changes its own weights."""

from wcdfa import scales as scales
from wcdfa import synthetic as synthetic
from wcdfa.core import DFAResult as DFAResult
from wcdfa.core import DFAWarning as DFAWarning
from wcdfa.core import compute_dfa as compute_dfa
from wcdfa.core import dfa as dfa
from wcdfa.fluctuation import fluctuations as fluctuations
from wcdfa.monitor import WeightChangeDFA as WeightChangeDFA
from wcdfa.rolling import Rolling as Rolling
from wcdfa.rolling import rolling_dfa as rolling_dfa

__version__ = "0.2.0.dev0"

__all__ = [
    "DFAResult",
    "DFAWarning",
    "Rolling",
    "WeightChangeDFA",
    "compute_dfa",
    "dfa",
    "fluctuations",
    "rolling_dfa",
    "scales",
    "synthetic",
]
