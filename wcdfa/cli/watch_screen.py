"""The output of ``wcdfa watch``: a live screen on a terminal, elsewhere new lines only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group
from rich.text import Text

from wcdfa.cli.printing import advice
from wcdfa.cli.wording import of_text
from wcdfa.inference.exponent import DFAResult
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.readers.series import RecordedSeries
from wcdfa.recording.shortage import too_few_yet
from wcdfa.support.quantity import symbol
from wcdfa.support.text import shown, without_numbers
from wcdfa.verdicts.explanations import Explanation, of_line, of_verdict
from wcdfa.verdicts.sentences import reasons

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # bars
KEPT = 8  # messages on the screen


class Screen:
    """The last norms as bars, the last verdict with its findings, and the last messages."""

    def __init__(self, path: Path, *, details: bool = False) -> None:
        self.path = path
        self._details = details
        self._advised = ""  # the key of what to do, as it was said last
        self.trouble = ""
        """Why the log cannot be read at the moment; empty if it can."""
        self._messages: list[str] = []
        self._printed = 0
        self._waiting = ""
        self._norms: npt.NDArray[np.floating] = np.zeros(0)
        self._symbol = symbol("update norm")
        self._result: DFAResult | None = None
        self._line = ""
        self._counted, self._short = -1, False  # norms at the last look, and whether it was said that they are too few
        self._findings: list[str] = []

    def take(
        self, monitor: WeightChangeDFA, messages: Sequence[str], series: RecordedSeries | None, compared: Mapping[str, Any]
    ) -> None:
        """Show the current state of the monitor and these messages.

        Parameters
        ----------
        monitor : WeightChangeDFA
        messages : list of str
        series : RecordedSeries, optional
            The series that the monitor was given; None before there is one.
        compared : mapping of str to object
            Options of `wcdfa.verdict` that name the optimizer and say what the series is.
        """
        for message in messages:
            self._say(message, of_line(message))
        self._symbol = symbol("update norm" if series is None else series.quantity)
        self._norms = monitor.get_signal()
        result = monitor.result
        if result is None:
            self._line = too_few_yet(len(self._norms), monitor.window)
            if series is not None and len(self._norms) == self._counted:
                self._say_short()  # nothing new came since the last look
            self._counted = len(self._norms)
        elif result is not self._result:
            verdict = monitor.verdict(**compared)
            self._line = f"step {monitor.step:,}: {verdict}"
            self._findings = reasons(verdict, optimizer_named=True, figures=self._details)
            self._say(f"{self._line}  {sparkline(self._norms)}", of_verdict(verdict))
        self._result = result

    def _say(self, message: str, line: Explanation | None) -> None:
        """Keep a message, and below it what to do, unless that was said last."""
        self._messages.append(message)
        if line is not None and line.key not in ("note", self._advised):
            self._messages.append(advice(line))
            self._advised = line.key

    def fresh_lines(self) -> Iterator[str]:
        """The messages since the last call; while the log cannot be read, one line that says why."""
        yield from self._messages[self._printed :]
        self._printed = len(self._messages)
        kind = without_numbers(self.trouble.partition(";")[0])
        if kind and kind != self._waiting:
            yield f"waiting: {self.trouble}"
        self._waiting = kind

    def last_lines(self) -> Iterator[str]:
        """Say at the end that there were too few steps, unless it was said."""
        if self._result is None and self._counted > 0:
            self._say_short()
        yield from self.fresh_lines()

    def _say_short(self) -> None:
        """Say once that the steps are too few."""
        if not self._short:
            self._messages.append(self._line)
            self._short = True

    def __rich__(self) -> Group:
        """The current screen."""
        norms = f"{self._symbol} {self._norms[-1]:.4g}" if len(self._norms) else "no norms yet"
        lines = [f"{shown(self.path)}  {norms}", sparkline(self._norms), self._line, *(f"  {text}" for text in self._findings)]
        lines += self._messages[-KEPT:]
        if self.trouble:
            lines.append(f"waiting: {self.trouble}")
        return Group(*(Text(of_text(line)) for line in lines if line))


def sparkline(values: npt.ArrayLike) -> str:
    """Draw values as at most 60 bars, each the median of equally many; on a logarithmic scale unless a value is negative.

    >>> sparkline([1, 2, 4, 8, 16, 32, 64, 128])
    '▁▂▃▄▅▆▇█'
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not np.any(x < 0):
        x = np.log(x[x > 0])
    if not x.size:
        return ""
    heights = np.array([np.median(part) for part in np.array_split(x, min(WIDTH, x.size))])
    low, high = heights.min(), heights.max()
    share = (heights - low) / (high - low) if high > low else np.full(heights.shape, 0.5)
    return "".join(BARS[round(each * (len(BARS) - 1))] for each in share)
