"""Reads SQLite stores with runs of MLflow or trackio."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.rows import LONGEST_ROW, Rows, loads
from wcdfa.readers.formats.stores import Store
from wcdfa.readers.long_tables import with_infinity
from wcdfa.readers.magic import is_sqlite
from wcdfa.readers.step_values import in_order_written
from wcdfa.readers.steps import COUNTER
from wcdfa.support.text import several

MLFLOW = {"key", "value", "run_uuid", "step", "is_nan", "timestamp"}
TRACKIO = {"id", "run_name", "step", "metrics"}
CHECKED = 1 << 28  # stores up to this many bytes are checked first; it takes two seconds, in which runs that write to it wait
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"  # no views or virtual tables: these may never end
AMONG = "rowid IN (SELECT place FROM temp.places WHERE run IS ?)"


def read_sqlite(path: Path) -> Iterator[Run]:
    """Read the runs in a store of MLflow or trackio; the store is not changed. Runs deleted in MLflow are left out."""
    place = Store(path)
    with place.opened() as store:
        _require_sound(path, store)
        held = [name for (name,) in store.execute(TABLES)]
        columns = {row[1] for row in store.execute("PRAGMA table_info(metrics)")} if "metrics" in held else set()
        if columns >= MLFLOW and "runs" in held:
            runs = list(_mlflow(path, store, place))
        elif columns >= TRACKIO:
            runs = list(_trackio(path, store, place, "run_id" if "run_id" in columns else "run_name"))
        else:
            msg = f"not a store of MLflow or trackio: its tables are {listed(held)}"
            raise LogError(msg)
    if not runs:
        msg = "a store without a run that has metrics"
        raise LogError(msg)
    yield from runs


READER = FileReader(
    "stores of MLflow and trackio (.db)", (".db", ".sqlite", ".sqlite3"), read_sqlite, many_runs=True, recognises=is_sqlite
)


def _require_sound(path: Path, store: sqlite3.Connection) -> None:
    """Raise if a page is damaged. SQLite itself would read on, and might skip everything after it."""
    if path.stat().st_size > CHECKED:
        return
    (found,) = store.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        msg = f"it is damaged: {found}"
        raise ValueError(msg)


def _mlflow(path: Path, store: sqlite3.Connection, place: Store) -> Iterator[Run]:
    runs = store.execute(
        "SELECT run_uuid, name FROM runs WHERE lifecycle_stage IS NOT 'deleted' ORDER BY start_time, run_uuid"
    ).fetchall()
    held: dict[object, list[object]] = {}
    for uuid, key in store.execute("SELECT DISTINCT run_uuid, key FROM metrics"):
        held.setdefault(uuid, []).append(key)
    for uuid, name in runs:
        keys = [key for key in held.get(uuid, []) if isinstance(key, str)]
        wrong = len(held.get(uuid, [])) - len(keys)
        notes = (
            [f"{several(wrong, 'metric whose name is not text was', 'metrics whose name is not text were')} left out"]
            if wrong
            else []
        )
        if keys or wrong:
            yield Run(path, f"{name or 'run'} {uuid}", Lazy(keys, partial(_metric, place, uuid)), notes, "mlflow", f"mlflow:{uuid}")


def _metric(place: Store, uuid: object, key: str) -> Column:
    """Read one metric of a run, in the order written. Its times may go back, where a clock was set or the run went on elsewhere."""
    values, steps = array("d"), array("q")
    query = "SELECT value, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY rowid"
    with place.opened() as store:
        if not _indexed(store, "run_uuid"):
            query = f"SELECT value, step, is_nan FROM metrics WHERE {AMONG} AND key = ? ORDER BY rowid"
        try:
            for value, step, is_nan in store.execute(query, (uuid, key)):
                values.append(np.nan if is_nan else value)
                steps.append(step)
        except TypeError as error:
            msg = f"a record in it is damaged: {error}"
            raise LogError(msg) from error
    return in_order_written(Column(with_infinity(np.frombuffer(values)), np.frombuffer(steps, np.int64)))


def _trackio(path: Path, store: sqlite3.Connection, place: Store, key: str) -> Iterator[Run]:
    for run, name in store.execute(f"SELECT {key}, max(run_name) FROM metrics GROUP BY {key} ORDER BY min(id)").fetchall():
        notes: list[str] = []
        read = cache(partial(_logged, path, place, key, run, notes))
        named = str(name) if run == name else f"{name} {run}"
        yield Run(path, named, Lazy(read, partial(_taken, read)), notes, "trackio", f"trackio:{path.stem}/{run}")


def _logged(path: Path, place: Store, key: str, run: object, notes: list[str]) -> Mapping[str, Column]:
    """Read all metrics of a run; if rows cannot be read, a note says so."""
    rows, damaged = Rows(path.stat().st_size), 0
    with place.opened() as store:
        among = f"{key} IS ?" if _indexed(store, key) else AMONG
        for step, metrics in store.execute(f"SELECT step, metrics FROM metrics WHERE {among} ORDER BY id", (run,)):
            row = _row(metrics)
            if row is None:
                damaged += 1
            else:
                row[COUNTER] = step
                rows.add(row)
    if damaged:
        notes.append(
            f"{several(damaged, 'row of the store cannot be read and was', 'rows of the store cannot be read and were')} left out"
        )
    return rows.columns()


def _indexed(store: sqlite3.Connection, run: str) -> bool:
    """Whether the rows of a run can be found without looking at all; if not, find out once where those of every run are."""
    if store.execute("SELECT 1 FROM temp.sqlite_master WHERE name = 'places'").fetchone():
        return False
    indexes = [name for _, name, *_ in store.execute("PRAGMA main.index_list(metrics)").fetchall()]
    first = [store.execute("SELECT name FROM pragma_index_info(?) WHERE seqno = 0", (name,)).fetchone() for name in indexes]
    if (run,) in first:
        return True
    store.execute("PRAGMA temp_store = MEMORY")
    store.execute(f"CREATE TEMP TABLE places AS SELECT {run} AS run, rowid AS place FROM main.metrics")
    store.execute("CREATE INDEX temp.of_run ON places (run, place)")
    return False


def _row(metrics: object) -> dict[str, object] | None:
    """The metrics in a row; None if it is damaged."""
    text = metrics.decode("utf-8", "replace") if isinstance(metrics, bytes) else metrics  # json.loads would guess the encoding
    try:
        row = loads(text) if isinstance(text, str) and len(text) <= LONGEST_ROW else None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _taken(read: Callable[[], Mapping[str, Column]], name: str) -> Column:
    return read()[name]
