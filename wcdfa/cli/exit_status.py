"""Determines the exit status of a command, for scripts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from wcdfa.analysis.result_types import FailedResult, SeriesResult

FAILED, FOUND = 1, 3
Condition = Literal["ordered", "critical", "disordered", "undecided", "none", "drift"]


def exit_status(results: Collection[SeriesResult], errors: Collection[FailedResult], fail_on: Iterable[Condition]) -> int:
    """Return 3 if a condition is met (regime of a last window, "none" if it has no α, or "drift"), else 1 after an error, else 0."""
    met: set[Condition] = {result["regime"] or "none" for result in results}
    if any(result["alarms"] for result in results):
        met.add("drift")
    if met.intersection(fail_on):
        return FOUND
    return FAILED if errors or not results else 0
