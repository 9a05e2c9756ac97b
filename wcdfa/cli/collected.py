"""Collects the results of many series: each is written out, and only its summary is kept. A run in several logs counts once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.analysis.result_types import FailedResult, Result, SeriesResult
from wcdfa.analysis.same_runs import SameRuns
from wcdfa.cli.grouping import Grouping
from wcdfa.cli.json_lines import JsonLines
from wcdfa.cli.passed import Passed
from wcdfa.cli.tables import label_of

if TYPE_CHECKING:
    from wcdfa.analysis.results_table import ResultTable


class Collected:
    """The results so far.

    Parameters
    ----------
    named : list of Path
        The paths that the user gave.
    grouping : Grouping
    writer : ResultTable, optional
        Takes every window of every run.
    lines : JsonLines, optional
        Takes every run.
    """

    def __init__(self, named: Sequence[Path], grouping: Grouping, writer: ResultTable | None, lines: JsonLines | None) -> None:
        self.errors: list[FailedResult] = []
        self.passed = Passed(set(named))
        self._runs: dict[int, SeriesResult] = {}
        self._runs_of: dict[Path, list[int]] = {}
        self._log_of: dict[int, Path] = {}
        self._same = SameRuns()
        self._grouping, self._writer, self._lines = grouping, writer, lines

    def take(self, result: Result, log: Path) -> None:
        """Take a result that comes from a log."""
        result["group"] = self._grouping.key(result)
        if "error" not in result:
            self._take_series(result, log)
        elif not self.passed.over(result):
            self.errors.append(result)
            if self._writer is not None:
                self._writer.add(result)

    def _take_series(self, result: SeriesResult, log: Path) -> None:
        joined = self._same.add(result.pop("fingerprint"))
        if not joined.kept:
            return
        before = self._runs.get(joined.run)
        self._runs[joined.run] = {**result, "windows": result["windows"][-1:]}
        self._runs_of.setdefault(log, []).append(joined.run)
        self._log_of[joined.run] = log
        if self._writer is not None:  # first, so that the table holds what is printed, whenever the command is ended
            if before is not None:
                self._writer.leave_out(before["path"], before["run"], before["series"])
            self._writer.add(result)
        if self._lines is not None and self._lines.take(joined.run, result):
            self._same.settle(joined.run)

    def of_log(self, log: Path) -> Iterator[SeriesResult]:
        """The runs for which a log stands, in the order of their names. From now on it always does."""
        runs = [run for run in self._runs_of.get(log, ()) if self._log_of[run] == log]
        for run in sorted(runs, key=lambda run: label_of(self._runs[run])):
            self._same.settle(run)
            yield self._runs[run]

    def results(self) -> list[SeriesResult]:
        """A result for each run, in the order of their names."""
        noted = [self._noted(run, result) for run, result in self._runs.items()]
        return sorted(noted, key=label_of)

    def _noted(self, run: int, result: SeriesResult) -> SeriesResult:
        notes = [*result["notes"], *filter(None, [self._same.note(run)])]
        return {**result, "notes": notes, "known_as": self._same.column(run)}

    def print_held(self) -> Iterator[tuple[str, str]]:
        """Print the lines of JSON that were held; yields the notes on runs in several logs whose lines were printed before."""
        if self._lines is None or self._lines.print_held(self._same.note):
            return
        for run, result in self._runs.items():
            if note := self._same.note(run):
                yield label_of(result), note
