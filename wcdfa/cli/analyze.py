"""``wcdfa analyze``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wcdfa.cli.console import PlainConsole
from wcdfa.cli.door import WrongCall, door
from wcdfa.cli.exit_status import Condition
from wcdfa.cli.grouping import Grouping
from wcdfa.cli.locating import check_writable, located
from wcdfa.cli.many_series import Spread, judge_many
from wcdfa.cli.one_series import judge_one, only_series
from wcdfa.cli.options import AtLeastOne, Judging
from wcdfa.cli.printing import busy
from wcdfa.readers.formats import described
from wcdfa.support.text import shown

Logs = Annotated[list[Path], Parameter(negative="", json_list=False, help=f"Files or folders: {described()}.")]
DEFAULT = Judging()


def analyze(
    paths: Logs,
    /,
    *,
    judging: Judging = DEFAULT,
    json_output: Annotated[bool, Parameter(name="--json", negative="")] = False,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    table: Path | None = None,
    group_by: str | None = None,
    beside: Annotated[list[str] | None, Parameter(name="--with", negative="")] = None,
    details: Annotated[bool, Parameter(negative="")] = False,
    fail_on: Annotated[list[Condition] | None, Parameter(negative="")] = None,
    jobs: AtLeastOne | None = None,
    dask: str | None = None,
) -> int:
    """Measure α of recorded runs.

    Parameters
    ----------
    json_output
        Print one JSON object for each series, on a line of its own, instead of a table. A picture is only drawn if --output names one.
    output
        File of the picture of a single series. Default: in the current folder, named after the run; that of another run is not replaced.
    table
        Write every window of every series to this parquet file. It appears with the first results.
    beside
        Another column, such as loss, or a pattern of names: say whether the series moves together with it. Repeat the option for several.
    details
        For a single series, also print α at higher orders, and the figures behind the words of the verdict.
    group_by
        Regular expression, such as "lr=[^/]*". Runs in which it matches the same text in path and name form a group, and the mean of
        their α is printed.
    fail_on
        Exit with status 3 if the last window of a series has this regime, or no α ("none"), or if α has drifted ("drift"). Repeat the
        option for several.
    jobs
        Number of processes for many logs. Default: one for each core.
    dask
        Use a Dask cluster instead of processes: its address, or "local".
    """
    settings = replace(judging.settings(), beside=tuple(beside or ()))
    with door():
        grouping = Grouping(group_by)
        if output is not None:
            from wcdfa.plotting import place as picture_place  # noqa: PLC0415 - matplotlib takes a while to import

            picture_place(output)
    if output is not None:
        check_writable("picture", output)
    console = PlainConsole(stderr=json_output)
    with busy("reading", console):
        found, errors = located(paths, settings.pattern)
        alone = not errors and table is None and group_by is None and dask is None
        series = only_series(found, settings) if alone else None
    if series is not None:
        return judge_one(series, settings, console, json_output=json_output, output=output, fail_on=fail_on or [], details=details)
    if table is not None and (place := table.resolve()) in {source.path.resolve() for source in found}:
        msg = f"--table would replace {shown(place)}, which is to be read: choose another name"
        raise WrongCall(msg)
    if output is not None:
        msg = "--output is for the picture of one series: leave it out, or name one log and one --column"
        raise WrongCall(msg)
    spread = Spread(jobs or os.cpu_count() or 1, dask)
    return judge_many(
        found,
        settings,
        console,
        named=paths,
        errors=errors,
        grouping=grouping,
        spread=spread,
        json_output=json_output,
        table=table,
        fail_on=fail_on or [],
    )
