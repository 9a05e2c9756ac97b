"""``wcdfa compare``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.table import Table

from wcdfa.analysis.comparison import Comparison, Difference
from wcdfa.analysis.comparison import compare as compare_series
from wcdfa.analysis.result_types import FailedResult
from wcdfa.analysis.results import failed
from wcdfa.analysis.same_runs import distinct
from wcdfa.cli.compare_groups import print_groups
from wcdfa.cli.console import PlainConsole
from wcdfa.cli.exit_status import FAILED
from wcdfa.cli.options import Judging
from wcdfa.cli.passed import Passed
from wcdfa.cli.printing import advise, busy, print_errors, print_json, say
from wcdfa.cli.reading import Readings
from wcdfa.cli.streams import require_output
from wcdfa.readers import sources
from wcdfa.readers.places import place_of
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import shown
from wcdfa.verdicts.explanations import explanation

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
        Files or folders with at least two series in all, of the formats that ``wcdfa analyze --help`` lists. Two or more folders, one of
        them with several runs, are groups: the mean α of their runs is compared.
    json_output
        Print one JSON object for each pair, on a line of its own, instead of tables.
    """
    require_output()
    _require_different(paths)
    settings = judging.settings()
    console = PlainConsole(stderr=json_output)
    readings = Readings(paths)
    with busy("reading", console):
        each_path = {
            path: [series for source in sources(path, settings.pattern) for series in readings.each(source, settings.series)]
            for path in paths
        }
    every = [series for group in each_path.values() for series in group]
    found = distinct(every)
    print_errors(readings.errors, readings.passed, console, nothing_else=not found)
    if len(found) < 2 and readings.errors:
        return FAILED
    if len(found) < 2:
        raise ValueError(_too_few(every, found))
    if settings.log is None and (negative := [each.name for each in found if np.any(each.values < 0)]):
        settings = replace(settings, log=False)  # for all of them, or their α could not be compared
        say(console, f"note: no logarithm was taken for any series, because there are negative values in {', '.join(negative)}")
    for note in (f"{each.name}: {note}" for each in found for note in each.notes):
        say(console, f"note: {note}")
    groups = _groups(each_path, found)
    if groups is not None:
        with busy("judging windows", console):
            print_groups(groups, settings, console, json_output=json_output)
        return FAILED if readings.errors else 0
    failures: list[FailedResult] = []
    reference, *others = found
    for other in others:
        try:
            with busy("judging windows", console):
                comparison = compare_series(reference, other, settings)
        except ValueError as error:
            failures.append(failed(other.path, error, other.run, other.column))
            continue
        if json_output:
            print_json(_as_json(reference, other, comparison))
        else:
            _print(reference, other, comparison, console)
    print_errors(failures, Passed(()), console, nothing_else=False)
    return FAILED if failures or readings.errors else 0


def _require_different(paths: Sequence[Path]) -> None:
    """Raise a ValueError if a path is named twice: it would be compared with itself, or left out without a word."""
    places = [path.resolve() if path.exists() else path for path in paths]
    if twice := [path for path, place in zip(paths, places, strict=True) if places.count(place) > 1]:
        msg = f"{shown(twice[0])} is named twice, and a comparison needs different runs: name each file or folder once"
        raise ValueError(msg)


def _groups(
    each_path: Mapping[Path, Sequence[RecordedSeries]], found: Sequence[RecordedSeries]
) -> dict[Path, list[RecordedSeries]] | None:
    """The runs in each folder, if there are several folders, and one of them holds several runs of a series; a run counts once."""
    if len(each_path) < 2 or not all(place_of(path).is_dir() for path in each_path):
        return None
    kept = {(series.path, series.run, series.column): series for series in found}
    groups = {
        path: [kept[key] for each in own if (key := (each.path, each.run, each.column)) in kept] for path, own in each_path.items()
    }
    if empty := [path for path, own in groups.items() if not own]:
        msg = f"{shown(empty[0])} holds no run that is not in another folder too: leave it out, or name folders with runs of their own"
        raise ValueError(msg)
    several_runs = any(len({(each.path, each.run) for each in own}) > 1 for own in groups.values())
    return groups if several_runs else None


def _too_few(every: Sequence[RecordedSeries], found: Sequence[RecordedSeries]) -> str:
    names = ", ".join(each.name for each in every)
    if len(every) > len(found):
        return f"{len(every)} series found, which are of one run, and a comparison needs two runs: {names}"
    return f"{len(every)} series found, and a comparison needs two: {names}"


def _print(reference: RecordedSeries, other: RecordedSeries, comparison: Comparison, console: PlainConsole) -> None:
    say(console, f"α of {other.name} (other) minus α of {reference.name} (reference)")
    table = Table()
    for name in ("steps", "reference", "other", "difference", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in comparison.windows:
        table.add_row(_span(each), *_cells(each))
    table.add_section()
    table.add_row("mean of windows", *_cells(comparison.mean))
    table.add_row("whole run", *_cells(comparison.run))
    console.print(table)
    for what, each in (("over all windows", comparison.mean), ("as whole runs", comparison.run)):
        if not math.isnan(each.difference):
            apart = "they differ" if each.low > 0 or each.high < 0 else "they do not differ by more than their uncertainty"
            say(console, f"{what} {apart}: {each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f})")
    differ = comparison.mean.low > 0 or comparison.mean.high < 0
    advise(explanation("runs-differ" if differ else "runs-alike"), console)


def _span(of: Difference) -> str:
    return f"{of.first_step:,}–{of.last_step:,}"


def _cells(of: Difference) -> tuple[str, ...]:
    alphas = tuple("none" if math.isnan(alpha) else f"{alpha:.3f}" for alpha in (of.reference, of.other))
    if math.isnan(of.difference):
        return alphas
    return *alphas, f"{of.difference:+.3f}", f"{of.low:+.2f} to {of.high:+.2f}", f"{of.p_value:.2g}"


def _as_json(reference: RecordedSeries, other: RecordedSeries, comparison: Comparison) -> dict[str, object]:
    pair = zip(("reference", "other"), (reference, other), strict=True)
    return {
        **{name: {"path": str(each.path), "run": each.run, "series": each.column} for name, each in pair},
        "mean": _numbers(comparison.mean),
        "run": _numbers(comparison.run),
        "windows": [_numbers(each) for each in comparison.windows],
    }


def _numbers(of: Difference) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in of._asdict().items()}
