"""``wcdfa analyze`` for many series: prints a row for each at the end; the output files grow meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from wcdfa.analysis.cluster import on_dask
from wcdfa.analysis.parallel import in_processes, run_task, tasks
from wcdfa.analysis.result_types import FailedResult, Result, SeriesResult
from wcdfa.analysis.series import Settings
from wcdfa.cli.exit_status import Condition, exit_status
from wcdfa.cli.grouping import Grouping
from wcdfa.cli.locating import bar
from wcdfa.cli.printing import print_errors, print_json, print_notes, print_results, written
from wcdfa.cli.streams import require_output
from wcdfa.cli.tables import label_of
from wcdfa.readers import Source

if TYPE_CHECKING:
    from wcdfa.analysis.results_table import ResultTable

FEW = 2  # up to this many logs, reading is faster than starting processes


class Spread(NamedTuple):
    """Where the work is done: on processes or a cluster."""

    jobs: int
    """Processes."""
    dask: str | None
    """The address of a Dask cluster, or "local"; None for processes of this machine."""


class _Collected:
    """Collects results. Each is written out at once, and only its summary is kept."""

    def __init__(self, named: Sequence[Path], grouping: Grouping, writer: ResultTable | None, json_output: bool) -> None:
        self.results: list[SeriesResult] = []
        self.errors: list[FailedResult] = []
        self.passed = 0  # files in a folder that hold no series
        self._named, self._grouping, self._writer, self._json_output = set(named), grouping, writer, json_output

    def take(self, result: Result) -> None:
        result["group"] = self._grouping.key(result)
        if "error" in result:
            if result["none"] and Path(result["path"]) not in self._named:
                self.passed += 1
                return
            self.errors.append(result)
        else:
            self.results.append({**result, "windows": result["windows"][-1:]})
        if self._writer is not None:  # first, so that the table holds what is printed, whenever the command is ended
            self._writer.add(result)
        if self._json_output and "error" not in result:
            print_json(result)


def judge_many(
    found: Sequence[Source],
    settings: Settings,
    console: Console,
    *,
    named: Sequence[Path],
    errors: Sequence[FailedResult],
    grouping: Grouping,
    spread: Spread,
    json_output: bool,
    table: Path | None,
    fail_on: Sequence[Condition],
) -> int:
    """Judge all series of the logs and print a row for each; returns the exit status.

    Parameters
    ----------
    found, settings, console
    named : list of Path
        The paths that the user gave. It is an error if one of them holds no series; other files in a folder are skipped.
    errors : list of FailedResult
        Errors from finding the logs.
    grouping, spread, json_output, table, fail_on
        As the options of the command.
    """
    if json_output or table is None:
        require_output()
    with ExitStack() as stack:
        collected = _Collected(named, grouping, None if table is None else stack.enter_context(_table(table)), json_output)
        collected.errors += errors
        try:
            for result in _results(found, settings, spread, console):
                collected.take(result)
        finally:  # also after Ctrl-C, for the results so far
            results = sorted(collected.results, key=label_of)
            if not json_output:
                print_results(results, console)
                print_notes(results, console)
            grouping.report(results, console, json_output)
            print_errors(collected.errors, collected.passed, console)
    if table is not None:
        written("table", table.resolve(), console)
    return exit_status(results, collected.errors, fail_on)


def _table(path: Path) -> ResultTable:
    from wcdfa.analysis.results_table import ResultTable  # noqa: PLC0415 - pyarrow takes a while to import

    return ResultTable(path)


def _results(found: Sequence[Source], settings: Settings, spread: Spread, console: Console) -> Iterator[Result]:
    """The result of each series as soon as its log is done."""
    todo = tasks(found, settings, spread.jobs)
    if spread.dask is not None:
        batches = on_dask(todo, spread.dask, spread.jobs)
    elif spread.jobs == 1 or len(todo) <= FEW:
        batches = (run_task(task) for task in todo)
    else:
        batches = in_processes(todo, min(spread.jobs, len(todo)))
    with bar("reading and judging logs", console) as progress:
        task = progress.add_task("logs", total=len(todo))
        for batch in batches:
            yield from batch
            progress.advance(task)
