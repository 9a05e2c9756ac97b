"""``wcdfa compare`` for folders of runs: compares group with group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from wcdfa.analysis.group_comparison import GroupComparison, compare_groups
from wcdfa.analysis.series import Settings
from wcdfa.cli.console import PlainConsole
from wcdfa.cli.printing import advise, print_json, say
from wcdfa.readers.series import RecordedSeries
from wcdfa.support.text import probability, several, shown
from wcdfa.verdicts.explanations import explanation

Groups = Mapping[Path, Sequence[RecordedSeries]]


def print_groups(groups: Groups, settings: Settings, console: PlainConsole, *, json_output: bool) -> None:
    """Compare the first group with each other one, and print a table, or a line of JSON.

    Raises
    ------
    ValueError
        If the groups have no series of one name, or cannot be compared.
    """
    (first, reference), *others = groups.items()
    for path, other in others:
        for column in _shared(groups, first, path):
            one, two = _of(reference, column), _of(other, column)
            pair, found = {first: one, path: two}, compare_groups(one, two, settings)
            if json_output:
                print_json({**_as_json(pair), "series": column, "mean": _numbers(found, 0), "run": _numbers(found, 1)})
            else:
                _print(pair, column, found, settings, console)


def _of(group: Sequence[RecordedSeries], column: str) -> list[RecordedSeries]:
    return [each for each in group if each.column == column]


def _shared(groups: Groups, one: Path, two: Path) -> list[str]:
    """The names of series that both groups have, in the order of the first."""
    names = [list(dict.fromkeys(each.column for each in groups[path])) for path in (one, two)]
    shared = [name for name in names[0] if name in names[1]]
    if not shared:
        held = " and ".join(f"{shown(path)} holds {', '.join(own)}" for path, own in zip((one, two), names, strict=True))
        msg = f"the groups have no series of one name: {held}; choose them with column="
        raise ValueError(msg)
    return shared


def _print(pair: Groups, column: str, found: GroupComparison, settings: Settings, console: PlainConsole) -> None:
    names = [f"{shown(path)} ({several(len(runs), 'run', 'runs')})" for path, runs in pair.items()]
    span = f"steps {found.mean.first_step:,} to {found.mean.last_step:,}, which all runs have"
    say(
        console,
        f"α of {names[1]} (other) minus α of {names[0]} (reference): {shown(column)}, {span}, windows of {settings.window:,}",
    )
    table = Table()
    for name in ("α of each run", "reference", "±", "other", "±", "difference", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("mean of its windows", *_cells(found, 0))
    table.add_row("whole run", *_cells(found, 1))
    console.print(table)
    say(console, "±: standard deviation between the runs of a group; 95 % and p: over runs")
    for line in _said(found):
        say(console, line)
    advise(explanation(_key(found, min(map(len, pair.values())))), console)


def _said(found: GroupComparison) -> Iterator[str]:
    for what, each in (("over all windows", found.mean), ("as whole runs", found.run)):
        if math.isnan(each.difference):
            continue
        if math.isnan(each.low):
            yield f"{what}: {each.difference:+.3f}; one run in a group: no interval over runs"
        else:
            apart = "differ" if each.low > 0 or each.high < 0 else "do not differ by more than their runs do"
            yield f"{what} the groups {apart}: {each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f}), {probability(each.p_value)}"


def _key(found: GroupComparison, fewest: int) -> str:
    if fewest < 2:
        return "few-runs"
    return "groups-differ" if found.mean.low > 0 or found.mean.high < 0 else "groups-alike"


def _cells(found: GroupComparison, which: int) -> tuple[str, ...]:
    of, spreads = (found.mean, found.run)[which], found.spreads[which]
    each = (_figure(of.reference), _figure(spreads[0]), _figure(of.other), _figure(spreads[1]))
    if math.isnan(of.difference):
        return each
    interval = "" if math.isnan(of.low) else f"{of.low:+.2f} to {of.high:+.2f}"
    return *each, f"{of.difference:+.3f}", interval, "" if math.isnan(of.p_value) else f"{of.p_value:.2g}"


def _figure(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _as_json(pair: Groups) -> dict[str, object]:
    names = zip(("reference", "other"), pair.items(), strict=True)
    return {name: {"path": str(path), "runs": [each.name for each in runs]} for name, (path, runs) in names}


def _numbers(found: GroupComparison, which: int) -> dict[str, float | None]:
    of, spreads = (found.mean, found.run)[which], found.spreads[which]
    numbers = {**of._asdict(), "reference_spread": spreads[0], "other_spread": spreads[1]}
    return {name: None if math.isnan(value) else value for name, value in numbers.items()}
