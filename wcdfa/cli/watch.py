"""``wcdfa watch``."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.live import Live

from wcdfa.cli.console import PlainConsole
from wcdfa.cli.door import door
from wcdfa.cli.exit_status import FAILED
from wcdfa.cli.options import Judging
from wcdfa.cli.printing import say
from wcdfa.cli.streams import require_output
from wcdfa.cli.watch_screen import Screen
from wcdfa.monitor.follower import Follower
from wcdfa.readers import sources
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.places import require_followed
from wcdfa.readers.spacing import Subsampled

PATIENCE = 5  # pause at least this many times as long as a look at the log takes
DEFAULT = Judging()
Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]


def watch(
    path: Path,
    /,
    *,
    judging: Judging = DEFAULT,
    every: Positive = 1.0,
    idle: Positive | None = None,
    details: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Follow the log of a run while it is written.

    Parameters
    ----------
    path
        A file or folder, of the formats that ``wcdfa analyze --help`` lists. It may be written later.
    every
        Seconds between two looks at the log.
    idle
        End after this many seconds without new norms, with exit status 1 if nothing could be read. Default: never.
    details
        On the screen of a terminal, also show the figures behind the words of the verdict.
    """
    require_output()
    settings = judging.settings()
    require_followed(path)
    if path.exists() and not path.is_dir():
        sources(path, settings.pattern)  # raise now if its format is unknown, because waiting would not help
    with door("window", "epoch_length"):
        follower = Follower(path, settings)
    screen, console = Screen(path, details=details), PlainConsole()
    live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
    with live or nullcontext():
        last = time.monotonic()
        while idle is None or time.monotonic() - last <= idle:
            begun = time.monotonic()
            try:
                news = follower.look()
            except (ValueError, OSError) as error:  # the log may be between a rotation and its first line
                if follower.series is None and isinstance(error, (NoSeries, Subsampled)):  # waiting would not help
                    raise
                screen.trouble = str(error)
            else:
                screen.trouble = ""
                if news.fresh:
                    last = time.monotonic()
                screen.take(follower.monitor, news.said, follower.series, settings.compared(follower.series))
            if live is not None:
                live.update(screen, refresh=True)
            else:
                for line in screen.fresh_lines():
                    say(console, line)
            time.sleep(max(every, PATIENCE * (time.monotonic() - begun)))
        if live is not None:
            console.print(screen)
        for line in () if live is not None else screen.last_lines():
            say(console, line)
    return FAILED if follower.series is None else 0
