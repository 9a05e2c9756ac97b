"""Finds changes during a run, and reports them in messages: the regime has changed, α has left its baseline, or the run is at fault."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult
from wcdfa.monitor.live_diagnosis import LiveDiagnosis
from wcdfa.monitor.messages import DiagnosisMessage
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.state_fields import Fields
from wcdfa.recording.cadence import due
from wcdfa.recording.reading import Reading, numbered
from wcdfa.verdicts.live_drift import Change, between, change
from wcdfa.verdicts.regime import Regime
from wcdfa.verdicts.sentences import BY_GLS

Scalar = TypeVar("Scalar", bound=np.generic)

SHARPEST: Method = "gls"  # the method that sees a change soonest
RISING: tuple[Regime, ...] = ("disordered", "critical", "ordered")  # the regimes in the order of their α


class Watch:
    """Updates a monitor, and reports each change once in a message.

    >>> import numpy as np
    >>> import wcdfa
    >>> calm, wild = wcdfa.synthetic.white_noise(2000, seed=0), wcdfa.synthetic.random_walk(500, seed=0)
    >>> monitor, watch = WeightChangeDFA(window=128, method="gls"), Watch(diagnosis=False)
    >>> messages = [message for x in np.concatenate([calm, wild]) for message in watch.update(monitor, float(np.exp(0.1 * x)))]
    >>> messages[-1].partition(":")[0]
    'regime changed from disordered to ordered'

    α drifts when it leaves its baseline, the mean over the first ten windows, by more than chance: in 10,000
    steps in which nothing changes, one run in twenty has such a message. The first window does not count, because there momentum and
    running averages fill up. The regime has changed when the whole interval of α is in another band than the last such interval, and
    α has moved there by more than chance since then. Both compare α by the method "gls", which sees a change soonest. An α of NaN is
    ignored.

    The run is diagnosed too (`wcdfa.monitor.live_diagnosis.LiveDiagnosis`): a message says what changed in the size and the direction of
    the weight change, or is not what the optimizer gives, since which step, and the likely cause.

    Parameters
    ----------
    diagnosis : bool
        Whether to diagnose the run.
    """

    _taking = False
    """Whether a reading is being given to the monitor."""

    def __init__(self, *, diagnosis: bool = True) -> None:
        self.live = LiveDiagnosis() if diagnosis else None
        """The diagnosis; its `diagnosis` is what was found so far. Set it to None to end it."""
        self.reset()

    def reset(self) -> None:
        """Forget the baseline, the regime, and what the diagnosis holds."""
        if self.live is not None:
            self.live.reset()
        self._calls = 0  # since the diagnosis last looked at the monitor
        self.stops: list[int] = []
        """Training steps at which α was computed."""
        self.alphas: list[float] = []
        """α by "gls" at these steps."""
        self.stderrs: list[float] = []
        self._seen: DFAResult | None = None
        self._regime: str | None = None
        self._since = 0  # step of the last change of regime
        self._drifting: str | None = None  # "up" or "down"

    def state_dict(self) -> dict[str, object]:
        """The baseline, the regime and the diagnosis, as numbers, strings and lists. Save the state of the monitor with it."""
        series = {"stops": list(self.stops), "alphas": list(self.alphas), "stderrs": list(self.stderrs)}
        diagnosis = {} if self.live is None else {"diagnosis": self.live.state()}
        return series | {"regime": self._regime, "since": self._since, "drifting": self._drifting} | diagnosis

    def load_state_dict(self, state: Mapping[str, object], monitor: WeightChangeDFA) -> None:
        """Go on from a `state_dict`. Load the monitor first. From a state without a diagnosis, that starts anew.

        Raises
        ------
        ValueError
            If a part of the state is missing. The watch is then left unchanged.
        """
        saved = Fields(state)
        stops, alphas, stderrs = saved.integers("stops"), saved.floats("alphas"), saved.floats("stderrs")
        regime, drifting, since = saved["regime"], saved["drifting"], saved.integer("since") if "since" in state else 0
        if self.live is not None:
            if "diagnosis" in saved:
                self.live.load(saved.text("diagnosis"))
            else:
                self.live.reset()
        self._seen = monitor.result
        self.stops, self.alphas, self.stderrs, self._since = stops, alphas, stderrs, since
        self._regime, self._drifting = None if regime is None else str(regime), drifting if drifting in ("up", "down") else None

    def update(self, monitor: WeightChangeDFA, given: object, *, lr: object = None) -> list[str]:
        """Update the monitor, and return a message for each change that a new α shows. Raises as `WeightChangeDFA.update`.

        If the logger of the monitor calls it with a reading meanwhile, nothing is done: the next reading has those norms too.
        """
        if not isinstance(given, Reading):
            monitor.update(given, lr=lr)
            return [*self._messages(monitor), *self._diagnosed(monitor)]
        if self._taking:  # the logger of the monitor has called: the norms of this reading are being given to the monitor
            return []
        if not monitor.continues(given):
            self.reset()
        self._taking = True
        try:
            return [*self._of_parts(monitor, given)]
        finally:
            self._taking = False

    def _of_parts(self, monitor: WeightChangeDFA, reading: Reading) -> Iterator[str]:
        for number, part in enumerate(_parts(monitor, reading)):
            if not number or int(part.count) > monitor.drained:  # else the logger has given the monitor the whole reading
                monitor.update(part)
            yield from self._messages(monitor)
            yield from [] if self.live is None else map(DiagnosisMessage, self.live.update(part))

    def _diagnosed(self, monitor: WeightChangeDFA) -> list[str]:
        """Let the diagnosis look at the norms of the monitor, once there may be a whole block of them."""
        self._calls += 1
        if self.live is None or self._calls < self.live.awaited:
            return []
        self._calls = 0
        return [*map(DiagnosisMessage, self.live.update(monitor.reading()))]

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
        sharp = result if monitor.method == SHARPEST else monitor.result_by(SHARPEST)
        if sharp is None:  # the monitor was loaded after this α
            return
        self.stops.append(step)
        self.alphas.append(float(sharp.alpha))
        self.stderrs.append(float(sharp.stderr))
        now = f"α = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f}) at step {step}"
        span = _span(monitor)
        yield from self._change_of_regime(monitor.regime, span, now)
        yield from self._drift(span, "" if monitor.method == SHARPEST else BY_GLS, now)

    def _change(self, span: int, since: int) -> Change | None:
        """How far α is from its baseline since a step; the first window of the run is left out."""
        return change(self.alphas, self.stderrs, self.stops, window=span, since=max(since, self.stops[0]))

    def _change_of_regime(self, regime: str | None, span: int, now: str) -> Iterator[str]:
        if regime not in RISING or regime == self._regime:
            return
        if self._regime is not None:
            rises = RISING.index(regime) > RISING.index(self._regime)
            if not any(each.significant and (each.moved > 0) == rises for each in self._changes_since_regime(span)):
                return
            yield f"regime changed from {self._regime} to {regime}: {now}"
            self._since = self.stops[-1]
        self._regime = regime

    def _changes_since_regime(self, span: int) -> Iterator[Change]:
        """How far α is from its baseline since the last change of regime, and from what it was at that change."""
        found = self._change(span, self._since)
        if found is not None:
            yield found
        if self._since in self.stops:  # α may have been on its way
            at = self.stops.index(self._since)
            then, now = ((self.alphas[i], self.stderrs[i]) for i in (at, -1))
            yield between(then, now, window=span, since=self._since)

    def _drift(self, span: int, by: str, now: str) -> Iterator[str]:
        found = self._change(span, 0)
        if found is None or found.over or found.direction != self._drifting:
            self._drifting = None
        if found is not None and found.significant and self._drifting is None:
            self._drifting = found.direction
            yield f"α drifted {found.direction} beyond {found.threshold:.2f}{by}, from about step {found.onset} on: {now}"


def _span(monitor: WeightChangeDFA) -> int:
    """Training steps that a window covers: more than it has norms, if not each step is recorded."""
    steps = numbered(monitor.reading())
    return round(monitor.window * max(1.0, float(steps[-1] - steps[0]) / max(1, len(steps) - 1)))


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
        cosine=_cut(reading.cosine, later),
        weight_norm=_cut(reading.weight_norm, later),
        sketch=_cut(reading.sketch, later),
        cosines={name: values[:-later] for name, values in reading.cosines.items()},
    )


def _cut(part: npt.NDArray[Scalar] | None, later: int) -> npt.NDArray[Scalar] | None:
    return None if part is None else part[:-later]
