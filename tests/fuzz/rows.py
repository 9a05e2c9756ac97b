"""The rows of a log as they were written, and the series that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One record as it was written."""

    value: float | None
    """None if this record has no value of the series."""
    step: int | None
    beside: Mapping[str, float] = {}  # nothing changes it
    """Other numbers of the record, such as the learning rate and the loss."""


def ordered(rows: Sequence[Row]) -> list[Row]:
    """The series that was logged: a restart undoes the earlier records of its step and of later steps, and the last record of a step counts."""
    if any(row.step is None for row in rows):
        return [row for row in rows if row.value is not None]
    kept: list[Row] = []
    for row in rows:
        if row.value is None:
            continue
        while kept and kept[-1].step >= row.step:  # type: ignore[operator] # no step is None
            kept.pop()
        kept.append(row)
    return kept


def key(value: float) -> float | str:
    """Something by which values can be compared, NaN too."""
    return "nan" if math.isnan(value) else value
