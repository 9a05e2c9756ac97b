"""JSON lines: writes the numbers of a monitor to a file, one line per step."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import SupportsInt

from wcdfa.sinks.base import Closing, Metrics
from wcdfa.sinks.keys import ALERT, STEP, message, row


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

    When the call returns, the operating system has the line, so a killed process loses none. Numbers have enough digits to be read back
    exactly. NaN and Infinity are written as Python's json does, which wcdfa and pandas read; polars and
    strict JSON do not.

    A resumed run appends to the file; a last line that was cut off is removed first. Several processes may share a file on a local
    disk: each line stays whole, and their lines mix.

    Parameters
    ----------
    path : path
        The file. It is opened at the first call, which also makes its folders.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: FileIO | None = None
        self._step: int | None = None

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Append the metrics of a step."""
        self._step = int(step)
        self._append(row(self._step, metrics))

    def alert(self, title: str, text: str | None = None) -> None:
        """Append the message, with the last step."""
        self._append(({} if self._step is None else {STEP: self._step}) | {ALERT: message(title, text)})

    def close(self) -> None:
        """Close the file; another call opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, values: Mapping[str, float | str]) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)  # one system call per line keeps it whole
            weakref.finalize(self, self._file.close)  # for a sink that nobody closes
            _mend(self._file)
        line = json.dumps(values).encode() + b"\n"
        written = self._file.write(line)
        if written < len(line):
            self.close()  # the partial line is removed when the file is opened again
            msg = f"{self.path}: no room for a line of {len(line)} bytes; only {written} were written"
            raise OSError(msg)


def _mend(file: FileIO) -> None:
    """Remove a last line that was cut off; if only its newline is missing, add that."""
    size = file.seek(0, os.SEEK_END)
    length, tail = 0, b""
    while length < size and b"\n" not in tail:
        length = min(size, max(1 << 16, 2 * length))
        file.seek(size - length)
        tail = file.read(length)
    last = tail.rpartition(b"\n")[2]
    if not last:
        return
    try:
        json.loads(last)
    except ValueError:
        file.truncate(size - len(last))
    else:
        file.write(b"\n")
