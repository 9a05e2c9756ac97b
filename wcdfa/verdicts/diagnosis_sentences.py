"""The sentences of a diagnosis: one for each deviation and each change."""

from __future__ import annotations

import math

from wcdfa.support.text import factor, probability
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.signatures import STATISTICS
from wcdfa.verdicts.tracks import ALL


def first_of_groups(changes: tuple[Change, ...]) -> list[Change]:
    """The first change of each statistic: of all parameters if that changed too, else of the group that was first."""
    found: dict[str, Change] = {}
    for change in changes:
        held = found.get(change.statistic)
        if held is None or (held.group != ALL and change.group == ALL):
            found[change.statistic] = change
    return sorted(found.values(), key=lambda change: (change.since, change.seen))


def sentence_of_check(check: Check) -> str:
    """What was found and what was expected."""
    words = STATISTICS[check.statistic]
    expected = _band(check, words.show)
    what = words.up if check.direction > 0 else words.down
    sure = f"{probability(check.p)}, " if check.p > 0 else ""
    where = "at step" if check.statistic == "steps without momentum" else "in the window from step"
    return f"{what}: {words.title} is {words.show.format(check.found)}, expected {expected}{_amount(check)} ({sure}{where} {check.since:,})"


def _amount(check: Check) -> str:
    """The number that goes with a deviation."""
    if not math.isfinite(check.amount):
        return ""
    if check.statistic == "spread of the gradient norm":
        return f"; a momentum of {check.amount:.3g} fits"
    if check.statistic == "steps without momentum":
        return f", every {check.amount:,.0f} steps"
    if check.statistic == "rhythm":
        return f", every {check.amount:.0f} steps"
    return f", over {check.amount:.0f} steps" if check.direction > 0 else ""


def _band(check: Check, show: str) -> str:
    if math.isinf(check.high):
        return f"at least {show.format(check.low)}"
    return (
        f"at most {show.format(check.high)}" if math.isinf(check.low) else f"{show.format(check.low)} to {show.format(check.high)}"
    )


def sentence_of_change(change: Change) -> str:
    """What changed, from what to what, and since when."""
    words = STATISTICS[change.statistic]
    where = "" if change.group == ALL else f"{change.group}: "
    what = words.up if change.direction > 0 else words.down
    before, after = change.before, change.after
    if change.statistic == "cosine":
        before, after = 1 - math.exp(before), 1 - math.exp(after)
        what = words.up if after > before else words.down
    moved = f"by {factor(after - before)}" if words.log else f"from {words.show.format(before)} to {words.show.format(after)}"
    sure = f", {probability(change.p)}" if change.p > 0 else ""
    step = " in a step that lasts" if change.lasting else ""
    return f"{where}{what}, {moved}{step} (since step {change.since:,}, seen at {change.seen:,}{sure})"
