"""``wcdfa compare``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from wcdfa.analysis.comparison import Comparison, Difference
from wcdfa.analysis.comparison import compare as compare_series
from wcdfa.analysis.series import Settings
from wcdfa.cli.options import Judging
from wcdfa.cli.printing import busy, print_json, say
from wcdfa.readers import sources
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.series import RecordedSeries

DEFAULT = Judging()


def compare(
    paths: Annotated[list[Path], Parameter(negative="", json_list=False)],
    /,
    *,
    judging: Judging = DEFAULT,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Compare α of runs, on windows of the same steps.

    Parameters
    ----------
    paths
        Files or folders with at least two series in all, of the formats that ``wcdfa analyze --help`` lists.
    json_output
        Print one JSON object for each pair, on a line of its own, instead of tables.
    """
    settings = judging.settings()
    console = Console(stderr=json_output)
    with busy("reading", console):
        found = [series for path in paths for series in _series(path, settings)]
    if len(found) < 2:
        msg = f"{len(found)} series found, and a comparison needs two: {', '.join(each.name for each in found)}"
        raise ValueError(msg)
    reference, *others = found
    if settings.log is None and (negative := [each.name for each in found if np.any(each.values < 0)]):
        settings = replace(settings, log=False)  # for all of them, or their α could not be compared
        say(console, f"note: no logarithm was taken for any series, because there are negative values in {', '.join(negative)}")
    for note in (f"{each.name}: {note}" for each in found for note in each.notes):
        say(console, f"note: {note}")
    for other in others:
        with busy("judging windows", console):
            comparison = compare_series(reference, other, settings)
        if json_output:
            print_json(_as_json(reference, other, comparison))
        else:
            _print(reference, other, comparison, console)
    return 0


def _series(path: Path, settings: Settings) -> Iterator[RecordedSeries]:
    """The series at a path. Files in a folder that hold none are skipped."""
    for source in sources(path):
        try:
            for run in source.runs():
                yield from settings.series(run)
        except NoSeries:
            if source.path == path:
                raise


def _print(reference: RecordedSeries, other: RecordedSeries, comparison: Comparison, console: Console) -> None:
    say(console, f"α of {other.name} (other) minus α of {reference.name} (reference)")
    table = Table()
    for name in ("steps", "α, reference", "α, other", "difference", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, each in enumerate((*comparison.windows, comparison.mean)):
        if number == len(comparison.windows):
            table.add_section()
        span = f"{each.first_step:,}–{each.last_step:,}"
        if math.isnan(each.difference):
            table.add_row(span, *("none" if math.isnan(alpha) else f"{alpha:.3f}" for alpha in (each.reference, each.other)))
            continue
        figures = f"{each.reference:.3f}", f"{each.other:.3f}", f"{each.difference:+.3f}", f"{each.low:+.2f} to {each.high:+.2f}"
        table.add_row(span, *figures, f"{each.p_value:.2g}")
    console.print(table)
    mean = comparison.mean
    apart = "differ" if mean.low > 0 or mean.high < 0 else "do not differ by more than their uncertainty"
    say(console, f"over all windows they {apart}: {mean.difference:+.3f} ({mean.low:+.3f} to {mean.high:+.3f})")


def _as_json(reference: RecordedSeries, other: RecordedSeries, comparison: Comparison) -> dict[str, object]:
    pair = zip(("reference", "other"), (reference, other), strict=True)
    return {
        **{name: {"path": str(each.path), "run": each.run, "series": each.column} for name, each in pair},
        "mean": _numbers(comparison.mean),
        "windows": [_numbers(each) for each in comparison.windows],
    }


def _numbers(of: Difference) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in of._asdict().items()}
