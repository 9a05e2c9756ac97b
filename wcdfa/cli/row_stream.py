"""Prints the table of many series row by row, in the order of the logs, while they are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from wcdfa.analysis.parallel import Task
from wcdfa.analysis.result_types import SeriesResult
from wcdfa.cli.tables import ROWS, narrow_table, result_row

AHEAD = 8  # logs that are known before a row is printed: another log of the same run mostly lies beside it
FOOT = 1  # lines of a table below its rows
LONGEST = 120  # characters of a verdict, or of what a path lacks to the name of a series, where no terminal limits the width


class RowStream:
    """A table that grows.

    Parameters
    ----------
    todo : list of Task
        The tasks; their logs are in the order of the table.
    rows_of : callable
        The results for which a log stands.
    console : Console
    compared : bool
        Whether there is a column for p.
    """

    def __init__(
        self, todo: Sequence[Task], rows_of: Callable[[Path], Iterable[SeriesResult]], console: Console, *, compared: bool
    ) -> None:
        self._logs = list(dict.fromkeys(task.source.path for task in todo))
        self._parts = Counter(task.source.path for task in todo)
        self._rows_of, self._console, self._compared = rows_of, console, compared
        self._width = console.width if console.is_terminal else 2 * (max(len(str(log)) for log in self._logs) + LONGEST)
        self._known = self._told = 0  # logs, from the first on, that are done, and whose rows were printed
        self._printed: list[SeriesResult] = []
        self._head = len(self._rendered([])) - FOOT - 1  # lines above the rows; the row is one empty line

    def done(self, task: Task) -> None:
        """Print the rows that are due now that this task is done."""
        self._parts[task.source.path] -= 1
        while self._known < len(self._logs) and not self._parts[self._logs[self._known]]:
            self._known += 1
        while self._told + AHEAD < self._known and len(self._printed) < ROWS // 2:
            for result in self._rows_of(self._logs[self._told]):
                if len(self._printed) < ROWS // 2:
                    self._print(result)
            self._told += 1

    def close(self, results: Sequence[SeriesResult]) -> None:
        """Print the rows that are left, or the last of them, and the end of the table."""
        printed = {(each["path"], each["run"], each["series"]) for each in self._printed}
        left = [each for each in results if (each["path"], each["run"], each["series"]) not in printed]
        first = left[: max(0, ROWS // 2 - len(printed))] if len(results) > ROWS else left
        last = left[len(first) :][-(ROWS // 2) :]
        for result in first:
            self._print(result)
        if more := len(left) - len(first) - len(last):
            self._lines([f"… {more:,} more, with --json"])
        for result in last:
            self._print(result)
        if self._printed:
            self._console.print(self._segments([], slice(-FOOT, None)), end="")

    def _print(self, result: SeriesResult) -> None:
        if not self._printed:
            self._console.print(self._segments([], slice(0, self._head)), end="")
        self._printed.append(result)
        self._lines(result_row(result, compared=self._compared))

    def _lines(self, row: Sequence[str | Text]) -> None:
        self._console.print(self._segments(row, slice(self._head, -FOOT)), end="")

    def _segments(self, row: Sequence[str | Text], part: slice) -> Segments:
        """Some lines of a table with one row. Tables of one width look alike."""
        return Segments([segment for line in self._rendered(row)[part] for segment in (*line, Segment.line())])

    def _rendered(self, row: Sequence[str | Text]) -> list[list[Segment]]:
        return self._console.render_lines(narrow_table(self._width, row, compared=self._compared), pad=False)
