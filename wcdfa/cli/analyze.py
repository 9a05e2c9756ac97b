"""``wcdfa analyze``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

from wcdfa.analysis.cluster import on_dask
from wcdfa.analysis.parallel import in_processes, run_task, tasks
from wcdfa.analysis.remarks import remarks
from wcdfa.analysis.series import Plain, Settings, as_json
from wcdfa.analysis.series import analyze as judged
from wcdfa.cli.grouping import Grouping
from wcdfa.cli.locating import bar, located
from wcdfa.cli.options import AtLeastOne, Judging
from wcdfa.cli.printing import ROWS, busy, label_of, print_errors, report, say, table_of, written
from wcdfa.readers import Source
from wcdfa.readers.formats import described
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import shown

FAILED, FOUND = 1, 3  # exit status
FEW = 2  # logs that are read faster here than processes start
Found = Literal["ordered", "critical", "disordered", "undecided", "none", "drift"]
Logs = Annotated[list[Path], Parameter(negative="", json_list=False, help=f"Files or folders: {described()}.")]
DEFAULT = Judging()


def analyze(
    paths: Logs,
    /,
    *,
    judging: Judging = DEFAULT,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    table: Path | None = None,
    group_by: str | None = None,
    fail_on: Annotated[list[Found] | None, Parameter(negative="")] = None,
    jobs: AtLeastOne | None = None,
    dask: str | None = None,
) -> int:
    """α of recorded runs, window by window, with its interval and what else could explain it.

    One series is shown window by window, with a picture; of several there is a row for each, with α of its last window. Exit status:
    0, all went well; 1, something could not be read or judged; 2, a wrong call; 3, what --fail-on asks for was found.

    Parameters
    ----------
    json_output
        Print one JSON object a series, each on its line, instead of a table, and write no picture unless --output names one.
    output
        Where the picture of a single series goes. Default: beside you, named after the log.
    table
        Write all windows of all series to this parquet file, as they are found.
    group_by
        A regular expression, such as "lr=[^/]*": runs in whose path and name it finds the same text are one row, with the mean of
        their α.
    fail_on
        Exit with status 3 if the last window of a series is that, or α has drifted; repeat it for several.
    jobs
        Processes to spread many runs over. Default: one a core.
    dask
        Spread them over a cluster of Dask instead: its address, or "local".
    """
    settings = judging.settings()
    grouping = Grouping(group_by)
    console = Console(stderr=json_output)
    with busy("reading", console):
        found, errors = located(paths)
        alone = not errors and table is None and group_by is None and dask is None
        series = _single(found, settings) if alone else None
    if series is not None:
        return _one(series, settings, json_output, output, fail_on or [], console)
    if table is not None and (place := table.resolve()) in {source.path.resolve() for source in found}:
        msg = f"--table would replace {shown(place)}, which is to be read: choose another name"
        raise ValueError(msg)
    if output is not None:
        msg = "--output is for the picture of one series: leave it out, or name one log and one --column"
        raise ValueError(msg)
    results: list[Plain] = []
    passed = 0
    with ExitStack() as stack:
        writer = None
        if table is not None:
            from wcdfa.analysis.results_table import ResultTable  # noqa: PLC0415 - needs pyarrow, which takes a while to import

            writer = stack.enter_context(ResultTable(table))
        try:
            for result in _results(found, settings, jobs or os.cpu_count() or 1, dask, console):
                result["group"] = grouping.key(result)
                if "error" in result:
                    if result["none"] and Path(result["path"]) not in paths:  # some file in a folder, of other things
                        passed += 1
                        continue
                    errors.append(result)
                elif json_output:
                    _print_json(result)
                if writer is not None:
                    writer.add(result)
                if "error" not in result:
                    results.append({name: value for name, value in result.items() if name != "windows"})
        finally:
            results.sort(key=label_of)
            if not json_output:
                table_of(results, console)
                _print_notes(results, console)
            grouping.report(results, console, json_output)
            print_errors(errors, passed, console)
    if table is not None:
        written("table", table.resolve(), console)
    return _status(results, errors, fail_on or [])


def _single(found: list[Source], settings: Settings) -> RecordedSeries | None:
    """The series, if there is but one."""
    if len(found) != 1:
        return None
    first = list(islice((series for run in found[0].runs() for series in settings.series(run)), 2))
    return first[0] if len(first) == 1 else None


def _one(
    series: RecordedSeries, settings: Settings, json_output: bool, output: Path | None, fail_on: list[Any], console: Console
) -> int:
    if output is not None:
        from wcdfa.plotting import place  # noqa: PLC0415 - matplotlib takes a while to import

        place(output)  # where it cannot be written, this is the time to know
    with bar("judging window", console) as progress:
        task = progress.add_task("windows", total=None)
        try:
            analysis = judged(series, settings, each=lambda done, total: progress.update(task, completed=done, total=total))
        except ValueError as error:
            msg = f"{series.name}: {error}"
            raise ValueError(msg) from error
    result = as_json(analysis)
    if json_output:
        _print_json(result)
    else:
        say(console, f"α of {series.name}, {len(series.values):,} samples, order {settings.order}")
        report(analysis, console)
        if settings.optimizer is not None:
            say(console, f"null: {analysis.criteria.optimizer} on gradients without memory")
        for remark in remarks(analysis):
            say(console, f"note: {remark}")
    if output is not None or not json_output:
        from wcdfa.plotting import save  # noqa: PLC0415
        from wcdfa.plotting.runs import plot_analysis  # noqa: PLC0415

        title = f"{shown(series.path.name)}: {shown(series.column)}"
        path = save(plot_analysis(analysis, title=title), output or Path(f"{series.path.resolve().stem}-wcdfa.png"))
        written("picture", path, console)
    return _status([result], [], fail_on)


def _results(found: list[Source], settings: Settings, jobs: int, dask: str | None, console: Console) -> Iterator[Plain]:
    """What is found of each series, as it is found."""
    todo = tasks(found, settings, jobs)
    if dask is not None:
        batches = on_dask(todo, dask, jobs)
    elif jobs == 1 or len(todo) <= FEW:
        batches = (run_task(task) for task in todo)
    else:
        batches = in_processes(todo, min(jobs, len(todo)))
    with bar("reading and judging logs", console) as progress:
        task = progress.add_task("logs", total=len(todo))
        for batch in batches:
            yield from batch
            progress.advance(task)


def _print_json(result: Plain) -> None:
    sys.stdout.write(json.dumps({name: value for name, value in result.items() if name != "none"}, allow_nan=False) + "\n")
    sys.stdout.flush()


def _print_notes(results: list[Plain], console: Console) -> None:
    """What must be known of a series, below the table, and where α drifted."""
    lines = [f"{label_of(result)}: {note}" for result in results for note in result["notes"]]
    for result in results:
        for alarm in result["alarms"]:
            lines.append(
                f"{label_of(result)}: α went {alarm['direction']} from about step {alarm['onset']:,}, to {alarm['alpha']:.2f}"
            )
    for line in lines[:ROWS]:
        say(console, f"note: {line}")
    if len(lines) > ROWS:
        say(console, f"… {len(lines) - ROWS:,} more notes, with --json or --table")


def _status(results: list[Plain], errors: list[Plain], fail_on: list[Any]) -> int:
    regimes = {result["regime"] or "none" for result in results} | (
        {"drift"} if any(result["alarms"] for result in results) else set()
    )
    if regimes & set(fail_on):
        return FOUND
    return FAILED if errors or not results else 0
