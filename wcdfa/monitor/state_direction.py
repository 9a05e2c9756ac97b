"""The part of a monitor's state that holds the direction: the sketch, and what the next change is compared with."""

from __future__ import annotations

from base64 import b64decode, b64encode

import numpy as np
import numpy.typing as npt

from wcdfa.monitor.state_fields import Fields, State, with_gaps
from wcdfa.recording.parameters import SavedDirection
from wcdfa.recording.recorder import Recorder
from wcdfa.recording.ring import with_series
from wcdfa.recording.side_series import SKETCH

KIND = np.dtype("<f4")


def direction_fields(recorder: Recorder, place: npt.NDArray[np.integer]) -> State:
    """The sketch at these places of the ring, and the last change; nothing of what was not recorded."""
    sketch, saved = recorder.ring.wcdfa_norms.get(SKETCH), recorder.saved_direction()
    state: State = (
        {} if sketch is None else {"coordinates": sketch.shape[1]} | with_gaps("sketch", np.asarray(sketch)[place].ravel())
    )
    if saved is not None:
        state |= {"last": b64encode(saved.last.astype(KIND).tobytes()).decode(), "weights": saved.weights}
    return state


def restore_direction(state: Fields, recorder: Recorder) -> None:
    """Put the sketch into the ring of the recorder, which holds the norms already, and the last change into the recorder."""
    if "coordinates" in state:
        coordinates = state.integer("coordinates")
        rows = state.numbers("sketch").reshape(-1, coordinates)
        recorder.ring = with_series(recorder.ring, [SKETCH], coordinates=coordinates)
        place = (recorder.count - len(rows) + np.arange(len(rows))) % recorder.window
        np.asarray(recorder.ring.wcdfa_norms[SKETCH])[place] = rows
    if "last" in state:
        last = np.frombuffer(b64decode(state.text("last")), dtype=KIND).astype(np.float32)
        recorder.restore_direction(SavedDirection(last, state.text("weights")))
