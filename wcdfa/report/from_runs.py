"""From a log to the sections of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wcdfa.analysis.series import Settings, analyze
from wcdfa.readers.column_choice import NoSeries, groups_of
from wcdfa.readers.columns import Run
from wcdfa.readers.series import RecordedSeries, series_of
from wcdfa.report.sections import Section, section_of
from wcdfa.support.text import shown


def sections_of(run: Run, settings: Settings, patterns: Sequence[str] = ()) -> Iterator[Section]:
    """A section for each series of a run, with α of the groups that were logged beside it.

    Parameters
    ----------
    run : Run
    settings : Settings
    patterns : list of str
        Columns of groups; by default those called as the series, "/" and the name of the group.

    Raises
    ------
    ValueError
        If there is no series, or one cannot be judged. A group that cannot be read is left out, and the notes say so.
    """
    for series in settings.series(run):
        groups, said = _groups(run, series, settings, patterns)
        try:
            section = section_of(analyze(series, settings), groups)
        except ValueError as error:
            msg = f"{series.name}: {error}"
            raise ValueError(msg) from error
        yield section._replace(notes=[*section.notes, *said])


def _groups(
    run: Run, series: RecordedSeries, settings: Settings, patterns: Sequence[str]
) -> tuple[dict[str, RecordedSeries], list[str]]:
    first, last = settings.steps or (None, None)
    found: dict[str, RecordedSeries] = {}
    said = []
    try:
        columns = groups_of(run.columns, series.column, patterns)
    except NoSeries as error:
        return {}, [f"no groups: {error}"]
    for name, column in columns.items():
        try:
            (found[name],) = series_of(run, [column], spacing=settings.spacing, first=first, last=last)
        except ValueError as error:
            said.append(f"group {shown(name)} is left out: {error}")
    return found, said
