"""optax: ‖ΔW‖ of every step, recorded on the device inside the state of the optimizer."""

from wcdfa.backends.optax.recorder import MonitorState, RecordState, monitor, read, readings, record, strip

__all__ = ["MonitorState", "RecordState", "monitor", "read", "readings", "record", "strip"]
