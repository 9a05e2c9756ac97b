"""What is to be said while a run goes on, that the regime has changed or α has left its baseline; and what is done with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.recording.cadence import due
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.drift import drift_alarms


class Watch:
    """Updates a monitor, and tells of each change once.

    >>> import numpy as np
    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(2000, seed=0), wcdfa.synthetic.random_walk(500, seed=0)
    >>> monitor, watch = WeightChangeDFA(window=128, method="gls"), Watch()
    >>> said = [message for x in np.concatenate([calm, wild]) for message in watch.update(monitor, float(np.exp(0.1 * x)))]
    >>> said[-1].partition(":")[0]
    'regime changed from disordered to ordered'

    A change is told of when an α is computed that shows it: a regime when the whole interval of α lies in another band than it last
    did, a drift as `wcdfa.verdicts.drift.drift_alarms` finds it. An α that is NaN says nothing.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the baseline and the regime."""
        self.stops: list[int] = []  # training steps at which α was computed
        self.alphas: list[float] = []
        self.stderrs: list[float] = []
        self._seen: Any = None
        self._regime: str | None = None
        self._drifting = False

    def state_dict(self) -> dict[str, Any]:
        """The baseline and the regime, as numbers, strings and lists; that of the monitor goes with it."""
        series = {"stops": list(self.stops), "alphas": list(self.alphas), "stderrs": list(self.stderrs)}
        return series | {"regime": self._regime, "drifting": self._drifting}

    def load_state_dict(self, state: Mapping[str, Any], monitor: WeightChangeDFA) -> None:
        """Go on from a `state_dict`, with the monitor as it was then."""
        self.reset()
        self._seen = monitor.result
        self.stops, self.alphas, self.stderrs = (list(state[name]) for name in ("stops", "alphas", "stderrs"))
        self._regime, self._drifting = state["regime"], state["drifting"]

    def update(self, monitor: WeightChangeDFA, given: Any, *, lr: Any = None) -> list[str]:
        """`WeightChangeDFA.update`, and what is to be said of each α that it leads to; raises as that does."""
        if not isinstance(given, Reading):
            monitor.update(given, lr=lr)
            return list(self._judged(monitor))
        if not monitor.continues(given):
            self.reset()
        said: list[str] = []
        for part in _parts(monitor, given):
            monitor.update(part)
            said.extend(self._judged(monitor))
        return said

    def _judged(self, monitor: WeightChangeDFA) -> Iterator[str]:
        result = monitor.result
        if result is None or result is self._seen:
            return
        self._seen = result
        if not math.isfinite(result.alpha):
            return
        step = int(monitor.reading().steps[-1])
        if self.stops and self.stops[-1] >= step:  # the monitor was reset
            self.reset()
            self._seen = result
        self.stops.append(step)
        self.alphas.append(float(result.alpha))
        self.stderrs.append(float(result.stderr))
        now = f"α = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f}) at step {step}"
        regime = monitor.regime
        if regime not in (None, "undecided"):
            if self._regime not in (None, regime):
                yield f"regime changed from {self._regime} to {regime}: {now}"
            self._regime = regime
        alarms = drift_alarms(self.alphas, self.stderrs, self.stops, window=monitor.window)
        drifting = bool(alarms) and alarms[-1].end is None
        if drifting and not self._drifting:
            last = alarms[-1]
            yield f"α drifted {last.direction} beyond {last.threshold:.2f}, from about step {last.onset} on: {now}"
        self._drifting = drifting


def _parts(monitor: WeightChangeDFA, reading: Reading) -> Iterator[Reading]:
    """The reading as it was whenever α was due, so that its standard error is seen each time; then the whole."""
    anew = not monitor.continues(reading)
    fresh = min(reading.count - (0 if anew else monitor.drained), len(reading.norms))
    total = fresh if anew else monitor.reading().count + fresh
    for later in range(fresh - 1, 0, -1):
        if due(monitor.stride, total - later):
            yield _without_last(reading, later)
    yield reading


def _without_last(reading: Reading, later: int) -> Reading:
    """The reading before the last norms came in."""

    def cut(part: Any) -> Any:
        return None if part is None else part[:-later]

    groups = {name: part[:-later] for name, part in reading.groups.items()}
    series = {"norms": cut(reading.norms), "lr": cut(reading.lr), "steps": cut(reading.steps), "groups": groups}
    return reading._replace(count=reading.count - later, **series)
