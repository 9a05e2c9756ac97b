"""Reads SQLite stores with runs of MLflow or trackio."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.formats.rows import Rows
from wcdfa.readers.steps import COUNTER

MLFLOW = {"key", "value", "run_uuid", "step", "is_nan", "timestamp"}
TRACKIO = {"id", "run_name", "step", "metrics"}
CHECKED = 1 << 28  # stores up to this many bytes are checked first; it takes two seconds, in which runs that write to it wait
WRITER = 18  # position of the byte that tells how a store is written
LARGEST = 1.7976931348623157e308  # MLflow writes this for infinity


def read_sqlite(path: Path) -> Iterator[Run]:
    """Read the runs in a store of MLflow or trackio; the store is not changed. Runs deleted in MLflow are left out."""
    with _opened(path) as store:
        _require_sound(path, store)
        held = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {row[1] for row in store.execute("PRAGMA table_info(metrics)")}
        if columns >= MLFLOW:
            runs = _mlflow(path, store)
        elif columns >= TRACKIO:
            runs = _trackio(path, store, "run_id" if "run_id" in columns else "run_name")
        else:
            msg = f"not a store of MLflow or trackio: its tables are {listed(held)}"
            raise ValueError(msg)
        found = False
        for run in runs:
            found = True
            yield run
        if not found:
            msg = "a store without a run that has metrics"
            raise ValueError(msg)


READER = FileReader("stores of MLflow and trackio (.db)", (".db", ".sqlite", ".sqlite3"), read_sqlite, many_runs=True)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # for a store with a write-ahead log, SQLite would leave files beside it, unless told that nobody writes to the store
    idle = _has_log(path) and not path.with_name(f"{path.name}-wal").exists()
    options = "mode=ro&immutable=1" if idle else "mode=ro"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True)) as store:
            (page,) = store.execute("PRAGMA page_size").fetchone()
            if path.stat().st_size % page:
                msg = f"it is cut off: it does not end at a page of {page:,} bytes"
                raise ValueError(msg)
            yield store
    except sqlite3.Error as error:
        msg = f"not a store that can be read: {error}"
        raise ValueError(msg) from error


def _has_log(path: Path) -> bool:
    """Whether the store uses a write-ahead log."""
    with path.open("rb") as file:
        return file.read(WRITER + 1)[WRITER:] == b"\x02"


def _require_sound(path: Path, store: sqlite3.Connection) -> None:
    """Raise if a page is damaged. SQLite itself would read on, and might skip everything after it."""
    if path.stat().st_size > CHECKED:
        return
    (found,) = store.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        msg = f"it is damaged: {found}"
        raise ValueError(msg)


def _mlflow(path: Path, store: sqlite3.Connection) -> Iterator[Run]:
    runs = store.execute("SELECT run_uuid, name FROM runs WHERE lifecycle_stage IS NOT 'deleted' ORDER BY start_time, run_uuid")
    for uuid, name in runs.fetchall():
        keys = [key for (key,) in store.execute("SELECT DISTINCT key FROM metrics WHERE run_uuid = ?", (uuid,))]
        if keys:
            yield Run(path, f"{name or 'run'} {uuid}", Lazy(keys, partial(_metric, path, uuid)))


def _metric(path: Path, uuid: str, key: str) -> Column:
    """Read one metric of a run, in the order written."""
    values, steps = array("d"), array("q")
    query = "SELECT value, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY timestamp, rowid"
    with _opened(path) as store:
        try:
            for value, step, is_nan in store.execute(query, (uuid, key)):
                values.append(np.nan if is_nan else value)
                steps.append(step)
        except TypeError as error:
            msg = f"a record in it is damaged: {error}"
            raise ValueError(msg) from error
    read = np.frombuffer(values)
    infinite = np.abs(read) >= LARGEST
    read[infinite] = np.copysign(np.inf, read[infinite])
    return Column(read, np.frombuffer(steps, np.int64))


def _trackio(path: Path, store: sqlite3.Connection, key: str) -> Iterator[Run]:
    for run, name in store.execute(f"SELECT {key}, max(run_name) FROM metrics GROUP BY {key} ORDER BY min(id)").fetchall():
        notes: list[str] = []
        read = cache(partial(_logged, path, key, run, notes))
        yield Run(path, str(name) if run == name else f"{name} {run}", Lazy(read, partial(_taken, read)), notes)


def _logged(path: Path, key: str, run: object, notes: list[str]) -> Mapping[str, Column]:
    """Read all metrics of a run; if rows cannot be read, a note says so."""
    rows, damaged = Rows(), 0
    with _opened(path) as store:
        for step, metrics in store.execute(f"SELECT step, metrics FROM metrics WHERE {key} IS ? ORDER BY id", (run,)):
            try:
                row = json.loads(
                    metrics.decode() if isinstance(metrics, bytes) else metrics
                )  # decode here, because json.loads would first guess the encoding
                row[COUNTER] = step
                rows.add(row)
            except (ValueError, TypeError, RecursionError):
                damaged += 1
    if damaged:
        notes.append(f"{damaged} rows of the store cannot be read and were left out")
    return rows.columns()


def _taken(read: Callable[[], Mapping[str, Column]], name: str) -> Column:
    return read()[name]
