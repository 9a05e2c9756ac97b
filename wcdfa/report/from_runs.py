"""Makes the sections of a logged run, with α of the groups that were logged with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wcdfa.analysis.series import Settings, analyze
from wcdfa.readers.column_choice import NoSeries, groups_of
from wcdfa.readers.columns import Run
from wcdfa.readers.series import RecordedSeries, series_of
from wcdfa.report.sections import Section, section_of
from wcdfa.support.text import shown


def sections_of(run: Run, settings: Settings, patterns: Sequence[str] = ()) -> Iterator[Section]:
    """Make a section for each series of a run, with α of its groups.

    Parameters
    ----------
    run : Run
    settings : Settings
        They choose the series, and say how they are judged.
    patterns : list of str
        Names or patterns of the columns of groups. Default: the name of the series, followed by "/" and the name of a group.

    Raises
    ------
    ValueError
        If there is no series, or one cannot be judged. A group that cannot be read is left out instead, and the notes say so.
    """
    for _, section in with_series(run, settings, patterns):
        yield section


def with_series(run: Run, settings: Settings, patterns: Sequence[str] = ()) -> Iterator[tuple[RecordedSeries, Section]]:
    """Make the sections of `sections_of`, each with its series."""
    for series in settings.series(run):
        groups, notes = _groups(run, series, settings, patterns)
        try:
            section = section_of(analyze(series, settings), groups)
        except ValueError as error:
            msg = f"{series.name}: {error}"
            raise ValueError(msg) from error
        yield series, section._replace(notes=[*section.notes, *notes])


def _groups(
    run: Run, series: RecordedSeries, settings: Settings, patterns: Sequence[str]
) -> tuple[dict[str, RecordedSeries], list[str]]:
    first, last = settings.steps or (None, None)
    found: dict[str, RecordedSeries] = {}
    notes = []
    try:
        columns = groups_of(run.columns, series.column, patterns)
    except NoSeries as error:
        return {}, [f"no groups: {error}"]
    for name, column in columns.items():
        try:
            (found[name],) = series_of(run, [column], quantity=series.quantity, spacing=settings.spacing, first=first, last=last)
        except ValueError as error:
            notes.append(f"group {shown(name)} is left out: {error}")
    return found, notes
