"""TensorFlow: records ‖ΔW‖ of every step of a custom training loop in variables."""

from wcdfa.support.extras import needed

with needed("wcdfa.backends.tensorflow", "wcdfa[tensorflow]"):
    import tensorflow  # type: ignore[import-untyped] # noqa: F401 - fails here if it is missing

from wcdfa.backends.tensorflow.norms import copied, delta_norm, group_norms
from wcdfa.backends.tensorflow.parameters import parameters_of
from wcdfa.backends.tensorflow.recorder import NormRecorder
from wcdfa.backends.tensorflow.sampling import direction_of, sampled

__all__ = ["NormRecorder", "copied", "delta_norm", "direction_of", "group_norms", "parameters_of", "sampled"]
