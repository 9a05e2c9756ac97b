"""JSON lines: writes the numbers of a monitor to a file, one line per step."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import SupportsInt

from wcdfa.sinks.base import Closing, Metrics
from wcdfa.sinks.buffer import Buffer
from wcdfa.sinks.keys import ALERT, STEP, message, row
from wcdfa.support.shared_file import SharedFile

ENCODE = json.JSONEncoder().encode
PAUSE = 1.0  # seconds between two attempts, while lines cannot be written


class JSONLinesSink(Closing):
    """Appends the numbers of a monitor to a file, and an alert as a line of its own.

    >>> import tempfile
    >>> import wcdfa
    >>> with tempfile.TemporaryDirectory() as folder, JSONLinesSink(f"{folder}/run.jsonl") as sink:
    ...     monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
    ...     for norm in (0.25, 0.125):
    ...         _ = monitor.update(norm)
    ...     print(sink.path.read_text(), end="")
    {"wcdfa/step": 1, "wcdfa/n": 1.0, "wcdfa/skipped": 0.0, "wcdfa/update_norm": 0.25}
    {"wcdfa/step": 2, "wcdfa/n": 2.0, "wcdfa/skipped": 0.0, "wcdfa/update_norm": 0.125}

    When the call returns, the operating system has the line, so a killed process loses none. If the line cannot be written, for example
    because the disk is full, the call raises the error; the line waits in memory, at most 100,000 lines do, and all are written in order
    with the next line for which there is room, by `close`, or when the process ends.

    Numbers have enough digits to be read back exactly. NaN and Infinity are written as Python's json does, which wcdfa and pandas read;
    polars and strict JSON do not.

    A resumed run appends to the file; a last line that was cut off is removed first. Several processes may share a file, also forked
    ones and those that get the sink pickled: each line stays whole, and their lines mix. For this the file is locked while a line is
    written; a warning says so if the file system has no locks. A file that was moved or deleted is made again.

    Parameters
    ----------
    path : path
        The file. It is opened at the first call, which also makes its folders.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = SharedFile(self.path)
        self._buffer: Buffer[bytes] = Buffer(self._file.append, 1, PAUSE, "lines")
        self._step: int | None = None

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Append the metrics of a step."""
        self._step = int(step)
        self._append(row(self._step, metrics))

    def alert(self, title: str, text: str | None = None) -> None:
        """Append the message, with the last step."""
        self._append(({} if self._step is None else {STEP: self._step}) | {ALERT: message(title, text)})

    def finish(self) -> None:
        """Close the file, after writing the lines that wait; another call opens it again."""
        with self._buffer.lock:
            self._buffer.close()
            self._file.close()

    def __reduce__(self) -> tuple[Callable[..., JSONLinesSink], tuple[Path], dict[str, int | None]]:
        """A copy, for example in another process, opens the file itself; the lines that wait stay with this one."""
        return type(self), (self.path,), {"_step": self._step}

    def _append(self, values: Mapping[str, float | str]) -> None:
        self._buffer.put(ENCODE(values).encode() + b"\n")
