"""α of a run while it goes on: the monitor, what it tells of changes, and a log that is followed."""

from wcdfa.monitor.alarms import Alarms, DriftWarning
from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch

__all__ = ["Alarms", "DriftWarning", "RollingWeightChangeDFA", "Watch", "WeightChangeDFA"]
