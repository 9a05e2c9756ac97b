"""Keras 3: the optimizer records ‖ΔW‖ of every step, on any backend; a callback gives α during ``fit``."""

from wcdfa.support.extras import needed

with needed("wcdfa.backends.keras", "wcdfa[keras]"):
    import keras  # noqa: F401 - fails here if it is missing

from wcdfa.backends.keras.callback import WeightChangeCallback
from wcdfa.backends.keras.optimizer import monitored, read
from wcdfa.backends.keras.parameters import copied, direction_of, group_norms, parameters_of, sampled
from wcdfa.backends.keras.recorder import Monitored
from wcdfa.monitor.messages import DriftWarning

__all__ = [
    "DriftWarning",
    "Monitored",
    "WeightChangeCallback",
    "copied",
    "direction_of",
    "group_norms",
    "monitored",
    "parameters_of",
    "read",
    "sampled",
]
