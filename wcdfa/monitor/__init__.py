"""α of a run while it goes on."""

from wcdfa.monitor.monitor import WeightChangeDFA

__all__ = ["WeightChangeDFA"]
