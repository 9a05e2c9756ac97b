"""Parquet: writes the numbers of a monitor to a folder of tables."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import SupportsInt

from wcdfa.support.extras import needed

with needed("wcdfa.sinks.parquet", "wcdfa[cli]"):
    import pyarrow as pa
    import pyarrow.parquet as pq

from wcdfa.sinks.base import Closing, Metrics
from wcdfa.sinks.buffer import Buffer
from wcdfa.sinks.keys import ALERT, METRICS, STEP, message, row
from wcdfa.support.files import replacing
from wcdfa.support.numbers import whole

TYPES = {STEP: pa.int64(), ALERT: pa.string()}  # all other columns are float64
Row = dict[str, float | str]


class ParquetSink(Closing):
    """Writes the numbers of a monitor into the files 00000.parquet, 00001.parquet, … of a folder, which is read as one table.

    >>> import tempfile
    >>> import pyarrow.parquet
    >>> import wcdfa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ParquetSink(f"{folder}/run") as sink:
    ...         monitor = wcdfa.WeightChangeDFA(logger=sink, log_every=1)
    ...         for norm in (0.25, 0.125):
    ...             _ = monitor.update(norm)
    ...     pyarrow.parquet.read_table(f"{folder}/run").select(["wcdfa/step", "wcdfa/update_norm"]).to_pylist()
    [{'wcdfa/step': 1, 'wcdfa/update_norm': 0.25}, {'wcdfa/step': 2, 'wcdfa/update_norm': 0.125}]

    ``pandas.read_parquet("run")`` and ``polars.read_parquet("run/*.parquet")`` read all files, which have the same columns: if a
    column appears later (α of a group), earlier files are written again with it. Values that were not logged are null; NaN is NaN. An
    alert is in the column "wcdfa/alert" of the last row.

    Each file is complete and readable at all times: a new version replaces the old one. A process that is killed, also by SIGTERM unless
    it handles that, loses the numbers since the last write, which is at most `seconds` before the last call; a process that closes the
    sink or ends normally loses none. What cannot be written, for example because the disk is full, waits in memory and is written later;
    the error, and the message at the end, say how many rows wait.

    A resumed run, or a copy of the sink that another process unpickles, starts the next file. Give each process a folder of its own: a
    forked child is refused, because its parent goes on with the same files.

    Parameters
    ----------
    folder : path
        It is made when the first file is written.
    rows : int
        How many rows go into a file.
    seconds : float
        How long numbers wait at least; the last file is then rewritten when the next ones come.

    Raises
    ------
    ValueError
        If the folder holds files with such names that a monitor did not write.
    RuntimeError
        If it is called in a forked child.
    """

    def __init__(self, folder: str | os.PathLike[str], *, rows: int = 10_000, seconds: float = 60.0) -> None:
        self.folder = Path(folder)
        self._rows = whole("rows", rows, "a whole number of rows (10,000 is the default)")
        self._buffer: Buffer[Row] = Buffer(self._write, self._rows, seconds, "rows")
        self._seconds, self._process = seconds, os.getpid()
        self._columns = [*METRICS, ALERT]
        self._number: int | None = None  # of the file that is being filled
        for part in self._parts():
            names = _names(part)
            if STEP not in names:
                msg = f"{part} is not a file of a monitor and would be mixed with its numbers: name another folder"
                raise ValueError(msg)
            self._add_columns(names)
        self._widened = False

    def __call__(self, step: SupportsInt, metrics: Metrics) -> None:
        """Keep the metrics of a step, after writing those that are due."""
        self._check_process()
        self._buffer.add([{**row(int(step), metrics)}])

    def alert(self, title: str, text: str | None = None) -> None:
        """Put the message into the last row."""
        self._check_process()
        with self._buffer.lock:
            if not self._buffer.items:
                self._buffer.add([{}])
            last = self._buffer.items[-1]
            before = [str(last[ALERT])] if ALERT in last else []
            last[ALERT] = "\n".join([*before, message(title, text)])
            self._buffer.reopen_last()

    def finish(self) -> None:
        """Write all rows. The sink can still be used."""
        self._buffer.close()

    def __reduce__(self) -> tuple[Callable[..., ParquetSink], tuple[Path]]:
        """A copy, for example in another process, starts the next file; the rows that wait stay with this one."""
        return functools.partial(type(self), rows=self._rows, seconds=self._seconds), (self.folder,)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            msg = (
                f"{self.folder} is written by the sink of process {self._process}, which was forked into this one, and rows of both would "
                "be mixed: make a ParquetSink with a folder of its own in each process"
            )
            raise RuntimeError(msg)

    def _write(self, waiting: list[Row]) -> None:
        """Write the rows. Those of the last file are kept, so that it can be rewritten with more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._add_columns(name for each in waiting for name in each):
            self._widened = False
        if not self._widened:
            self._widen()
        while True:
            if self._number is None:
                self._number = 1 + max((int(part.stem) for part in self._parts()), default=-1)
            self._put(self._number, _table(waiting[: self._rows], self._columns))
            if len(waiting) <= self._rows:
                self._buffer.done = len(waiting)
                return
            self._number = None
            self._buffer.done = 0
            del waiting[: self._rows]

    def _put(self, number: int, table: pa.Table) -> None:
        with replacing(self.folder / f"{number:05d}.parquet") as file:
            pq.write_table(table, file)

    def _parts(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.parquet") if re.fullmatch("[0-9]{5}|[1-9][0-9]{5,}", path.stem))

    def _add_columns(self, names: Iterable[str]) -> bool:
        new = sorted(set(names).difference(self._columns))
        self._columns += new
        return bool(new)

    def _widen(self) -> None:
        """Give all files all columns. The first file is written last, because readers take the columns from it."""
        parts = self._parts()
        self._add_columns(name for part in parts for name in _names(part))
        for part in reversed(parts):
            if _names(part) != self._columns:
                held = pq.read_table(part, partitioning=None)
                columns = [held[name] if name in held.column_names else pa.nulls(len(held), _type(name)) for name in self._columns]
                self._put(int(part.stem), pa.table(columns, names=self._columns))
        self._widened = True


def _table(rows: list[Row], columns: list[str]) -> pa.Table:
    return pa.table([pa.array([each.get(name) for each in rows], _type(name)) for name in columns], names=columns)


def _type(name: str) -> pa.DataType:
    return TYPES.get(name, pa.float64())


def _names(part: Path) -> list[str]:
    """The names of the columns of a file."""
    try:
        return list(pq.read_schema(part).names)
    except pa.ArrowInvalid as error:
        msg = f"{part}: not a parquet file: {error}"
        raise ValueError(msg) from error
