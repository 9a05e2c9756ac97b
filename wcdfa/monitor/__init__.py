"""Measures α of a run while it trains.

Start with `WeightChangeDFA` (monitor.py): it takes norms or parameters at each step, and computes α of the last window. In the other modules:

- epochs.py: `RollingWeightChangeDFA`, the same, and it also keeps α by epoch, as in wcdfa 0.1.0.
- watch.py: `Watch` finds changes of regime and drifts of α, and reports them in messages.
- messages.py: `MessageAction` logs such a message, warns, stops training or calls a function. `Alarms` is its earlier name.
- follower.py: `Follower` reads a log while it is written and feeds a monitor.
- computing.py: computes α of the norms in the window, and keeps every α before.
- metrics.py: the numbers for trackers. state.py, state_fields.py and state_file.py: how a monitor is saved and restored.
"""

from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Alarms, DriftWarning, MessageAction
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch

__all__ = ["Alarms", "DriftWarning", "MessageAction", "RollingWeightChangeDFA", "Watch", "WeightChangeDFA"]
