"""One file or folder for each framework: it takes parameters and gives ‖ΔW‖.

Importing one of them imports its framework; this package imports none.
`wcdfa.recording.protocols` says what each must define, and how to add one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that a type checker compares each with the protocols
    from wcdfa.backends import flax, jax, keras, numpy, tensorflow, torch
    from wcdfa.recording.protocols import Backend, StepRecorder

    _backends: tuple[Backend[Any], ...] = (flax, jax, keras, numpy, tensorflow, torch)

    def _recorders(monitored: keras.Monitored, recorder: tensorflow.NormRecorder, handle: torch.Handle) -> tuple[StepRecorder, ...]:
        return monitored, recorder, handle
