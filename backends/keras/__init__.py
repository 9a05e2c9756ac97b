"""Keras 3: ‖ΔW‖ of every step, recorded by the optimizer on each backend; α in ``fit``."""

from wcdfa.backends.keras.callback import WeightChangeCallback
from wcdfa.backends.keras.optimizer import monitored, read
from wcdfa.backends.keras.parameters import copied, group_norms, parameters_of
from wcdfa.backends.keras.recorder import Monitored
from wcdfa.monitor.messages import DriftWarning

__all__ = ["DriftWarning", "Monitored", "WeightChangeCallback", "copied", "group_norms", "monitored", "parameters_of", "read"]
