"""Finds the logs for a command and the place for what it writes, and shows how many logs are done."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wcdfa.analysis.result_types import FailedResult
from wcdfa.analysis.results import failed
from wcdfa.readers import Source, sources
from wcdfa.readers.places import place_of
from wcdfa.support.failures import writing


def located(paths: list[Path], pattern: str | None = None) -> tuple[list[Source], list[FailedResult]]:
    """Find the logs at the paths, each once, and an error for each path without a log. If there is only one path, the error is raised.

    `pattern` is that of `wcdfa.readers.discovery.sources`.
    """
    found: dict[Path, Source] = {}
    errors: list[FailedResult] = []
    for path in map(place_of, paths):
        try:
            found |= {place: source for source in sources(path, pattern) if (place := source.path.resolve()) not in found}
        except (ValueError, OSError) as error:
            if len(paths) == 1:
                raise
            errors.append(failed(path, error))
    return list(found.values()), errors


def check_writable(what: str, path: Path) -> None:
    """Raise OSError now if no file can be made there, rather than when all is computed."""
    folder = next(each for each in path.resolve().parents if each.exists())
    with writing(what, path), tempfile.TemporaryFile(dir=folder):
        pass


def bar(text: str, console: Console) -> Progress:
    """A progress bar on a terminal; elsewhere nothing."""
    columns = TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
