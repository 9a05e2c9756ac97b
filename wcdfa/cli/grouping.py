"""Runs that belong together, such as those of several seeds: one row, with the mean of their α."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from wcdfa.analysis.comparison import mean_of_runs
from wcdfa.analysis.series import Plain
from wcdfa.cli.printing import interval, plain
from wcdfa.support.text import shown


class Grouping:
    """Groups results by what a regular expression finds in their path and run.

    >>> Grouping("lr=[^/]*").key({"path": "sweep/lr=0.1/seed=3.csv", "run": ""})
    'lr=0.1'

    Raises
    ------
    ValueError
        If it is no regular expression.
    """

    def __init__(self, pattern: str | None) -> None:
        try:
            self._pattern = None if pattern is None else re.compile(pattern)
        except re.error as error:
            msg = f'--group-by {pattern!r} is no regular expression: {error}; "lr=[^/]*" is one'
            raise ValueError(msg) from error

    def key(self, result: Plain) -> str | None:
        """The name of its group: what the first pair of parentheses matches, or all of it; None where it matches nothing."""
        found = None if self._pattern is None else self._pattern.search(f"{result['path']}: {result['run']}")
        return None if found is None else found[1 if found.re.groups else 0]

    def report(self, results: Sequence[Plain], console: Console, json_output: bool) -> None:
        """A row for each group and series, or a line of JSON."""
        if self._pattern is None:
            return
        groups: dict[tuple[str, str], list[Plain]] = defaultdict(list)
        for result in results:
            if result["group"] is not None:
                groups[result["group"], result["series"]].append(result)
        found = [_summary(name, series, members) for (name, series), members in sorted(groups.items())]
        if json_output:
            sys.stdout.writelines(json.dumps(each, allow_nan=False) + "\n" for each in found)
            return
        table = Table(title="mean of the last windows; the interval is that of the mean over runs")
        for name in ("group and series", "runs", "α", "95 %", "between runs", "regimes"):
            table.add_column(name)
        for each in found:
            alpha = "none" if each["alpha"] is None else f"{each['alpha']:.3f}"
            spread = "" if each["spread"] is None else f"± {each['spread']:.2f}"
            regimes = ", ".join(f"{count} {regime}" for regime, count in each["regimes"].items())
            label = plain(f"{shown(each['group'])}: {shown(each['series'])}")
            table.add_row(label, str(each["runs"]), alpha, interval(each), spread, regimes)
        console.print(table)
        if missing := sum(result["group"] is None for result in results):
            console.print(f"{missing:,} series are in no group: --group-by finds nothing in their names")


def _summary(name: str, series: str, members: Sequence[Plain]) -> dict[str, Any]:
    alphas = [each["alpha"] for each in members if each["alpha"] is not None]
    figures: dict[str, Any] = {"alpha": None, "low": None, "high": None, "spread": None}
    if len(alphas) == 1:  # it has its own interval
        figures |= {key: each[key] for each in members if each["alpha"] is not None for key in ("alpha", "low", "high")}
    elif alphas:
        figures = dict(zip(figures, mean_of_runs(alphas), strict=True))
    regimes = dict(Counter(each["regime"] or "none" for each in members))
    return {"group": name, "series": series, "runs": len(members), **figures, "regimes": regimes}
