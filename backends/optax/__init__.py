"""optax: records ‖ΔW‖ of every step on the device, inside the state of the optimizer."""

from wcdfa.support.extras import needed

with needed("wcdfa.backends.optax", "wcdfa[optax]"):
    import jax  # noqa: F401 - fails here if it is missing
    import optax  # noqa: F401

from wcdfa.backends.optax.reading import read, readings, strip
from wcdfa.backends.optax.recorder import monitor, record
from wcdfa.backends.optax.states import MonitorState, RecordState

__all__ = ["MonitorState", "RecordState", "monitor", "read", "readings", "record", "strip"]
