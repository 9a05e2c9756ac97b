"""α of a run while it goes on.

Start with `WeightChangeDFA` (monitor.py): it takes norms or parameters at each step and has an α of the last window. In the other modules:

- epochs.py: `RollingWeightChangeDFA`, the same with a record of α by epoch, as wcdfa 0.1.0 has it.
- watch.py: `Watch` finds changes of regime and drifts of α, and words them as messages.
- messages.py: `MessageAction` logs such a message, warns, stops training or calls a function. `Alarms` is its name in earlier releases.
- follower.py: `Follower` reads a log while it is written and feeds a monitor.
- computing.py: α of the norms in the window, and every α before.
- metrics.py: the numbers that trackers are given. state.py, state_fields.py and state_file.py: how a monitor is saved and goes on.
"""

from wcdfa.monitor.epochs import RollingWeightChangeDFA
from wcdfa.monitor.messages import Alarms, DriftWarning, MessageAction
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch

__all__ = ["Alarms", "DriftWarning", "MessageAction", "RollingWeightChangeDFA", "Watch", "WeightChangeDFA"]
