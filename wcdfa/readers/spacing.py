"""Checks the steps of a series: the last record of a step counts, and a series with steps left out is refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.readers.columns import Column, Floats, Integers
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.ordering import in_order

EVEN = 0.95  # share of the differences that must equal the usual one
FEW = 10  # with fewer rows, their spacing cannot be judged
LISTED = 4  # stretches of equal spacing in a message


class Subsampled(LogError):
    """Only some steps of a series were logged."""


class Spaced(NamedTuple):
    """Values in the order of their steps, each step once."""

    values: Floats
    steps: Integers | None  # None if the log has none
    notes: tuple[str, ...]


def spaced(column: Column, *, spacing: int | None = 1, first: int | None = None, last: int | None = None) -> Spaced:
    """Put the values of a column in the order of their steps. The last record of a step counts; records that a restart undid do not.

    >>> import numpy as np
    >>> spaced(Column(np.array([1.0, 2.0, 3.0, 2.5, 3.5]), np.array([1, 2, 3, 2, 3])))
    Spaced(values=array([1. , 2.5, 3.5]), steps=array([1, 2, 3]), notes=('steps went back to 2: a restart, and the later records count; 2 records that it replaced are left out',))

    Parameters
    ----------
    column : Column
    spacing : int, optional
        How many steps of the log make one optimizer step. None takes the usual distance, as for checkpoints.
    first, last : int, optional
        The steps to take, both included.

    Raises
    ------
    Subsampled
        If more than 5 % of the steps have another distance, because the series of every 10th norm has another α. Nothing is interpolated.
    ValueError
        If no step is in the range, or the log has no steps.
    """
    values, steps = column.values, column.steps
    if steps is None:
        if first is not None or last is not None:
            msg = "the log has no steps to choose a range of: cut it by rows"
            raise ValueError(msg)
        _require_rows(column.rows, spacing or 1)
        return Spaced(values, None, ())
    values, steps, notes = in_order(values, steps)
    values, steps = _between(values, steps, first, last)
    spacing = _usual(np.diff(steps)) if spacing is None else spacing
    _require_even(steps, spacing)
    missing = int(steps[-1] - steps[0]) // spacing + 1 - len(steps)
    return Spaced(values, steps, (*notes, f"{missing:,} steps between are not in the log") if missing > 0 else notes)


def _between(values: Floats, steps: Integers, first: int | None, last: int | None) -> tuple[Floats, Integers]:
    if first is None and last is None:
        return values, steps
    chosen = (steps >= (steps.min() if first is None else first)) & (steps <= (steps.max() if last is None else last))
    if not chosen.any():
        msg = f"no step from {first} to {last}: those logged are {steps.min():,} to {steps.max():,}"
        raise ValueError(msg)
    return values[chosen], steps[chosen]


def _require_rows(rows: Integers | None, spacing: int) -> None:
    """Raise if most values are several rows apart, because steps may have been left out. Single rows in between may hold other values."""
    if rows is None or len(rows) < FEW:
        return
    usual = int(np.sort(np.diff(rows))[(len(rows) - 1) // 2])
    if usual != spacing:
        msg = (
            f"the log has no steps, and a value only in every {_ordinal(usual)} row: if steps were left out, α describes another series; "
            "if each value is one optimizer step, say so:"
        )
        raise Subsampled(msg, _spacing(usual))


def _require_even(steps: Integers, spacing: int) -> None:
    differences = np.diff(steps)
    if not differences.size or np.mean(differences == spacing) >= EVEN:
        return
    usual = _usual(differences)
    if np.mean(differences == usual) < EVEN:
        msg = f"steps are unevenly spaced ({_stretches(steps, differences)}): log every step, or choose a stretch with"
        raise Subsampled(msg, Option("steps", ("first", "last")))
    way_out = f"log every step (every=1 of a callback, log_every=1 of a monitor); or, where one optimizer step is {usual} of the log's, say so:"
    if usual > spacing:
        msg = (
            f"only every {_ordinal(usual)} step was logged ({steps[0]:,}, {steps[1]:,}, … {steps[-1]:,}), and α of every {_ordinal(usual)} norm is that of "
            f"another series: {way_out}"
        )
    else:
        msg = f"steps are {usual} apart, and the spacing was given as {spacing}: {way_out}"
    raise Subsampled(msg, _spacing(usual))


def _spacing(usual: int) -> Option:
    return Option("spacing", (usual,))


def _usual(differences: Integers) -> int:
    return int(np.sort(differences)[len(differences) // 2]) if differences.size else 1


def _stretches(steps: Integers, differences: Integers) -> str:
    """The longest stretches of equal spacing, in the order of their steps."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(differences)) + 1])
    stops = np.append(starts[1:], len(differences))
    longest = np.sort(np.argsort(starts - stops, kind="stable")[:LISTED])
    said = [f"{steps[starts[i]]:,} to {steps[stops[i]]:,} by {differences[starts[i]]:,}" for i in longest]
    return ", ".join(said) + (", …" if len(starts) > LISTED else "")


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
