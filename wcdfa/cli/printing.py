"""What the commands print of one series, and of many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wcdfa.analysis.series import Analysis, Plain
from wcdfa.cli.wording import of_text
from wcdfa.support.text import shown
from wcdfa.verdicts.sentences import drift, reasons

ROWS = 40  # of a table on the terminal; --json gives all


def report(analysis: Analysis, console: Console) -> None:
    """The table of windows, the last verdict with its reasons, and where α drifted."""
    console.print(_windows(analysis))
    last = analysis.judged.verdicts[-1]
    say(console, f"last window: {last}")
    for reason in reasons(last):
        say(console, f"  {reason}")
    for alarm in analysis.alarms:
        say(console, f"drift: {drift(analysis.in_steps(alarm))}")


def written(what: str, path: Path, console: Console, more: str = "") -> None:
    """Say where a file is, in one line."""
    console.print(f"{what}: {shown(path, len(str(path)))}{more}", soft_wrap=True, markup=False, highlight=False)


def busy(text: str, console: Console) -> AbstractContextManager[Any]:
    """A sign of life while something goes on whose length is not known; nothing where no terminal looks on."""
    return console.status(plain(text)) if console.is_terminal else nullcontext()


def say(console: Console, text: str) -> None:
    """A line as it stands, but for arguments of Python, which become options."""
    console.print(of_text(text), markup=False, highlight=False, emoji=False)


def table_of(results: Sequence[Plain], console: Console) -> None:
    """A row a run and series: α of its last window, what the optimizer alone would give, and the verdict."""
    if not results:
        return
    compared = any(result["null"] is not None for result in results)
    table = Table()
    table.add_column("run and series", overflow="fold")
    for name in ("n", "α", "95 %", *(["optimizer"] if compared else [])):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("regime: explained by")
    for result in _ends(results, table):
        null = result["null"]
        band = [] if not compared else [interval(null) if null else ""]
        table.add_row(plain(label_of(result)), f"{result['n']:,}", *alpha_of(result), *band, verdict_of(result))
    console.print(table)


def print_errors(errors: Sequence[Plain], passed: int, console: Console) -> None:
    """What could not be read or judged, and how much was passed over because it is something else."""
    red = Console(stderr=True)
    for error in sorted(errors, key=label_of):
        text = error["error"] if shown(error["path"]) in error["error"] else f"{label_of(error)}: {error['error']}"
        red.print(f"wcdfa: {of_text(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    if passed:
        say(console, f"{passed:,} other files or runs hold no such series; --column names another")


def label_of(result: Plain) -> str:
    """Where it is from, and what it is."""
    return ": ".join(shown(part) for part in (result["path"], result["run"], result["series"]) if part)


def alpha_of(result: Plain) -> tuple[str, str]:
    """α and its interval; nothing where there is none."""
    return ("none", "") if result["alpha"] is None else (f"{result['alpha']:.3f}", interval(result))


def interval(of: Plain) -> str:
    """From low to high."""
    return "" if of["low"] is None else f"{of['low']:.2f}–{of['high']:.2f}"


def verdict_of(result: Plain) -> str:
    """Regime and explanation."""
    explanation = result["explanation"].removeprefix("explained by ")
    return ": ".join(filter(None, [result["regime"], explanation]))


def plain(text: str) -> Text:
    """Text that is no markup."""
    return Text(text)


def _ends(rows: Sequence[Any], table: Table) -> Iterable[Any]:
    """The rows, or where there are many the first and the last."""
    if len(rows) <= ROWS:
        yield from rows
        return
    yield from rows[: ROWS // 2]
    table.add_row(f"… {len(rows) - ROWS} more, with --json")
    yield from rows[-(ROWS // 2) :]


def _windows(analysis: Analysis) -> Table:
    starts, stops, verdicts = analysis.judged
    orders = list(next((v.orders for v in verdicts if len(v.orders) > 1), verdicts[0].orders))[1:]
    compared = any(v.null is not None for v in verdicts)
    table = Table()
    names = (
        ["steps", "α", "95 %"] + ([f"order {', '.join(map(str, orders))}"] if orders else []) + (["optimizer"] if compared else [])
    )
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("regime: explained by")
    for start, stop, verdict in _ends(list(zip(starts, stops, verdicts, strict=True)), table):
        span = f"{analysis.step(int(start)):,}–{analysis.step(int(stop) - 1):,}"
        null = [] if not compared else [f"{verdict.null.low:.2f}–{verdict.null.high:.2f}" if verdict.null is not None else ""]
        if verdict.regime is None:
            table.add_row(span, "none", "", *([""] if orders else []), *null, plain(verdict.reason or ""))
            continue
        others = [", ".join(f"{verdict.orders[order]:.2f}" for order in orders if order in verdict.orders)] if orders else []
        explanation = verdict.explanation.removeprefix("explained by ")
        words = ": ".join(filter(None, [verdict.regime, explanation]))
        table.add_row(span, f"{verdict.alpha:.3f}", f"{verdict.low:.2f}–{verdict.high:.2f}", *others, *null, words)
    return table
