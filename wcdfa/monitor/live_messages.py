"""What a diagnosis says during a run."""

from __future__ import annotations

from collections.abc import Sequence

from wcdfa.verdicts.causes import Cause, clear
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checks import Check
from wcdfa.verdicts.diagnosis import SHOWN, first_of_groups, sentence_of_change, sentence_of_check

LATER = "The likely cause follows in {steps} steps."


def of_changes(changes: Sequence[Change], causes: list[Cause], wait: int) -> str:
    """What changed, and the likely cause, or that it follows after so many steps; 0 if none will.

    >>> change = Change("frozen", "head", 0.5, 0.0, 5001, 5020, 0.0)
    >>> of_changes([change], [], wait=0)
    'the run changed from about step 5,001 on: head: it no longer moves, from 0.5 to 0 (since step 5,001, seen at 5,020)'
    """
    found = f"the run changed from about step {since(changes):,} on: {_evidence(changes)}"
    if causes:
        return f"{found}. {_likely(causes[0])}"
    return f"{found}. {LATER.format(steps=wait)}" if wait else found


def of_cause(first: int, changes: Sequence[Change], causes: list[Cause], said: Sequence[str]) -> str:
    """The cause of changes from a first step on that were said before, and what was found since."""
    more = [change for change in changes if change.statistic not in said]
    also = f" Found since: {_evidence(more)}." if more else ""
    about = f"the change from about step {first:,} on"
    if clear(causes):
        return f"{about}: {_likely(causes[0])}{also}"
    ranked = " ".join(f"{number}. {cause.text}. Look at {cause.check}." for number, cause in enumerate(causes[:SHOWN], start=1))
    return f"{about}: its cause is unclear, in the order of their likelihood: {ranked}{also}"


def of_deviations(deviations: Sequence[Check], optimizer: object, causes: list[Cause]) -> str:
    """What the optimizer does not give, and the likely causes; none if they were said before."""
    first = min(check.since or 0 for check in deviations)
    found = f"the run is not what {optimizer} gives, from step {first:,} on: {'; '.join(map(sentence_of_check, deviations))}"
    if not causes:
        return found
    if clear(causes):
        return f"{found}. {_likely(causes[0])}"
    return f"{found}. The cause is unclear; likeliest is that {causes[0].text}. Look at {causes[0].check}."


def since(changes: Sequence[Change]) -> int:
    """The first step from which on something changed."""
    return min(change.since for change in changes)


def _evidence(changes: Sequence[Change]) -> str:
    return "; ".join(map(sentence_of_change, first_of_groups(tuple(changes))))


def _likely(cause: Cause) -> str:
    return f"Likely cause: {cause.text}. Look at {cause.check}."
