"""``wcdfa analyze`` for many series: prints a row for each; the output files grow meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from wcdfa.analysis.advice import of_results
from wcdfa.analysis.cluster import on_dask
from wcdfa.analysis.parallel import Batch, Task, in_processes, run_here, tasks
from wcdfa.analysis.result_types import FailedResult, SeriesResult
from wcdfa.analysis.series import Settings
from wcdfa.cli.collected import Collected
from wcdfa.cli.exit_status import Condition, exit_status
from wcdfa.cli.grouping import Grouping
from wcdfa.cli.json_lines import JsonLines
from wcdfa.cli.locating import bar
from wcdfa.cli.printing import advise, print_errors, print_not_compared, print_notes, print_results, say, written
from wcdfa.cli.row_stream import RowStream
from wcdfa.cli.streams import require_output
from wcdfa.cli.tables import ROWS
from wcdfa.readers import Source
from wcdfa.readers.saved_norms import saved_norms
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from wcdfa.analysis.results_table import ResultTable

FEW = 2  # up to this many logs, reading is faster than starting processes


class Spread(NamedTuple):
    """Where the work is done: on processes or a cluster."""

    jobs: int
    """Processes."""
    dask: str | None
    """The address of a Dask cluster, or "local"; None for processes of this machine."""


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
    """Judge all series of the logs and print a row for each run; returns the exit status.

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
    found = sorted(found, key=lambda source: shown(source.path))
    many = len(found) > ROWS
    with ExitStack() as stack:
        writer = None if table is None else stack.enter_context(_table(table))
        # which log stands for a run is known at the end; in a store, and of very many logs of one kind, the first does
        held = 1 < len(found) <= ROWS or _kinds(found) > 1
        lines = stack.enter_context(JsonLines(held=held)) if json_output else None
        collected = Collected(named, grouping, writer, lines)
        collected.errors += errors
        todo = tasks(found, settings, spread.jobs)
        rows = (
            RowStream(todo, collected.of_log, console, compared=settings.optimizer is not None)
            if many and not json_output
            else None
        )
        try:
            for batch in _batches(todo, spread, console):
                for result in batch:
                    collected.take(result, batch.task.source.path)
                if rows is not None:
                    rows.done(batch.task)
        finally:  # also after Ctrl-C, for the results so far
            results = collected.results()
            _print(collected, results, rows, console, json_output=json_output)
            grouping.report(results, console, json_output)
            print_errors(collected.errors, collected.passed, console, nothing_else=not results)
            if not results and (saved := saved_norms([*named, *(Path(each["path"]).parent for each in collected.errors)])):
                say(console, str(saved))
    if table is not None:
        written("table", table.resolve(), console)
    return exit_status(results, collected.errors, fail_on)


def _kinds(found: Sequence[Source]) -> int:
    return len({source.reader.description for source in found})


def _print(
    collected: Collected, results: Sequence[SeriesResult], rows: RowStream | None, console: Console, *, json_output: bool
) -> None:
    if json_output:
        for label, note in collected.print_held():
            say(console, f"note: {label}: {note}")
        return
    if rows is None:
        print_results(results, console)
    else:
        rows.close(results)
        print_not_compared(results, console)
    print_notes(results, console)
    if results:
        advise(of_results(results), console)


def _table(path: Path) -> ResultTable:
    from wcdfa.analysis.results_table import ResultTable  # noqa: PLC0415 - pyarrow takes a while to import

    return ResultTable(path)


def _batches(todo: Sequence[Task], spread: Spread, console: Console) -> Iterator[Batch]:
    """The results of each task as soon as it is done."""
    if spread.dask is not None:
        batches = on_dask(todo, spread.dask, spread.jobs)
    elif spread.jobs == 1 or len(todo) <= FEW:
        batches = run_here(todo)
    else:
        batches = in_processes(todo, min(spread.jobs, len(todo)))
    with bar("reading and judging logs", console) as progress:
        task = progress.add_task("logs", total=len(todo))
        for batch in batches:
            yield batch
            progress.advance(task)
