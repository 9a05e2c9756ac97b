"""Makes the tables that commands print: the windows of one series, or a row for each of many series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.table import Table
from rich.text import Text

from wcdfa.analysis.result_types import Result, SeriesResult
from wcdfa.analysis.series import Analysis
from wcdfa.cli.wording import of_text
from wcdfa.support.text import SMALLEST, shown
from wcdfa.verdicts.sentences import in_short
from wcdfa.verdicts.single_window import Verdict

P = "p"  # of the curve log F(s) against the optimizer on gradients without memory
RUN, VERDICT = "run and series", "verdict on the last window"
LEAST = 12  # characters in a column of text
ROWS = 40  # most rows of a table on the terminal; --json gives all
Row = TypeVar("Row")


def windows_table(analysis: Analysis, verdicts: Sequence[Verdict], *, details: bool) -> Table:
    """The windows of a series with their verdicts: steps, α with its interval, p against the optimizer; with details also α at higher orders."""
    starts, stops, _ = analysis.judged
    orders = list(next((each.orders for each in verdicts if len(each.orders) > 1), verdicts[0].orders))[1:] if details else []
    compared = any(math.isfinite(each.p_value) for each in verdicts)
    higher = [f"order {', '.join(map(str, orders))}"] if orders else []
    table = _table("steps", "α", "95 %", *higher, *([P] if compared else []))
    table.add_column("verdict")
    for start, stop, verdict in _ends(list(zip(starts, stops, verdicts, strict=True)), table):
        span = f"{analysis.step(int(start)):,}–{analysis.step(int(stop) - 1):,}"
        table.add_row(span, *_cells(verdict, orders, compared=compared))
    return table


def _cells(verdict: Verdict, orders: Sequence[int], *, compared: bool) -> list[str | Text]:
    nulls = [p_cell(verdict.p_value)] if compared else []
    if verdict.regime is None:
        return ["none", "", *([""] if orders else []), *nulls, Text(verdict.reason or "")]
    others = ", ".join(f"{verdict.orders[order]:.2f}" for order in orders if order in verdict.orders)
    why = _not_compared(verdict) if compared and math.isnan(verdict.p_value) else ""
    text = Text(of_text(in_short(verdict.regime, verdict.explanation) + why))
    return [f"{verdict.alpha:.3f}", interval(verdict.low, verdict.high), *([others] if orders else []), *nulls, text]


def _not_compared(verdict: Verdict) -> str:
    """Why there is no p, where the words of the verdict do not say it."""
    briefs = (each.brief for each in verdict.findings if each.kind == "optimizer" and each.brief.startswith("not compared"))
    return "".join(f"; {brief.split(',')[0]}" for brief in briefs if brief not in verdict.explanation)


def results_table(results: Sequence[SeriesResult]) -> Table:
    """A row for each series: α of its last window, p against the optimizer, and the verdict."""
    compared = any(result["windows"][-1]["p_value"] is not None for result in results)
    table = Table()
    table.add_column(RUN, overflow="fold")
    _add(table, "n", "α", "95 %", *([P] if compared else []))
    table.add_column(VERDICT)
    for result in _ends(results, table):
        table.add_row(*result_row(result, compared=compared))
    return table


def narrow_table(width: int, row: Sequence[str | Text], *, compared: bool) -> Table:
    """A table of this width with one row, whose columns are as wide as in any other of this width."""
    widths = {"n": 9, "α": 6, "95 %": 11} | ({P: 8} if compared else {})
    left = max(2 * LEAST, width - sum(widths.values()) - 3 * (len(widths) + 2) - 1)
    table = Table()
    table.add_column(RUN, overflow="fold", width=left - left // 2)
    for name, each in widths.items():
        table.add_column(name, justify="right", no_wrap=True, width=each)
    table.add_column(VERDICT, width=left // 2)
    table.add_row(*row)
    return table


def result_row(result: SeriesResult, *, compared: bool) -> list[str | Text]:
    """The cells of the row of a series."""
    p = result["windows"][-1]["p_value"]
    nulls = [p_cell(math.nan if p is None else p)] if compared else []
    text = Text(of_text(in_short(result["regime"], result["explanation"])))
    alpha = "none" if result["alpha"] is None else f"{result['alpha']:.3f}"
    return [Text(label_of(result)), f"{result['n']:,}", alpha, interval(result["low"], result["high"]), *nulls, text]


def label_of(result: Result) -> str:
    """Path, run and series, safe to print."""
    return ": ".join(shown(part) for part in (result["path"], result["run"], result["series"]) if part)


def interval(low: float | None, high: float | None) -> str:
    """Low and high as text; empty if there is no interval."""
    return "" if low is None or high is None or math.isnan(low) else f"{low:.2f}–{high:.2f}"


def p_cell(p: float) -> str:
    """A p-value as text; empty if nothing was compared."""
    return "" if math.isnan(p) else "< 0.0001" if p < SMALLEST else f"{p:.2g}"


def _table(*numbers: str) -> Table:
    table = Table()
    _add(table, *numbers)
    return table


def _add(table: Table, *numbers: str) -> None:
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)


def _ends(rows: Sequence[Row], table: Table) -> Iterable[Row]:
    """The rows; if there are more than `ROWS`, only the first and the last."""
    if len(rows) <= ROWS:
        yield from rows
        return
    yield from rows[: ROWS // 2]
    table.add_row(f"… {len(rows) - ROWS} more, with --json")
    yield from rows[-(ROWS // 2) :]
