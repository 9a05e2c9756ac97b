"""SQLite stores of MLflow and trackio: cells of other types, views instead of tables, journals, other pages."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.plan import Plan, change, finish

RUN = "0123456789abcdef0123456789abcdef"
SCHEMAS = {
    "mlflow": """
        CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(250), lifecycle_stage VARCHAR(20), start_time BIGINT);
        CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL,
            step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,
            CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
        CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
        CREATE TABLE tags (key VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
    """,
    "trackio": """
        CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL,
            metrics TEXT NOT NULL);
        CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_name TEXT NOT NULL, config TEXT NOT NULL);
        CREATE INDEX idx_metrics_run_step ON metrics (run_name, step);
    """,
}
ODD = (
    None,
    b"\xff\xfe",
    b"",
    "text",
    "1.5",
    "NaN",
    2**63 - 1,
    -(2**63),
    1e308,
    float("inf"),
    "x" * 100_000,
    "",
    "{",
    "[]",
    0.5,
    "\ud7ff",
)


class Store:
    """A store while it is changed."""

    def __init__(self, case: Case, kind: str, base: sqlite3.Connection) -> None:
        self.case, self.kind, self.base = case, kind, base

    def viewed(self) -> bool:
        """Whether the table of metrics is absent, or is a view already."""
        return not self.base.execute("SELECT 1 FROM sqlite_master WHERE name = 'metrics' AND type = 'table'").fetchone()

    def loosened(self, table: str) -> None:
        """Make a table anew that takes any value."""
        names = [row[1] for row in self.base.execute(f"PRAGMA table_info({table})")]
        self.base.execute(f"ALTER TABLE {table} RENAME TO old")
        self.base.execute(f"CREATE TABLE {table} ({', '.join(names)})")
        self.base.execute(f"INSERT INTO {table} SELECT * FROM old")
        self.base.execute("DROP TABLE old")


def build(folder: Path, plan: Plan, kind: str) -> Case:
    rng = plan.log
    drawn = log(rng, steps=True, gaps=False)
    case = Case(folder / "store.db", drawn.column, drawn.rows)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as base:
        base.execute(f"PRAGMA page_size = {rng.choice([512, 1024, 4096, 65536])}")
        base.execute(f"PRAGMA encoding = '{rng.choice(['UTF-8', 'UTF-8', 'UTF-16le'])}'")
        base.executescript(SCHEMAS[kind])
        base.execute("BEGIN")
        (_mlflow if kind == "mlflow" else _trackio)(base, case)
        change(case, plan, [partial(each, Store(case, kind, base)) for each in CHANGES])
        base.execute("COMMIT")
        file = File(base.serialize())
    finish(case, file, plan, ended=True)
    case.slack += 2 + file.bytes // 4 if plan.bytes else 0
    case.free |= file.moved and len(case.path.read_bytes()) > 0
    return case


def _mlflow(base: sqlite3.Connection, case: Case) -> None:
    base.execute("INSERT INTO runs VALUES (?, 'a run', 'active', 1)", [RUN])
    for i, row in enumerate(case.rows):
        written = {case.column: row.value, **row.beside}
        for name, value in written.items():
            odd = value is not None and not np.isfinite(value)
            told = (
                0.0 if np.isnan(value) else float(np.clip(value, -1.7976931348623157e308, 1.7976931348623157e308)) if odd else value
            )
            base.execute(
                "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", [name, told, 1000 + i, RUN, row.step, bool(np.isnan(value))]
            )


def _trackio(base: sqlite3.Connection, case: Case) -> None:
    for row in case.rows:
        text = {case.column: _plain(row.value), **row.beside}
        base.execute(
            "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES ('2026', 'a run', ?, ?)", [row.step, json.dumps(text)]
        )


def _plain(value: float | None) -> object:
    """As trackio writes a number that JSON lacks."""
    return (
        "NaN"
        if value is not None and np.isnan(value)
        else "Infinity"
        if value == np.inf
        else "-Infinity"
        if value == -np.inf
        else value
    )


def other_cell(store: Store, rng: np.random.Generator) -> None:
    """Cells of other types."""
    if store.viewed():
        return
    table = "runs" if store.kind == "mlflow" and rng.random() < 0.15 else "metrics"
    if not store.base.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
        return
    store.loosened(table)
    names = [row[1] for row in store.base.execute(f"PRAGMA table_info({table})")]
    name, odd = str(rng.choice(names)), ODD[rng.integers(len(ODD))]
    count = store.base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    at = int(rng.integers(count)) if count else 0
    with_it = "" if rng.random() < 0.05 else f"WHERE rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET {at})"
    store.base.execute(f"UPDATE {table} SET {name} = ? {with_it}", [odd])
    store.case.damage(f"{name} of {table} is {str(odd)[:20]!r}{'' if with_it else ' in all rows'}", slack=2)
    store.case.lost |= store.kind == "trackio" and name == "metrics" and odd != "{}"  # none of these is an object
    if not with_it or table == "runs":
        store.case.free, store.case.slack = True, len(store.case.rows)


def view(store: Store, rng: np.random.Generator) -> None:
    """A view in place of the table: endless, with many rows, or broken."""
    kinds = (
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT {columns} FROM old, c",
        "SELECT {columns} FROM old, old AS b, old AS c, old AS d",
        "SELECT {columns} FROM absent",
        "SELECT {columns} FROM old",
        "SELECT {columns} FROM old WHERE abs(-9223372036854775808) = 1",
        "SELECT {columns} FROM old ORDER BY randomblob(1000000)",
    )
    if store.viewed():
        return
    columns = [row[1] for row in store.base.execute("PRAGMA table_info(metrics)")]
    store.base.execute("PRAGMA legacy_alter_table = ON")
    store.base.execute("ALTER TABLE metrics RENAME TO old")
    chosen = kinds[rng.choice(len(kinds), p=[0.1, 0.1, 0.2, 0.2, 0.2, 0.2])]
    store.base.execute(f"CREATE VIEW metrics AS {chosen.format(columns=', '.join('old.' + name for name in columns))}")
    store.case.damage(f"a view: {chosen[:40]}", slack=len(store.case.rows))
    store.case.free = True


def other_table(store: Store, rng: np.random.Generator) -> None:
    """Tables beside, triggers and indices that change nothing of the series."""
    texts = (
        "CREATE TABLE IF NOT EXISTS [more ''] (a, b)",
        "CREATE TABLE IF NOT EXISTS more2 (a INTEGER PRIMARY KEY, b) WITHOUT ROWID",
        "CREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON metrics BEGIN SELECT 1; END",
        "CREATE VIEW IF NOT EXISTS v AS SELECT 1 AS x",
        "CREATE INDEX IF NOT EXISTS i ON metrics (step)",
    )
    if not store.viewed():
        text = texts[rng.integers(len(texts))]
        store.base.execute(text)
        store.case.done.append(text[:30])


def other_run(store: Store, rng: np.random.Generator) -> None:
    """A second run, which is read beside; in MLflow at times a deleted one."""
    held = {name for (name,) in store.base.execute("SELECT name FROM sqlite_master")}
    if store.viewed() or (store.kind == "mlflow" and "runs" not in held):
        return
    name = "other" + str(rng.integers(10**9))
    if store.kind == "mlflow":
        store.base.execute("INSERT INTO runs VALUES (?, 'b', ?, 2)", [name, str(rng.choice(["active", "deleted"]))])
        with suppress(sqlite3.OperationalError):  # a column is absent
            store.base.execute("INSERT INTO metrics VALUES ('more', 1.5, 1, ?, 0, 0)", [name])
    else:
        with suppress(sqlite3.OperationalError):
            store.base.execute(
                "INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES ('2026', ?, 0, '{\"more\": 1}')", [name]
            )
    store.case.done.append("another run")


def gone(store: Store, rng: np.random.Generator) -> None:
    """A table or a column is absent."""
    if store.viewed():
        return
    if rng.random() < 0.3:
        store.base.execute(f"DROP TABLE IF EXISTS {'runs' if store.kind == 'mlflow' else 'metrics'}")
    else:
        store.loosened("metrics")
        names = [row[1] for row in store.base.execute("PRAGMA table_info(metrics)")]
        store.base.execute(f"ALTER TABLE metrics DROP COLUMN {rng.choice(names)}")
    store.case.damage("a table or column is absent", slack=len(store.case.rows))
    store.case.free = True


CHANGES = (other_cell, other_cell, other_cell, view, other_table, other_run, gone)
