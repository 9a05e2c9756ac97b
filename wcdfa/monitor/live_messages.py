"""Puts what a diagnosis finds during a run into messages."""

from __future__ import annotations

from collections.abc import Sequence

from wcdfa.analysis.diagnosing import unclear
from wcdfa.verdicts.causes import Cause, clear
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.diagnosis import SHOWN
from wcdfa.verdicts.diagnosis_sentences import first_of_groups, sentence_of_change, sentence_of_check

LATER = "The likely cause follows in {steps} steps."


def of_changes(changes: Sequence[Change], causes: list[Cause], wait: int) -> str:
    """Say what changed, and the likely cause, or after how many steps it follows. With `wait` = 0, none follows.

    >>> change = Change("frozen", "head", 0.5, 0.0, 5001, 5020, 0.0)
    >>> of_changes([change], [], wait=0)
    'the run changed from about step 5,001 on: head: it no longer moves, from 0.5 to 0 (since step 5,001, seen at 5,020)'
    """
    found = f"the run changed from about step {since(changes):,} on: {_evidence(changes)}"
    if causes:
        return f"{found}. {_likely(causes[0])}"
    return f"{found}. {LATER.format(steps=wait)}" if wait else found


def of_cause(first: int, causes: list[Cause], more: Sequence[Change], over: Sequence[Change] = ()) -> str:
    """Say the cause of a change that was said before, what was found since then, and which groups move again.

    >>> of_cause(5001, [], [], [Change("frozen", "head", 0.5, 0.0, 5001, 5020, 0.0)])
    'the change from about step 5,001 on: head moves again.'
    """
    parts = [f"{' and '.join(change.group for change in over)} {'moves' if len(over) == 1 else 'move'} again."] if over else []
    parts += [_likely(causes[0])] if clear(causes) else [_several(causes)] if causes else []
    parts += [f"Found since: {_evidence(more)}."] if more else []
    return f"the change from about step {first:,} on: {' '.join(parts)}"


def of_deviations(deviations: Sequence[Check], optimizer: object, causes: list[Cause]) -> str:
    """Say what the optimizer does not give, and the causes that may explain it, if there are any."""
    first = min(check.since or 0 for check in deviations)
    found = f"the run is not what {optimizer} gives, from step {first:,} on: {'; '.join(map(sentence_of_check, deviations))}"
    if not causes:
        return found
    if clear(causes):
        return f"{found}. {_likely(causes[0])}"
    return f"{found}. {(text := _several(causes))[0].upper()}{text[1:]}"


def since(changes: Sequence[Change]) -> int:
    """The first step from which on something changed."""
    return min(change.since for change in changes)


def _evidence(changes: Sequence[Change]) -> str:
    return "; ".join(map(sentence_of_change, first_of_groups(tuple(changes))))


def _several(causes: list[Cause]) -> str:
    ranked = (f"{number}. {cause.text}. {cause.check}." for number, cause in enumerate(causes[:SHOWN], start=1))
    return f"{unclear(causes)} {' '.join(ranked)}"


def _likely(cause: Cause) -> str:
    return f"Likely cause: {cause.text}. {cause.check}."
