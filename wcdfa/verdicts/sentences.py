"""The sentences that the terminal and the report say about a series."""

from __future__ import annotations

from collections.abc import Iterator

from wcdfa.inference.calibration import Method
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.run_drifts import FEWEST
from wcdfa.verdicts.single_window import Verdict

NOT_COMPARED = "not compared with the optimizer, which alone may give this α: name it with optimizer="


def reasons(verdict: Verdict, *, optimizer_named: bool) -> list[str]:
    """The sentences that go with the one line of a verdict: findings, and what α was not compared with.

    Parameters
    ----------
    verdict : Verdict
    optimizer_named : bool
        Whether the optimizer of the run is known; if it is not, the last sentence says so.
    """
    return list(_reasons(verdict, optimizer_named))


def _reasons(verdict: Verdict, optimizer_named: bool) -> Iterator[str]:
    yield from (
        finding.text for finding in verdict.findings if finding.text != verdict.reason
    )  # the line of the verdict gives the reason already
    if verdict.regime is not None and verdict.null is None and not optimizer_named:
        yield NOT_COMPARED


def drift(alarm: Alarm, method: Method = "gls") -> str:
    """A sentence that says where α left its baseline and how far it went. Give the alarm in training steps.

    Alarms are from the method "gls". Give the method of the α that stands beside the sentence: if it is another, the sentence says so.
    """
    by = "" if method == "gls" else " by gls"
    return f"α went {alarm.direction} from about step {alarm.onset:,}, to {alarm.alpha:.2f}{by} (alarm at step {alarm.start:,})"


def no_drift(samples: int, window: int, *, known: bool) -> str:
    """A sentence for a run without an alarm.

    Parameters
    ----------
    samples, window : int
        Length of the run and of a window.
    known : bool
        Whether any window has an α.
    """
    if not known:
        return "There is no α that could drift."
    if samples < FEWEST * window:
        return f"The run is too short to show a drift: with this window it needs at least {FEWEST * window:,} steps."
    return "α did not drift from its baseline."
