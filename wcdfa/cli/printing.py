"""Prints lines, the verdict on one series, notes and errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.text import Text

from wcdfa.analysis.advice import of_analysis
from wcdfa.analysis.diagnosing import finding_in_short, lines_of
from wcdfa.analysis.result_types import FailedResult, SeriesResult
from wcdfa.analysis.series import Analysis
from wcdfa.cli.console import PlainConsole
from wcdfa.cli.passed import Passed
from wcdfa.cli.tables import ROWS, label_of, results_table, windows_table
from wcdfa.cli.wording import of_error, of_text
from wcdfa.readers.spacing import ONE_AN_EPOCH
from wcdfa.readers.tools import how_to_log
from wcdfa.support.extras import MissingLibrary
from wcdfa.support.quantity import described
from wcdfa.support.text import several, shown
from wcdfa.verdicts.explanations import Explanation
from wcdfa.verdicts.findings import COMPARABLE
from wcdfa.verdicts.sentences import BY_GLS, NOT_COMPARED, apart, doubt, doubted, drift, of_run, reasons
from wcdfa.verdicts.single_window import Verdict

EACH = 2  # up to so many series with one note have a line each


def print_analysis(analysis: Analysis, console: Console, *, details: bool = False) -> None:
    """Print the windows, α of the run, the verdict on the last window with its reasons, drifts, the diagnosis, and what to do.

    With details also α at higher orders, and the figures behind the words of a verdict.
    """
    verdicts, optimizer, quantity = _labelled(analysis), analysis.criteria.optimizer, analysis.series.quantity
    if analysis.ending is not None:
        say(console, str(analysis.ending))
    console.print(windows_table(analysis, verdicts, details=details))
    for line in of_run(analysis.run, verdicts):
        say(console, line)
    for coupling in analysis.couplings:
        say(console, str(coupling))
    missing = (
        optimizer is None and quantity == "update norm" and analysis.criteria.incomparable is None
    )  # or naming one is of no use
    last = verdicts[-1]
    say(console, f"last window: {last}{_because(analysis.judged.verdicts[-1], last)}")
    for reason in reasons(last, optimizer_named=not missing, figures=details):
        say(console, f"  {reason}")
    if missing and last.regime is None and any(each.regime is not None for each in verdicts):
        say(console, f"windows with an α: {NOT_COMPARED}")
    run = analysis.judged.run
    if run.compared > 1:
        say(console, f"run: {run}")
    if optimizer is not None and doubted(run):
        say(console, f"  {doubt(optimizer)}")
    if optimizer is not None and quantity not in COMPARABLE:
        say(console, f"{optimizer} was not replayed, because a replay gives ‖ΔW‖, and the series is {described(quantity)}")
    for alarm in analysis.alarms:
        say(console, f"drift: {drift(analysis.in_steps(alarm), analysis.settings.method)}")
    for line in () if analysis.diagnosis is None else lines_of(analysis.diagnosis):
        say(console, line)
    advise(of_analysis(analysis), console)


def _labelled(analysis: Analysis) -> list[Verdict]:
    """The verdicts on the windows; none of them names a band for sure if the run has another α."""
    verdicts = analysis.judged.verdicts
    if not apart(analysis.run, verdicts):
        return [*verdicts]
    return [each if each.regime is None else each._replace(regime="undecided") for each in verdicts]


def _because(judged: Verdict, said: Verdict) -> str:
    """Why no band is named where the window alone would have one."""
    return "" if said.regime == judged.regime or said.explained_by else ", because α of the run is another"


def advise(line: Explanation, console: Console) -> None:
    """Say what to do, and the command that says more."""
    say(console, advice(line))


def advice(line: Explanation) -> str:
    """What to do, in one sentence, and the command that says more.

    >>> from wcdfa.verdicts.explanations import explanation
    >>> print(advice(explanation("optimizer")))
    what to do: Do not interpret this α. (wcdfa explain optimizer)
    """
    return f"what to do: {line.next_step} (wcdfa explain {line.key})"


def print_results(results: Sequence[SeriesResult], console: Console) -> None:
    """Print a row for each series, and a note if α was not compared with the optimizer."""
    if not results:
        return
    console.print(results_table(results))
    print_not_compared(results, console)


def print_not_compared(results: Sequence[SeriesResult], console: Console) -> None:
    """Print a note if there is an α that was not compared with the optimizer."""
    if any(
        result["alpha"] is not None
        and result["null"] is None
        and result["quantity"] == "update norm"
        and ONE_AN_EPOCH not in result["notes"]
        for result in results
    ):
        say(console, f"note: {NOT_COMPARED}")


def print_notes(results: Sequence[SeriesResult], console: Console) -> None:
    """Print the notes on each series below the table, where its α drifted, and what its diagnosis found."""
    lines = list(_notes(results))
    for result in results:
        for alarm in result["alarms"]:
            lines.append(
                f"{label_of(result)}: α went {alarm['direction']} from about step {alarm['onset']:,}, to {alarm['alpha']:.2f}{BY_GLS}"
            )
        lines += [f"{label_of(result)}: {each['line']}" for each in result.get("couplings", ())]
        if (found := result["diagnosis"]) is not None and found["found"]:
            lines.append(f"{label_of(result)}: {finding_in_short(found)}")
    for line in lines[:ROWS]:
        say(console, f"note: {line}")
    if len(lines) > ROWS:
        say(console, f"… {several(len(lines) - ROWS, 'more note', 'more notes')}, with --json or --table")


def _notes(results: Sequence[SeriesResult]) -> Iterator[str]:
    """The notes with the series to which they belong: one that belongs to more than two is given once, with the first of them."""
    belongs: dict[str, list[str]] = {}
    for result in results:
        for note in result["notes"]:
            belongs.setdefault(note, []).append(label_of(result))
    for note, labels in belongs.items():
        some = labels if len(labels) <= EACH else [f"{labels[0]} and {len(labels) - 1:,} more"]
        yield from (f"{label}: {note}" for label in some)


def print_errors(errors: Sequence[FailedResult], passed: Passed, console: Console, *, nothing_else: bool) -> None:
    """Print the errors, and how many other files were skipped; if there is nothing else, also what some of them hold."""
    red = PlainConsole(stderr=True)
    for error in sorted(errors, key=label_of):
        text = error["error"] if shown(error["path"]) in error["error"] else f"{label_of(error)}: {error['error']}"
        red.print(f"wcdfa: {of_text(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    if passed.other:
        many = several(passed.other, "file or run was skipped, because it holds", "files or runs were skipped, because they hold")
        say(console, f"{many} no such series; choose another norm with --column")
    for example in passed.examples if nothing_else else ():
        say(console, f"  {of_text(example['error'])}")
    if passed.empty:
        many = several(
            passed.empty,
            "file or run was skipped, because nothing is logged in it",
            "files or runs were skipped, because nothing is logged in them",
        )
        say(console, many)
    advised = [example.get("advice", "") for example in passed.examples] or ([how_to_log("")] if passed.empty else [])
    for advice in dict.fromkeys(filter(None, advised if nothing_else else ())):
        console.print(advice, markup=False, highlight=False, soft_wrap=True)


def print_json(result: Mapping[str, object]) -> None:
    """Print a JSON object on a line of its own. Its notes speak of the options of the command line."""
    notes = result.get("notes")
    if isinstance(notes, list):
        result = {**result, "notes": [of_text(note) for note in notes]}
    sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
    sys.stdout.flush()


def written(what: str, path: Path, console: Console, more: str = "") -> None:
    """Say in one line where a file was written."""
    console.print(f"{what}: {shown(path, len(str(path)))}{more}", soft_wrap=True, markup=False, highlight=False)


@contextmanager
def noted(console: Console) -> Iterator[None]:
    """Turn a failure to write what nobody asked for by name into a note."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, MissingLibrary) as error:
        instead = "" if isinstance(error, MissingLibrary) else ", or name a file with --output"
        say(console, f"note: {of_error(error)}{instead}")


def busy(text: str, console: PlainConsole) -> AbstractContextManager[object]:
    """Show a spinner on a terminal while something takes an unknown time; elsewhere do nothing."""
    spinner = "dots" if console.knows_all_letters else "line"
    return console.status(Text(text), spinner=spinner) if console.is_terminal else nullcontext()


def say(console: Console, text: str) -> None:
    """Print a line; Python arguments in it become options of the command line."""
    console.print(of_text(text), markup=False, highlight=False, emoji=False)
