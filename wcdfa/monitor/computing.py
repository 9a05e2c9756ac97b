"""Computes α of the norms in the window, and keeps every α."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.prepared import Outcome, measured
from wcdfa.preprocess.preparation import Prepared
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import History
from wcdfa.recording.reading import Reading, numbered, outcomes, prepared
from wcdfa.recording.recorder import Recorder
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.single_window import Verdict, without_alpha


class Computation:
    """The norms of a run, with the last outcome of each group and the history of α.

    >>> computation = Computation(Recorder(50, None, 1), Criteria())
    >>> for i in range(50):
    ...     computation.take(1.0 + i % 7, None)
    >>> list(computation.recorder.flush(lambda count: False))
    []
    >>> computation.compute()
    >>> len(computation.history.alphas()["all"])
    1
    """

    beside_alpha: dict[str, float] | None = None
    """The numbers that belong to the last α: of the direction, and what the optimizer gives; None until a tracker needs them."""
    measured_from: Reading | None = None
    """The norms that the last α was computed from, and what is known beside them, without the sketch."""

    def __init__(self, recorder: Recorder, criteria: Criteria) -> None:
        self.recorder, self.criteria = recorder, criteria
        self.prepared: dict[str, Prepared | str] = {}
        """The norms that the last outcomes were computed from."""
        self.outcomes: dict[str, Outcome] = {}
        self.history = History()

    def take(
        self,
        given: object,
        lr: object,
        gradient_norm: object = None,
        cosine: object = None,
        weight_norm: object = None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """Call `Recorder.take`. Drop the outcomes if the recorder starts over with a reading."""
        recorder = self.recorder
        begun = recorder.begun
        recorder.take(given, lr, gradient_norm, cosine, weight_norm, beside)
        if recorder.begun != begun:
            self.outcomes, self.prepared, self.beside_alpha, self.measured_from = {}, {}, None, None

    def without_pending(self) -> Computation:
        """The same, without the norms that are not recorded yet."""
        other = copy(self)
        other.recorder = self.recorder.without_pending()
        return other

    def compute(self) -> None:
        """Compute α of the norms in the window, for all parameters and each group."""
        reading = self.recorder.reading()
        self.prepared = prepared(reading, self.criteria.preparation)
        self.outcomes = measured(self.prepared, len(reading.norms), self.criteria.measurement)
        self.beside_alpha, self.measured_from = None, reading._replace(sketch=None)
        self.history.add(self.outcomes, numbered(reading))

    def by(self, method: Method) -> DFAResult | None:
        """The last α of all parameters, by another method; None before the first."""
        if ALL not in self.prepared:
            return None
        one = {ALL: self.prepared[ALL]}
        return measured(one, self.recorder.window, replace(self.criteria.measurement, method=method))[ALL].result

    def history_until_now(self) -> History:
        """A copy of the history, with α of the norms in the window at its end."""
        history = self.history.copy()
        if not history.curves or history.curves[-1].last_step != self.recorder.step:
            reading = self.recorder.reading()
            history.add(outcomes(reading, self.criteria.preparation, self.criteria.measurement), numbered(reading))
        return history

    @property
    def window_steps(self) -> tuple[int, int] | None:
        """The first and the last training step of the window of the last α; None before the first α."""
        if ALL not in self.outcomes or not self.history.curves:
            return None
        return self.history.curves[-1].first_step, self.history.curves[-1].last_step

    def without_alpha(self, group: str) -> Verdict | None:
        """The verdict on a group whose last α is NaN. None if α is a number or was not computed yet."""
        outcome = self.outcomes.get(group)
        return None if outcome is None or outcome.reason is None else without_alpha(outcome.reason, self.criteria)
