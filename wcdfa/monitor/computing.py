"""Computes α of the norms in the window, and keeps every α."""

from __future__ import annotations

from wcdfa.inference.prepared import Outcome
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import History
from wcdfa.recording.reading import Steps, numbered, outcomes
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

    def __init__(self, recorder: Recorder, criteria: Criteria) -> None:
        self.recorder, self.criteria = recorder, criteria
        self.outcomes: dict[str, Outcome] = {}
        self.history = History()

    def take(self, given: object, lr: object, gradient_norm: object = None) -> None:
        """Call `Recorder.take`. Drop the outcomes if the recorder starts over with a reading."""
        begun = self.recorder.begun
        self.recorder.take(given, lr, gradient_norm)
        if self.recorder.begun != begun:
            self.outcomes = {}

    def compute(self) -> None:
        """Compute α of the norms in the window, for all parameters and each group."""
        self.outcomes, steps = self._measured()
        self.history.add(self.outcomes, steps)

    def history_until_now(self) -> History:
        """A copy of the history, with α of the norms in the window at its end."""
        history = self.history.copy()
        if not history.curves or history.curves[-1].last_step != self.recorder.step:
            history.add(*self._measured())
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

    def _measured(self) -> tuple[dict[str, Outcome], Steps]:
        reading = self.recorder.reading()
        return outcomes(reading, self.criteria.preparation, self.criteria.measurement), numbered(reading)
