"""JSON lines: the numbers of a monitor in a file, a line each time."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wcdfa.sinks.base import Closing
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

    A line is with the operating system when the call returns: a process that is killed loses none. Numbers are the shortest that are
    read back the same. NaN and Infinity are written as Python's json does, which wcdfa and pandas read; polars and strict JSON do not.

    A run that goes on appends to what is there; a last line that was cut off is taken away first. Processes may share a file on a
    local disk, where each line stays whole; their lines mix.

    Parameters
    ----------
    path : path
        The file, which is opened at the first call, when the folders that it lies in are made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: Any = None
        self._step: int | None = None

    def __call__(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Append them."""
        self._step = int(step)
        self._append(row(self._step, metrics))

    def alert(self, title: str, text: str | None = None) -> None:
        """Append it, with the last step."""
        self._append(({} if self._step is None else {STEP: self._step}) | {ALERT: message(title, text)})

    def close(self) -> None:
        """Close the file; another call opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, values: dict[str, Any]) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)  # one call of the system for each line, which keeps it whole
            weakref.finalize(self, self._file.close)  # of a sink that nobody closes
            _mend(self._file)
        line = json.dumps(values).encode() + b"\n"
        written = self._file.write(line)
        if written < len(line):
            self.close()  # what there is of the line is taken away when it is opened again
            msg = f"{self.path}: no room for a line of {len(line)} bytes: {written} were written"
            raise OSError(msg)


def _mend(file: Any) -> None:
    """Take a last line away that was cut off; end one that only lacks its newline."""
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
