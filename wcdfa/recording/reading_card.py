"""What a notebook shows of a `Reading`, and of what holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wcdfa.recording.shortage import too_few_yet
from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import several
from wcdfa.support.vignettes import track

if TYPE_CHECKING:
    from wcdfa.recording.reading import Reading

NEXT = "reading.verdict() says what explains the α of these norms; reading.diagnosis() asks whether something changed."


@or_text
def reading_card(reading: Reading) -> Markup:
    """The norms as a line, and what is known beside them.

    >>> from wcdfa.recording.reading import Reading
    >>> "too few steps yet (20 of 28)" in reading_card(Reading(np.ones(20), 20, 0))
    True
    """
    norms = np.asarray(reading.norms, dtype=np.float64)
    if norms.ndim != 1:
        head = f"‖ΔW‖ of an ensemble of {several(int(np.prod(norms.shape[:-1])), 'run', 'runs')}, {norms.shape[-1]:,} steps each"
        return card(head, picture=norms_track(norms.reshape(-1, norms.shape[-1])[:1]), todo="reading.member(i) gives one of them.")
    facts = [optimizer_of(reading), _rates(reading), _left_out(reading)]
    return card(counted(reading), *facts, picture=norms_track(norms), todo=next_of(norms, NEXT))


def counted(reading: Reading) -> str:
    """How many norms there are, and of which steps.

    >>> from wcdfa.recording.reading import Reading
    >>> counted(Reading(np.ones(3), 3, 0, steps=np.array([4, 5, 6])))
    '3 norms ‖ΔW‖, steps 4–6'
    """
    count = several(len(reading.norms), "norm", "norms")
    steps = reading.steps
    return f"{count} ‖ΔW‖" if steps is None or not len(steps) else f"{count} ‖ΔW‖, steps {int(steps[0]):,}–{int(steps[-1]):,}"


def norms_track(norms: npt.ArrayLike) -> Markup | None:
    """The logarithm of the norms over time; None if there is no norm to draw."""
    with np.errstate(all="ignore"):
        logs = np.log(np.asarray(norms, dtype=np.float64))
    return track(logs, name="‖ΔW‖, logarithmic", said="the logarithm of ‖ΔW‖ over the steps") if np.isfinite(logs).any() else None


def next_of(norms: npt.ArrayLike, todo: str) -> str:
    """What to do next: record more steps if the norms are too few for a verdict, else `todo`."""
    usable = np.asarray(norms, dtype=np.float64)
    usable = usable[np.isfinite(usable) & (usable > 0)]
    return todo if len(usable) >= LEAST else f"Train on: {too_few_yet(len(usable), LEAST)}."


def optimizer_of(reading: Reading) -> str:
    """The optimizer with its numbers, as far as it is known."""
    if reading.optimizer is None:
        return f"Optimizer unknown: {reading.unknown}." if reading.unknown else ""
    known = [f"{name} {value:g}" for name, value in reading.hyperparameters.items() if isinstance(value, float)]
    groups = several(len(reading.groups), "group", "groups") if reading.groups else ""
    return f"Made by {', '.join([reading.optimizer, *known])}{f'; {groups} of parameters' if groups else ''}."


def _rates(reading: Reading) -> str:
    known = np.empty(0) if reading.lr is None else np.asarray(reading.lr)[np.isfinite(reading.lr)]
    if not known.size:
        return ""
    first, last = float(known[0]), float(known[-1])
    same = float(known.min()) == float(known.max())
    return f"Learning rate {first:.3g}." if same else f"Learning rate {first:.3g} at first, {last:.3g} at last."


def _left_out(reading: Reading) -> str:
    skipped = int(reading.skipped)
    return f"{several(skipped, 'step is', 'steps are')} left out, because nothing moved." if skipped else ""
