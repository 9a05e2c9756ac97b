"""``wcdfa watch``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter, validators
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from wcdfa.cli.options import Judging
from wcdfa.cli.printing import say
from wcdfa.cli.wording import of_text
from wcdfa.monitor.follower import Follower
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.readers import sources
from wcdfa.readers.column_choice import NoSeries
from wcdfa.readers.spacing import Subsampled
from wcdfa.support.text import shown

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # bars
KEPT = 8  # messages on the screen
PATIENCE = 5  # times that a look at the log may take and still leave it alone so long
DEFAULT = Judging()
Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]


def watch(
    path: Path,
    /,
    *,
    judging: Judging = DEFAULT,
    every: Positive = 1.0,
    idle: Positive | None = None,
) -> int:
    """Follow the log of a run while it is written: norms, α and verdict.

    Each new α is judged as in ``analyze``; changes of regime and drifts of α are said as they are seen. It survives that the log is
    truncated, rotated or not there for a while. Of several logs or runs it follows the one that was written last, and another when only
    that is still written to. End it with Ctrl-C.

    Parameters
    ----------
    path
        A file or folder, as of ``analyze``.
    every
        Seconds between two looks at the log.
    idle
        End when nothing new has been written for so many seconds. Default: never.
    """
    settings = judging.settings()
    if not path.is_dir():
        sources(path)  # where nothing is, or what is no log, there is nothing to wait for
    follower, view, console = Follower(path, settings), View(path), Console()
    options: dict[str, Any] = {}
    if settings.optimizer is not None:
        options = {"optimizer": settings.optimizer, "lr": settings.lr, **settings.hyperparameters}
    live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
    with live or nullcontext():
        last = time.monotonic()
        while idle is None or time.monotonic() - last <= idle:
            begun = time.monotonic()
            try:
                news = follower.look()
            except (ValueError, OSError) as error:  # it may be between a rotation and the first line
                if follower.series is None and isinstance(error, (NoSeries, Subsampled)):  # nothing will change them
                    raise
                view.trouble = str(error)
            else:
                view.trouble = ""
                if news.fresh:
                    last = time.monotonic()
                view.take(follower.monitor, news.said, options)
            if live is not None:
                live.update(view, refresh=True)
            else:
                for line in view.fresh_lines():
                    say(console, line)
            time.sleep(max(every, PATIENCE * (time.monotonic() - begun)))
        if live is not None:
            console.print(view)
    return 0


class View:
    """What is on the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self._said: list[str] = []
        self._printed = 0
        self._waiting = ""
        self._signal: Any = np.zeros(0)
        self._result: Any = None
        self._line = ""
        self._reasons: list[str] = []

    def take(self, monitor: WeightChangeDFA, said: Sequence[str], options: dict[str, Any]) -> None:
        """Show the monitor as it is now."""
        self._said += said
        self._signal = monitor.get_signal()
        result = monitor.result
        if result is None:
            self._line = f"{len(self._signal):,} of {monitor.window:,} norms for the first α"
        elif result is not self._result:
            verdict = monitor.verdict(**options)
            self._line = f"step {monitor.step:,}: {verdict}"
            self._reasons = [finding.text for finding in verdict.findings]
            self._said.append(f"{self._line}  {sparkline(self._signal)}")
        self._result = result

    def fresh_lines(self) -> Iterator[str]:
        """What has been said since the last call, for where there is no screen."""
        yield from self._said[self._printed :]
        self._printed = len(self._said)
        if self.trouble and self.trouble != self._waiting:
            yield f"waiting: {self.trouble}"
        self._waiting = self.trouble

    def __rich__(self) -> Group:
        """Norms, verdict, reasons, and what was said last."""
        norms = f"‖ΔW‖ {self._signal[-1]:.4g}" if len(self._signal) else "no norms yet"
        lines = [f"{shown(self.path)}  {norms}", sparkline(self._signal), self._line, *(f"  {text}" for text in self._reasons)]
        lines += self._said[-KEPT:]
        if self.trouble:
            lines.append(f"waiting: {self.trouble}")
        return Group(*(Text(of_text(line)) for line in lines if line))


def sparkline(values: Any) -> str:
    """The logarithm of the last values, or where some are negative they themselves, as bars, each the median of as many as it stands for.

    >>> sparkline([1, 2, 4, 8, 16, 32, 64, 128])
    '▁▂▃▄▅▆▇█'
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not np.any(values < 0):
        values = np.log(values[values > 0])
    if not values.size:
        return ""
    heights = np.array([np.median(part) for part in np.array_split(values, min(WIDTH, values.size))])
    low, high = heights.min(), heights.max()
    share = (heights - low) / (high - low) if high > low else np.full(heights.shape, 0.5)
    return "".join(BARS[round(each * (len(BARS) - 1))] for each in share)
