"""Finds how far apart the values of a series are: the last record of a step counts, and uneven steps are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Floats, Integers
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.ordering import in_order
from wcdfa.readers.repeated_steps import require_told_apart
from wcdfa.readers.rising import equal_distance
from wcdfa.readers.step_values import COUNT_NOTHING
from wcdfa.readers.tools import has_option, log_each
from wcdfa.support.text import ordinal, several

EVEN = 0.95  # share of the differences that must equal the usual one
FEW = 10  # with fewer values, their spacing cannot be judged
LISTED = 4  # stretches of equal spacing in a message
ONE_AN_EPOCH = "one row an epoch: unless an epoch is a single step, α is that of one value an epoch and not of optimizer steps"
NO_STEPS = "the log has no steps: each value is taken as one optimizer step"


class Subsampled(LogError):
    """Some steps of a series were left out, and not at even distances."""


class Spaced(NamedTuple):
    """Values in the order of their steps, each step once."""

    values: Floats
    steps: Integers | None  # None if the log has none
    notes: tuple[str, ...]
    thinned: int = 1
    """Optimizer steps from one value to the next."""


def spaced(
    column: Column, *, spacing: int | None = None, first: int | None = None, last: int | None = None, tool: str = ""
) -> Spaced:
    """Put the values of a column in the order of their steps. The last record of a step counts; records that a restart undid do not.

    >>> import numpy as np
    >>> found = spaced(Column(np.array([1.0, 2.0, 3.0, 2.5, 3.5]), np.array([10, 20, 30, 20, 30])))
    >>> found.values, found.steps, found.thinned
    (array([1. , 2.5, 3.5]), array([10, 20, 30]), 10)
    >>> print(found.notes[0])
    steps went back to 20: a restart, and the later records count; 2 records that it replaced are left out

    Parameters
    ----------
    column : Column
    spacing : int, optional
        Optimizer steps from one value to the next. Default: as many as the steps of the log say; 1 if it has none. Give it where the
        log counts something else, such as micro-batches or rows.
    first, last : int, optional
        The steps to take, both included.
    tool : str
        The program that wrote the log, as in `wcdfa.readers.tools`: the notes name its option that logs each step.

    Raises
    ------
    Subsampled
        If more than 5 % of the steps have another distance than the usual one. Nothing is interpolated.
    SeveralRuns
        If steps repeat with other values, so that several runs seem to stand in one log.
    ValueError
        If no step is in the range, or the log has no steps.
    """
    values, steps = column.values, column.steps
    if steps is None:
        if first is not None or last is not None:
            msg = "the log has no steps to choose a range of: cut it by rows"
            raise ValueError(msg)
        notes = list(_without_steps(column)) if spacing is None else _thinned(spacing, tool)
        return Spaced(values, None, tuple(notes), spacing or 1)
    require_told_apart(values, steps)
    values, steps, restarts = in_order(values, steps)
    values, steps = _between(values, steps, first, last)
    usual = _usual(steps)
    values, steps, off = _without_others(values, steps, usual)
    _require_even(steps, usual, tool)
    thinned = usual if spacing is None else spacing
    said = _thinned(thinned, tool) if spacing is not None or len(steps) >= FEW or _is_option(steps, usual, tool) else ()
    return Spaced(values, steps, (*restarts, *said, *_left_out(off), *_missing(steps, usual)), thinned)


def even_spacing(steps: Integers) -> int | None:
    """The usual distance of steps in order, if they are evenly spaced; else None.

    >>> even_spacing(np.array([0, 10, 20, 30])), even_spacing(np.array([0, 1, 4, 9]))
    (10, None)
    """
    if len(steps) < 2:
        return None
    if (apart := equal_distance(steps)) is not None and apart > 0:
        return apart
    usual = _usual(steps)
    return usual if usual > 0 and _is_even(steps[_on_grid(steps, usual)], usual) else None


def _between(values: Floats, steps: Integers, first: int | None, last: int | None) -> tuple[Floats, Integers]:
    if first is None and last is None:
        return values, steps
    chosen = (steps >= (steps.min() if first is None else first)) & (steps <= (steps.max() if last is None else last))
    if not chosen.any():
        msg = f"no step from {first} to {last}: those logged are {steps.min():,} to {steps.max():,}"
        raise ValueError(msg)
    return values[chosen], steps[chosen]


def _without_steps(column: Column) -> Iterator[str]:
    """The note on a log without steps, which says so if most values are several rows apart. Single rows in between may hold other values."""
    if ONE_AN_EPOCH in column.notes:
        return
    rows = column.rows
    told = any(note.endswith(COUNT_NOTHING) for note in column.notes)
    apart = 1 if rows is None or len(rows) < FEW else int(np.sort(np.diff(rows))[(len(rows) - 1) // 2])
    if apart > 1:
        yield (
            f"{NO_STEPS}; but only every {ordinal(apart)} row holds one: if {apart - 1:,} of {apart:,} steps were left out, say so with "
            f"{Option('spacing', (apart,))}"
        )
    elif not told:
        yield NO_STEPS


def _on_grid(steps: Integers, usual: int) -> npt.NDArray[np.bool_]:
    """Which values are a multiple of the usual distance apart. A log of every 10th step often holds the first or the last step too."""
    phase = steps % usual
    if np.all(phase == phase[0]):
        return np.ones(len(steps), dtype=bool)
    phases, place, counts = np.unique(phase, return_inverse=True, return_counts=True)
    on: npt.NDArray[np.bool_] = place == np.argmax(counts)
    few = len(phases) > 1 and len(steps) - counts.max() <= max(1.0, (1 - EVEN) * len(steps))
    return on if few else np.ones(len(steps), dtype=bool)


def _without_others(values: Floats, steps: Integers, usual: int) -> tuple[Floats, Integers, int]:
    """The values that are a multiple of the usual distance apart, and how many others there were."""
    if equal_distance(steps) is not None:
        return values, steps, 0
    on = _on_grid(steps, usual)
    off = len(steps) - int(np.sum(on))
    return (values[on], steps[on], off) if off else (values, steps, 0)


def _left_out(off: int) -> Iterator[str]:
    if off:
        yield f"{several(off, 'value at steps between was', 'values at steps between were')} left out"


def _thinned(apart: int, tool: str) -> Iterator[str]:
    if apart > 1:
        advice = f"; {log_each(tool)}" if has_option(tool) else ""
        yield f"only every {ordinal(apart)} step was logged: memory below {apart:,} steps cannot be seen{advice}"


def _is_option(steps: Integers, usual: int, tool: str) -> bool:
    """Whether few steps are so far apart because the tool logs no others: it does unless it is told to log each."""
    return has_option(tool) and len(steps) > 2 and equal_distance(steps) == usual


def _missing(steps: Integers, usual: int) -> Iterator[str]:
    missing = int(steps[-1] - steps[0]) // usual + 1 - len(steps)
    if missing > 0:
        yield f"{several(missing, 'step', 'steps')} between {'is' if missing == 1 else 'are'} not in the log"


def _is_even(steps: Integers, usual: int) -> bool:
    return len(steps) < 2 or equal_distance(steps) == usual or bool(np.mean(np.diff(steps) == usual) >= EVEN)


def _require_even(steps: Integers, usual: int, tool: str) -> None:
    if not _is_even(steps, usual):
        differences = np.diff(steps)
        each = log_each(tool) if has_option(tool) else "log every step"
        msg = f"steps are unevenly spaced ({_stretches(steps, differences)}): {each}, or choose a stretch with"
        raise Subsampled(msg, Option("steps", ("first", "last")))


def _usual(steps: Integers) -> int:
    """The usual distance of steps in order."""
    apart = equal_distance(steps)
    if apart is not None or len(steps) < 2:
        return 1 if apart is None else apart
    differences = np.diff(steps)
    differences.sort()
    return int(differences[len(differences) // 2])


def _stretches(steps: Integers, differences: Integers) -> str:
    """The longest stretches of equal spacing, in the order of their steps."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(differences)) + 1])
    stops = np.append(starts[1:], len(differences))
    longest = np.sort(np.argsort(starts - stops, kind="stable")[:LISTED])
    said = [f"{steps[starts[i]]:,} to {steps[stops[i]]:,} by {differences[starts[i]]:,}" for i in longest]
    return ", ".join(said) + (", …" if len(starts) > LISTED else "")
