"""Finds changes during a run, and reports them in messages: the regime has changed, or α has left its baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import DFAResult
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.state_fields import Fields
from wcdfa.recording.cadence import due
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.drift import drift_alarms

Scalar = TypeVar("Scalar", bound=np.generic)


class Watch:
    """Updates a monitor, and reports each change once in a message.

    >>> import numpy as np
    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(2000, seed=0), wcdfa.synthetic.random_walk(500, seed=0)
    >>> monitor, watch = WeightChangeDFA(window=128, method="gls"), Watch()
    >>> messages = [message for x in np.concatenate([calm, wild]) for message in watch.update(monitor, float(np.exp(0.1 * x)))]
    >>> messages[-1].partition(":")[0]
    'regime changed from disordered to ordered'

    The regime has changed when the whole interval of α is in one band and the last such interval was in another. α drifts when
    `wcdfa.verdicts.drift.drift_alarms` finds an alarm that has not ended. An α of NaN is ignored.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the baseline and the regime."""
        self.stops: list[int] = []
        """Training steps at which α was computed."""
        self.alphas: list[float] = []
        self.stderrs: list[float] = []
        self._seen: DFAResult | None = None
        self._regime: str | None = None
        self._drifting = False

    def state_dict(self) -> dict[str, object]:
        """The baseline and the regime, as numbers, strings and lists. Save the state of the monitor with it."""
        series = {"stops": list(self.stops), "alphas": list(self.alphas), "stderrs": list(self.stderrs)}
        return series | {"regime": self._regime, "drifting": self._drifting}

    def load_state_dict(self, state: Mapping[str, object], monitor: WeightChangeDFA) -> None:
        """Go on from a `state_dict`. Load the monitor first.

        Raises
        ------
        ValueError
            If a part of the state is missing. The watch is then left unchanged.
        """
        saved = Fields(state)
        stops, alphas, stderrs = saved.integers("stops"), saved.floats("alphas"), saved.floats("stderrs")
        regime, drifting = saved["regime"], bool(saved["drifting"])
        self._seen = monitor.result
        self.stops, self.alphas, self.stderrs = stops, alphas, stderrs
        self._regime, self._drifting = None if regime is None else str(regime), drifting

    def update(self, monitor: WeightChangeDFA, given: object, *, lr: object = None) -> list[str]:
        """Update the monitor, and return a message for each change that a new α shows. Raises as `WeightChangeDFA.update`."""
        if not isinstance(given, Reading):
            monitor.update(given, lr=lr)
            return list(self._messages(monitor))
        if not monitor.continues(given):
            self.reset()
        messages: list[str] = []
        for part in _parts(monitor, given):
            monitor.update(part)
            messages.extend(self._messages(monitor))
        return messages

    def _messages(self, monitor: WeightChangeDFA) -> Iterator[str]:
        """The messages that the last α of the monitor gives rise to, if it is new and a number."""
        result = monitor.result
        if result is None or result is self._seen:
            return
        self._seen = result
        if not math.isfinite(result.alpha):
            return
        step = monitor.step
        if self.stops and self.stops[-1] >= step:  # the monitor was reset
            self.reset()
            self._seen = result
        self.stops.append(step)
        self.alphas.append(float(result.alpha))
        self.stderrs.append(float(result.stderr))
        now = f"α = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f}) at step {step}"
        yield from self._change_of_regime(monitor.regime, now)
        yield from self._drift(monitor.window, now)

    def _change_of_regime(self, regime: str | None, now: str) -> Iterator[str]:
        if regime not in (None, "undecided"):
            if self._regime not in (None, regime):
                yield f"regime changed from {self._regime} to {regime}: {now}"
            self._regime = regime

    def _drift(self, window: int, now: str) -> Iterator[str]:
        alarms = drift_alarms(self.alphas, self.stderrs, self.stops, window=window)
        drifting = bool(alarms) and alarms[-1].end is None
        if drifting and not self._drifting:
            last = alarms[-1]
            yield f"α drifted {last.direction} beyond {last.threshold:.2f}, from about step {last.onset} on: {now}"
        self._drifting = drifting


def _parts(monitor: WeightChangeDFA, reading: Reading) -> Iterator[Reading]:
    """The reading up to each norm at which α is due, and at last all of it, so that the watch sees each α."""
    anew = not monitor.continues(reading)
    fresh = min(int(reading.count) - (0 if anew else monitor.drained), len(reading.norms))
    total = fresh if anew else int(monitor.reading().count) + fresh
    for later in range(fresh - 1, 0, -1):
        if due(monitor.stride, total - later):
            yield _without_last(reading, later)
    yield reading


def _without_last(reading: Reading, later: int) -> Reading:
    """The reading without its last `later` norms."""
    return reading._replace(
        norms=reading.norms[:-later],
        count=reading.count - later,
        lr=_cut(reading.lr, later),
        steps=_cut(reading.steps, later),
        groups={name: norms[:-later] for name, norms in reading.groups.items()},
        stderr=_cut(reading.stderr, later),
        gradients=_cut(reading.gradients, later),
        varying={name: values[:-later] for name, values in reading.varying.items()},
    )


def _cut(part: npt.NDArray[Scalar] | None, later: int) -> npt.NDArray[Scalar] | None:
    return None if part is None else part[:-later]
