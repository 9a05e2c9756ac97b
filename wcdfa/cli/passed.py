"""Counts the logs in a folder that are no failure although they have no row: those of something else, and empty ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from wcdfa.analysis.result_types import FailedResult
from wcdfa.readers.places import place_of

FEW = 3  # logs whose columns are shown where no log holds a norm


@dataclass
class Passed:
    """How many logs were passed over. What the user named by its own path is not passed over."""

    named: Collection[Path]
    """The paths that the user gave."""
    other: int = 0
    """Logs that hold no such series."""
    empty: int = 0
    """Logs in which nothing is logged."""
    examples: list[FailedResult] = field(default_factory=list)
    """A few of the logs that hold no such series."""

    @cached_property
    def _shown(self) -> set[str]:
        """The paths as results have them: URLs without secrets."""
        return {str(place_of(path)) for path in self.named}

    def over(self, failure: FailedResult) -> bool:
        """Whether a log is passed over; it is counted."""
        empty = failure.get("empty", False)
        alone = not failure["run"]  # of several runs in a log, one may hold something else
        if not (failure["none"] or empty) or (alone and failure["path"] in self._shown):
            return False
        self.empty += empty
        self.other += not empty
        if not empty and len(self.examples) < FEW:
            self.examples.append(failure)
        return True
