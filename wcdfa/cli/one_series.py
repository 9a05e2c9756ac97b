"""``wcdfa analyze`` for one series: prints a table of its windows, and draws a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console

from wcdfa.analysis.remarks import remarks
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.cli.exit_status import Condition, exit_status
from wcdfa.cli.locating import bar
from wcdfa.cli.own_files import own_place, owner
from wcdfa.cli.printing import noted, print_analysis, print_json, say, written
from wcdfa.cli.streams import require_output
from wcdfa.readers import Source
from wcdfa.readers.saved_norms import saved_norms
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import several, shown


def only_series(found: Sequence[Source], settings: Settings) -> RecordedSeries | None:
    """The series, if the logs hold exactly one. If a log of several runs holds one without such a series, that is for `judge_many`."""
    if len(found) != 1:
        return None
    first = list(islice(found[0].runs(), 2))
    if len(first) != 1:
        return None
    series = list(islice(settings.series(first[0]), 2))
    return series[0] if len(series) == 1 else None


def judge_one(
    series: RecordedSeries,
    settings: Settings,
    console: Console,
    *,
    json_output: bool,
    output: Path | None,
    fail_on: Sequence[Condition],
    details: bool = False,
) -> int:
    """Judge a series, print its windows and draw its picture; returns the exit status."""
    if json_output or output is None:
        require_output()
    analysis = _judged(series, settings, console)
    result = as_json(analysis)
    if json_output:
        print_json(result)
    else:
        order = f", order {settings.order}" if details or settings.order > 1 else ""
        say(console, f"α of {series.name}, {several(len(series.values), 'sample', 'samples')}{order}")
        print_analysis(analysis, console, details=details)
        for remark in remarks(analysis):
            say(console, f"note: {remark}")
    if output is not None:
        _draw(analysis, output, console)
    elif not json_output:
        with noted(console):
            _draw(analysis, None, console)
    return exit_status([result], [], fail_on)


def _judged(series: RecordedSeries, settings: Settings, console: Console) -> Analysis:
    with bar("judging windows", console) as progress:
        task = progress.add_task("windows", total=None)
        try:
            return analyze(series, settings, each=lambda done, total: progress.update(task, completed=done, total=total))
        except ValueError as error:
            for note in series.notes:  # what was left out of the log may be why
                say(console, f"note: {note}")
            saved = saved_norms([series.path.parent]) if len(series.values) < LEAST else None
            msg = f"{series.name}: {error}{'' if saved is None else f'; {saved}'}"
            raise ValueError(msg) from error


def _draw(analysis: Analysis, output: Path | None, console: Console) -> None:
    """Draw the series into a file that was named, or into one named after the run."""
    from wcdfa.plotting import owner_of, save  # noqa: PLC0415 - matplotlib takes a while to import
    from wcdfa.plotting.runs import plot_analysis  # noqa: PLC0415

    series = analysis.series
    title = f"{shown(series.path.name)}: {shown(series.column)}"
    mine = owner([series.path], series.run)
    place = own_place(series.path, ".png", mine, owner_of) if output is None else output
    written("picture", save(plot_analysis(analysis, title=title), place, owner=mine), console)
