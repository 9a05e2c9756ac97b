"""``wcdfa report``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wcdfa.analysis.fingerprints import fingerprint_of
from wcdfa.analysis.same_runs import SameRuns
from wcdfa.analysis.series import Settings
from wcdfa.cli.console import PlainConsole
from wcdfa.cli.door import WrongCall, door
from wcdfa.cli.exit_status import FAILED
from wcdfa.cli.locating import bar, check_writable, located
from wcdfa.cli.options import Judging
from wcdfa.cli.own_files import own_place, owner
from wcdfa.cli.printing import busy, print_errors, say, written
from wcdfa.cli.reading import Readings
from wcdfa.cli.wording import of_text
from wcdfa.readers import Source
from wcdfa.readers.places import place_of
from wcdfa.report import Failure, Section, owner_of, place, write
from wcdfa.report.from_runs import with_series
from wcdfa.support.text import shown

DEFAULT = Judging()
MOST = 100  # runs; a browser can easily open a page with this many


def report(
    paths: Annotated[list[Path], Parameter(negative="", json_list=False)],
    /,
    *,
    judging: Judging = DEFAULT,
    groups: Annotated[list[str] | None, Parameter(negative="")] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> int:
    """Write a page about recorded runs for any browser.

    Parameters
    ----------
    paths
        Files or folders, of the formats that ``wcdfa analyze --help`` lists, with at most 100 runs in all.
    groups
        Columns with the norms of groups of parameters: a name or a pattern; repeat the option for several. Default: the name of the
        series, "/" and any group, such as update_norm/encoder for update_norm.
    output
        File of the page. Default: in the current folder, named after the run; that of another run is not replaced.
    """
    settings = judging.settings()
    began = time.perf_counter()
    console = PlainConsole()
    mine = owner(paths)
    with door():
        output = place(output or own_place(paths[0], ".html", mine, owner_of))
    check_writable("report", output)
    with busy("reading", console):
        found, errors = located(paths, settings.pattern)
    if output in {source.path.resolve() for source in found}:
        msg = f"--output would replace {shown(output)}, which is to be read: choose another name"
        raise WrongCall(msg)
    readings = Readings(paths)
    sections = _sections(found, settings, groups or [], readings, console)
    errors += readings.errors
    print_errors(errors, readings.passed, console, nothing_else=not sections)
    if not sections:
        return FAILED
    if len(sections) == 1:
        for note in sections[0].notes:
            say(console, f"note: {note}")
    title = shown(place_of(paths[0]).name) if len(sections) == 1 else f"{len(sections)} runs"
    not_shown = [Failure(each["path"], of_text(each["error"])) for each in errors]
    path = write(output, sections, title=f"wcdfa: {title}", failures=not_shown, owner=mine, worded=of_text)
    seconds = time.perf_counter() - began
    written("report", path, console, f" ({path.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s)")
    return FAILED if errors else 0


def _sections(
    found: list[Source], settings: Settings, groups: list[str], readings: Readings, console: PlainConsole
) -> list[Section]:
    """The sections of all runs, each once."""
    runs, sections = SameRuns(), dict[int, Section]()
    with bar("reading and judging logs", console) as progress:
        for source in progress.track(found, description="logs"):
            for series, section in readings.each(source, lambda run: with_series(run, settings, groups)):
                joined = runs.add(fingerprint_of(series))
                if joined.kept:
                    sections[joined.run] = section
            if len(sections) > MOST:
                msg = f"more than {MOST} runs: name fewer, or look at all of them with wcdfa analyze --table"
                raise ValueError(msg)
    noted = ((section, runs.note(run)) for run, section in sections.items())
    return [_translated(each._replace(notes=[*each.notes, *filter(None, [note])])) for each, note in noted]


def _translated(section: Section) -> Section:
    """Replace Python arguments in the texts of a section by options of the command line."""
    windows = [
        each._replace(verdict=of_text(each.verdict), reasons=[of_text(reason) for reason in each.reasons])
        for each in section.windows
    ]
    return section._replace(windows=windows, notes=[of_text(note) for note in section.notes])
