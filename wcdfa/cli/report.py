"""``wcdfa report``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from wcdfa.analysis.series import Plain, Settings, failed
from wcdfa.cli.locating import bar, located
from wcdfa.cli.options import Judging
from wcdfa.cli.printing import busy, print_errors, say, written
from wcdfa.cli.wording import of_text
from wcdfa.readers import Source
from wcdfa.report import Failure, Section, place, write
from wcdfa.report.from_runs import sections_of
from wcdfa.support.text import shown

DEFAULT = Judging()
MOST = 100  # runs in a page that a browser still opens with ease
FAILED = 1  # exit status


def report(
    paths: Annotated[list[Path], Parameter(negative="", json_list=False)],
    /,
    *,
    judging: Judging = DEFAULT,
    groups: Annotated[list[str] | None, Parameter(negative="")] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """One file that shows recorded runs in a browser, without a network: α over time, any window, groups, alarms, verdicts.

    Parameters
    ----------
    paths
        Files or folders, as of ``analyze``; several runs are shown side by side, 100 at most.
    groups
        Columns with the norms of groups of parameters, as names or patterns; repeat it for several. Default: those that begin like
        the series, as update_norm/encoder beside update_norm, which a monitor with groups logs.
    output
        Where the page goes. Default: beside you, named after the log.
    """
    settings = judging.settings()
    began = time.perf_counter()
    console = Console()
    output = place(output or Path(f"{paths[0].resolve().stem}-wcdfa.html"))
    with busy("reading", console):
        found, errors = located(paths)
    if output in {source.path.resolve() for source in found}:
        msg = f"--output would replace {shown(output)}, which is to be read: choose another name"
        raise ValueError(msg)
    sections, failures = _sections(found, settings, groups or [], console)
    other = [
        each for each in failures if each["none"] and Path(each["path"]) not in paths
    ]  # some file in a folder, of other things
    errors += [each for each in failures if each not in other]
    print_errors(errors, len(other), console)
    if not sections:
        return FAILED
    if len(sections) == 1:
        for note in sections[0].notes:
            say(console, f"note: {note}")
    title = shown(paths[0].name) if len(sections) == 1 else f"{len(sections)} runs"
    not_shown = [Failure(each["path"], of_text(each["error"])) for each in errors]
    path = write(output, sections, title=f"wcdfa: {title}", failures=not_shown)
    seconds = time.perf_counter() - began
    written("report", path, console, f" ({path.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s)")
    return FAILED if errors else 0


def _sections(found: list[Source], settings: Settings, groups: list[str], console: Console) -> tuple[list[Section], list[Plain]]:
    """Those of all runs, and what could not be read or judged."""
    sections: list[Section] = []
    failures: list[Plain] = []
    with bar("reading and judging logs", console) as progress:
        for source in progress.track(found, description="logs"):
            try:
                for run in source.runs():
                    sections.extend(_worded(each) for each in sections_of(run, settings, groups))
            except (ValueError, OSError) as error:
                failures.append(failed(source.path, error))
            if len(sections) > MOST:
                msg = f"more than {MOST} runs: name fewer, or look at all of them with wcdfa analyze --table"
                raise ValueError(msg)
    return sections, failures


def _worded(section: Section) -> Section:
    return section._replace(notes=[of_text(note) for note in section.notes])
