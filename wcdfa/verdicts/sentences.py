"""The sentences that the terminal and the report say about a series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from wcdfa.inference.calibration import Method
from wcdfa.verdicts.across import RunVerdict
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.regime import Regime
from wcdfa.verdicts.run_alpha import RunAlpha
from wcdfa.verdicts.run_drifts import FEWEST
from wcdfa.verdicts.single_window import Verdict

NOT_COMPARED = "not compared with the optimizer, which alone may give this α: name it with optimizer="
FIGURES = ("saturated", "trend", "short memory")
"""Kinds of findings whose sentences are figures for who looks closely; the line of the verdict has their words."""
SURE = 1e-4  # below this p-value, one window alone casts doubt on the named optimizer
APART = 0.1  # α of a run and of its windows that differ by less have one meaning
BY_GLS = " (measured for drifts)"  # behind a figure that is not of the method of the α beside it
EXPLAINING = ((frozenset({"trend", "saturated"}), "trend"), (frozenset({"optimizer"}), "optimizer"))
"""Kinds of findings that explain a window so that α of its run has no band either, with their words."""
LOWER = "windows also count memory that fades within a few steps, such as that of momentum"
HIGHER = "noise of each step lowers α of a window, and a trend or a change within the run raises α of the run"


def reasons(verdict: Verdict, *, optimizer_named: bool, figures: bool = True) -> list[str]:
    """The sentences that go with the one line of a verdict: findings, and what α was not compared with.

    Parameters
    ----------
    verdict : Verdict
    optimizer_named : bool
        Whether the optimizer of the run is known; if it is not, the last sentence says so.
    figures : bool
        Whether to include findings whose words are in the line already, with their figures (`FIGURES`).
    """
    return list(_reasons(verdict, optimizer_named, figures))


def _reasons(verdict: Verdict, optimizer_named: bool, figures: bool) -> Iterator[str]:
    for finding in verdict.findings:
        if finding.text != verdict.reason and (figures or finding.kind not in FIGURES):  # the line of the verdict has the reason
            yield finding.text
    if verdict.regime is not None and verdict.null is None and not optimizer_named:
        yield NOT_COMPARED


def in_short(regime: Regime | str | None, explanation: str) -> str:
    """What is said of a window beside its α: what explains it, or else its regime and what was found.

    >>> in_short("critical", "explained by optimizer"), in_short("critical", "a trend explains 0.10 of α")
    ('explained by optimizer', 'critical: a trend explains 0.10 of α')
    """
    return explanation if explanation.startswith("explained by") else ": ".join(filter(None, [regime, explanation]))


def doubted(run: RunVerdict) -> bool:
    """Whether every window that was compared differs from the named optimizer, and there are several or the difference is sure."""
    return bool(run.compared) and len(run.differing) == run.compared and (run.compared > 1 or run.p_value < SURE)


def doubt(optimizer: object) -> str:
    """The sentence for such a run."""
    return f"every window that was compared differs from {optimizer}: first check its name and settings"


def apart(run: RunAlpha, windows: Sequence[Verdict]) -> bool:
    """Whether α of a run is another one than that of its windows, so that one exponent does not fit both."""
    mean, reach = _mean_of(windows)
    far = abs(run.alpha - mean) > APART  # False where there is no α
    return far and (run.high < mean - reach or run.low > mean + reach)


def of_run(run: RunAlpha, windows: Sequence[Verdict]) -> list[str]:
    """The sentences on α of a run. Where its windows contradict it, or have an explanation, no band is named, and a sentence says why.

    Parameters
    ----------
    run : RunAlpha
    windows : list of Verdict
    """
    known = [each for each in windows if each.regime is not None]
    if not apart(run, windows):
        why = None if run.regime is None else _without_label(known)
        return [str(run) if why is None else _unlabelled(run, why)]
    mean, _ = _mean_of(windows)
    where, cause = ("below", LOWER) if run.alpha < mean else ("above", HIGHER)
    them, average = ("window", "") if len(known) == 1 else ("windows", " on average")
    return [
        _unlabelled(run, f"one exponent does not fit the run and its {them}"),
        f"α of the run is {where} that of its {them} ({mean:.2f}{average}): {cause}",
    ]


def _unlabelled(run: RunAlpha, why: str) -> str:
    """The line of a run whose band is not named."""
    return f"α of the run {run.alpha:.2f} ({run.low:.2f}–{run.high:.2f}): no label, because {why}"


def _without_label(known: Sequence[Verdict]) -> str | None:
    """Why most of the windows that have an α forbid to name a band for the whole run; None if they do not."""
    them, verb = ("window", "is") if len(known) == 1 else ("windows", "are")
    for kinds, brief in EXPLAINING:
        if _most(bool(kinds.intersection(each.explained_by)) for each in known):
            return f"its {them} {verb} explained by {brief}"
    if _most(any(finding.kind == "misfit" for finding in each.findings) for each in known):
        return f"no single exponent describes its {them}"
    return None


def _most(said: Iterable[bool]) -> bool:
    """Whether it is said of at least half of the windows."""
    each = list(said)
    return bool(each) and 2 * sum(each) >= len(each)


def _mean_of(windows: Sequence[Verdict]) -> tuple[float, float]:
    """Mean α of windows, and how far its interval reaches; NaN if none has an α."""
    known = [each for each in windows if each.regime is not None]
    if not known:
        return math.nan, math.nan
    reach = math.sqrt(sum(((each.high - each.low) / 2) ** 2 for each in known)) / len(known)
    return float(np.mean([each.alpha for each in known])), reach


def drift(alarm: Alarm, method: Method = "gls") -> str:
    """A sentence that says where α left its baseline and how far it went. Give the alarm in training steps.

    Alarms are from the method "gls". Give the method of the α that stands beside the sentence: if it is another, the sentence says so.
    """
    by = "" if method == "gls" else BY_GLS
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
        which = f"windows of {window:,}" if samples < window else "this window"
        return f"The run is too short to show a drift: with {which} it needs at least {FEWEST * window:,} steps."
    return "α did not drift from its baseline."
