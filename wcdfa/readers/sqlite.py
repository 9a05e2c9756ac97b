"""SQLite stores: the runs of MLflow, and those of trackio."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from wcdfa.readers.columns import Column, Run
from wcdfa.readers.rows import Rows

MLFLOW = {"key", "value", "run_uuid", "step", "is_nan", "timestamp"}
TRACKIO = {"run_name", "step", "metrics"}
LARGEST = 1.7976931348623157e308  # which MLflow writes for infinity
NAMED = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}  # as trackio writes them


def read_sqlite(path: Path) -> Iterator[Run]:
    """The runs in a store of MLflow or trackio, which is never written to; those of MLflow that were deleted are left out."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
            held = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            columns = {row[1] for row in store.execute("PRAGMA table_info(metrics)")}
            if columns >= MLFLOW:
                runs = _mlflow(path, store)
            elif columns >= TRACKIO:
                runs = _trackio(path, store, by_id="run_id" in columns)
            else:
                msg = f"{path}: neither a store of MLflow nor of trackio: its tables are {', '.join(sorted(held)) or 'none'}"
                raise ValueError(msg)
            found = False
            for run in runs:
                found = True
                yield run
            if not found:
                msg = f"{path}: a store without a run that has metrics"
                raise ValueError(msg)
    except sqlite3.Error as error:
        msg = f"{path}: no store that can be read: {error}"
        raise ValueError(msg) from error


def _mlflow(path: Path, store: sqlite3.Connection) -> Iterator[Run]:
    runs = store.execute("SELECT run_uuid, name FROM runs WHERE lifecycle_stage != 'deleted' ORDER BY start_time, run_uuid")
    for uuid, name in runs.fetchall():
        keys = [key for (key,) in store.execute("SELECT DISTINCT key FROM metrics WHERE run_uuid = ?", (uuid,))]
        if keys:
            yield Run(path, f"{name or 'run'} {uuid}", Stored(store, uuid, keys))


class Stored(Mapping[str, Column]):
    """The metrics of a run of MLflow, each read when it is asked for: a store may hold millions that nobody asks for."""

    def __init__(self, store: sqlite3.Connection, uuid: str, keys: list[str]) -> None:
        self._store, self._uuid, self._keys = store, uuid, dict.fromkeys(keys)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._keys)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    def __getitem__(self, key: str) -> Column:
        """One of them, in the order written."""
        if key not in self._keys:
            raise KeyError(key)
        values, steps = array("d"), array("q")
        query = "SELECT value, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY timestamp, rowid"
        for value, step, is_nan in self._store.execute(query, (self._uuid, key)):
            values.append(np.nan if is_nan else value)
            steps.append(step)
        read = np.array(values)
        infinite = np.abs(read) >= LARGEST
        read[infinite] = np.copysign(np.inf, read[infinite])
        return Column(read, np.array(steps))


def _trackio(path: Path, store: sqlite3.Connection, *, by_id: bool) -> Iterator[Run]:
    key = "run_id" if by_id else "run_name"
    for run, name in store.execute(f"SELECT {key}, max(run_name) FROM metrics GROUP BY {key} ORDER BY min(id)").fetchall():
        rows, damaged = Rows(), 0
        for step, metrics in store.execute(f"SELECT step, metrics FROM metrics WHERE {key} = ? ORDER BY id", (run,)):
            try:
                row = json.loads(metrics)
            except (ValueError, TypeError):
                damaged += 1
                continue
            rows.add({**_numbers(row), "step": step})
        notes = (f"{damaged} rows of the store cannot be read and were left out",) if damaged else ()
        yield Run(path, name if run == name else f"{name} {run}", rows.columns(), notes)


def _numbers(row: Any) -> dict[str, Any]:
    """A row with the numbers that JSON has no name for."""
    return (
        {name: NAMED.get(value, value) if type(value) is str else value for name, value in row.items()}
        if isinstance(row, dict)
        else {}
    )
