"""Reads the series in several logs; a log that cannot be read does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wcdfa.analysis.result_types import FailedResult
from wcdfa.analysis.results import failed
from wcdfa.cli.passed import Passed
from wcdfa.readers import Source
from wcdfa.readers.columns import Run

Part = TypeVar("Part")


class Readings:
    """Reads runs, and keeps what failed.

    Parameters
    ----------
    named : list of Path
        The paths that the user gave.
    """

    def __init__(self, named: Sequence[Path]) -> None:
        self.errors: list[FailedResult] = []
        self.passed = Passed(set(named))

    def each(self, source: Source, parts_of: Callable[[Run], Iterable[Part]]) -> Iterator[Part]:
        """What `parts_of` makes of each run in a log. An error ends the run that it belongs to, or the log."""
        try:
            for run in source.runs():
                try:
                    yield from parts_of(run)
                except (ValueError, OSError) as error:
                    self._keep(failed(source.path, error, run.name))
        except (ValueError, OSError) as error:
            self._keep(failed(source.path, error))

    def _keep(self, failure: FailedResult) -> None:
        if not self.passed.over(failure):
            self.errors.append(failure)
