"""What is kept of a run: when things happened, the statistics around these events, alarms, and curves for the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from studies.common.measures import Floats
from studies.common.study import Value
from studies.grokking.alarms import alarms
from studies.grokking.events import GROKKED, RISEN, SETTLED, passed, second_transition, slingshot
from studies.grokking.recorded import EVERY, Recorded
from studies.grokking.tracks import ALPHAS, STRIDE, WINDOW, at_ends, tracks_of

POINTS = 200
AROUND_GROKKING = (-2000, -1000, -250, 500, 1500, 3000)  # middles of windows
AROUND_SLINGSHOT = (-2000, -1000, -500, 0, 500, 1000, 2500)  # ends of windows
SHOWN = ("alpha_old", "alpha_2", "vector_short", "vector_long", "cosine", "loss")


def summary_of(recorded: Recorded) -> dict[str, Value]:
    """Return the results of a run. Steps of what never happened are NaN."""
    ends, tracks = tracks_of(recorded)
    grok, spike = passed(recorded.test, GROKKED), slingshot(recorded)
    second = second_transition(recorded, ends, tracks["alpha_old"])
    events = {"memorised": passed(recorded.train, 0.99), "risen": passed(recorded.test, RISEN), "grok": grok, "second": second}
    found: dict[str, Value] = {name: _or_nan(step) for name, step in (events | {"slingshot": spike}).items()}
    found |= {"steps_done": len(recorded.norms), "best_test": float(recorded.test.max()), "last_loss": float(recorded.loss[-1])}
    found |= {"second_loss": float(recorded.loss[int(second) - 1]) if math.isfinite(second) else math.nan}
    found |= {f"lowest_{name}": _lowest(tracks[name], ends, grok + SETTLED, spike) for name in ALPHAS}
    found |= {f"alarms_{name}": alarms(values, ends).astype(float).tolist() for name, values in tracks.items()}
    found |= _around(ends, tracks, "grok", grok + WINDOW // 2, AROUND_GROKKING)
    found |= _around(ends, tracks, "slingshot", spike, AROUND_SLINGSHOT)
    return found | _after(recorded, spike) | _curves(recorded, ends, tracks)


def _lowest(values: Floats, ends: npt.NDArray[np.int_], start: float, stop: float) -> float:
    kept = values[(ends >= start) & (ends <= stop) & np.isfinite(values)]
    return float(kept.min()) if len(kept) else math.nan


def _around(
    ends: npt.NDArray[np.int_], tracks: dict[str, Floats], name: str, event: float, offsets: Sequence[int]
) -> dict[str, Value]:
    """The statistics of the window that ends nearest to each offset from the event; NaN outside the run."""
    places = [round((event + each - WINDOW) / STRIDE) if math.isfinite(event) else -1 for each in offsets]
    return {
        f"{name}_{track}": [float(values[place]) if 0 <= place < len(ends) else math.nan for place in places]
        for track, values in tracks.items()
    }


def _after(recorded: Recorded, spike: float) -> dict[str, Value]:
    """What the slingshot does to the loss, the accuracy and ‖W‖."""
    names = ("spike_times", "spike_test", "spike_weights", "last_test")
    if math.isinf(spike):
        return dict.fromkeys(names, math.nan)
    at = int(spike)
    before = recorded.weights[at // EVERY - 1]
    return {
        "spike_times": float(recorded.loss[at:].max(initial=0.0) / recorded.loss[:at].min()),
        "spike_test": float(recorded.test[at // EVERY :].min(initial=1.0)),
        "spike_weights": float(recorded.weights[at // EVERY :].max(initial=before) / before),
        "last_test": float(recorded.test[-1]),
    }


def _curves(recorded: Recorded, ends: npt.NDArray[np.int_], tracks: dict[str, Floats]) -> dict[str, Value]:
    """Curves of at most POINTS points."""
    kept = slice(None, None, -(-len(ends) // POINTS))
    curves = {"steps": ends.astype(float), "test": at_ends(recorded.test, ends)} | {name: tracks[name] for name in SHOWN}
    return {f"curve_{name}": np.round(values[kept], 4).tolist() for name, values in curves.items()}


def _or_nan(step: float) -> float:
    return step if math.isfinite(step) else math.nan
