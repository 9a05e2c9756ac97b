"""Groups runs, such as those with several seeds, and prints the mean α of each group."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wcdfa.analysis.comparison import mean_of_runs
from wcdfa.analysis.result_types import Result, SeriesResult
from wcdfa.cli.printing import print_json, say
from wcdfa.cli.tables import interval
from wcdfa.support.text import shown


class GroupResult(TypedDict):
    """Mean α of a group of runs, with the interval of the mean, and the standard deviation between the runs as spread."""

    group: str
    series: str
    runs: int
    alpha: float | None
    low: float | None
    high: float | None
    spread: float | None
    regimes: dict[str, int]
    """How many runs have each regime; "none" counts runs without α."""


class Grouping:
    """Groups results by the text that a regular expression matches in their path and run.

    >>> Grouping("lr=[^/]*").key({"path": "sweep/lr=0.1/seed=3.csv", "run": ""})
    'lr=0.1'

    Raises
    ------
    ValueError
        If the pattern is not a regular expression.
    """

    def __init__(self, pattern: str | None) -> None:
        try:
            self._pattern = None if pattern is None else re.compile(pattern)
        except re.error as error:
            msg = f'--group-by {pattern!r} is not a regular expression: {error}; "lr=[^/]*" is one'
            raise ValueError(msg) from error

    def key(self, result: Result) -> str | None:
        """The name of a result's group: the text that the first parentheses match, or else the whole pattern; None without a match."""
        found = None if self._pattern is None else self._pattern.search(f"{result['path']}: {result['run']}")
        return None if found is None else found[1 if found.re.groups else 0]

    def report(self, results: Sequence[SeriesResult], console: Console, json_output: bool) -> None:
        """Print a row, or a line of JSON, for each group and series."""
        if self._pattern is None:
            return
        groups: dict[tuple[str, str], list[SeriesResult]] = defaultdict(list)
        for result in results:
            if (name := result.get("group")) is not None:
                groups[name, result.get("known_as", result["series"])].append(result)  # loggers put different prefixes before it
        found = [_summary(name, series, members) for (name, series), members in sorted(groups.items())]
        if json_output:
            for each in found:
                print_json(each)
            return
        console.print(_table(found))
        if missing := sum(result.get("group") is None for result in results):
            say(console, f"series in no group, because --group-by finds nothing in their path and name: {missing:,}")


def _table(found: Sequence[GroupResult]) -> Table:
    table = Table(title="last windows: mean α, its interval, ± standard deviation between runs")
    for name in ("group and series", "runs", "mean α", "95 %", "±", "regimes"):
        table.add_column(name)
    for each in found:
        alpha = "none" if each["alpha"] is None else f"{each['alpha']:.3f}"
        spread = "" if each["spread"] is None else f"± {each['spread']:.2f}"
        regimes = ", ".join(f"{count} {regime}" for regime, count in each["regimes"].items())
        label = Text(f"{shown(each['group'])}: {shown(each['series'])}")
        table.add_row(label, str(each["runs"]), alpha, interval(each["low"], each["high"]), spread, regimes)
    return table


def _summary(name: str, series: str, members: Sequence[SeriesResult]) -> GroupResult:
    known = [each for each in members if each["alpha"] is not None]
    alpha, low, high, spread = _mean(known)
    regimes = Counter[str](each["regime"] or "none" for each in members)
    return {
        "group": name,
        "series": series,
        "runs": len(members),
        "alpha": alpha,
        "low": low,
        "high": high,
        "spread": spread,
        "regimes": dict(regimes),
    }


def _mean(known: Sequence[SeriesResult]) -> tuple[float | None, float | None, float | None, float | None]:
    """Mean α, its interval and the spread between runs; a single run keeps its own interval."""
    if len(known) < 2:
        return (known[0]["alpha"], known[0]["low"], known[0]["high"], None) if known else (None, None, None, None)
    return mean_of_runs([each["alpha"] for each in known if each["alpha"] is not None])
