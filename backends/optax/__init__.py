"""optax: records ‖ΔW‖ of every step on the device, inside the state of the optimizer."""

from wcdfa.backends.optax.reading import read, readings, strip
from wcdfa.backends.optax.recorder import monitor, record
from wcdfa.backends.optax.states import MonitorState, RecordState

__all__ = ["MonitorState", "RecordState", "monitor", "read", "readings", "record", "strip"]
