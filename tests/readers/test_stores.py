"""SQLite stores: write-ahead logs through links and on read-only folders, clocks that go back, and content that is hostile."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3

import numpy as np
import pytest

from wcdfa.readers import read_series, series_of, sources
from wcdfa.readers.formats import stores

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(900))
TRACKIO = "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT, run_name TEXT, step INT, metrics TEXT)"
METRICS = "CREATE TABLE metrics (key, value, timestamp INT, run_uuid TEXT, step, is_nan INT)"
RUNS = "CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT, start_time INT)"


def put(store, start, stop):
    rows = [(i, json.dumps({"update_norm": NORMS[i]})) for i in range(start, stop)]
    store.executemany("INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES ('id', 't', 'run', ?, ?)", rows)
    store.commit()


@pytest.fixture
def logged(tmp_path):
    """A store with 600 steps, and 300 more in its write-ahead log, to which a run is still writing."""
    path = tmp_path / "project" / "run.db"
    path.parent.mkdir()
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA wal_autocheckpoint = 0")
    store.execute(TRACKIO)
    put(store, 0, 600)
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    put(store, 600, 900)
    yield path
    store.close()


def content(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_write_ahead_log_is_read_through_links(tmp_path, logged, depth):
    path = logged
    for i in range(depth):
        link = tmp_path / f"links{i}" / f"other{i}.db"
        link.parent.mkdir()
        link.symlink_to(path)
        path = link
    np.testing.assert_array_equal(read_series(path).values, NORMS)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_write_ahead_log_without_its_index(tmp_path, logged, read_only):
    folder = tmp_path / "copy"
    folder.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(logged.with_name(f"run.db{ending}"), folder)
    before = content(folder)
    folder.chmod(0o555 if read_only else 0o755)
    try:
        np.testing.assert_array_equal(read_series(folder / "run.db").values, NORMS)
    finally:
        folder.chmod(0o755)
    assert content(folder) == before  # nothing is left beside it


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_write_ahead_log_that_was_cut_off_holds_what_was_committed(tmp_path, logged, share):
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(logged, folder)
    log = logged.with_name("run.db-wal").read_bytes()
    (folder / "run.db-wal").write_bytes(log[: int(share * len(log))])
    before = content(folder)
    np.testing.assert_array_equal(read_series(folder / "run.db").values, NORMS[:600])
    assert content(folder) == before


def test_a_writer_that_keeps_the_index_to_itself_loses_nothing(tmp_path):
    path = tmp_path / "run.db"
    store = sqlite3.connect(path)
    store.execute(TRACKIO)
    put(store, 0, 600)
    store.execute("PRAGMA locking_mode = EXCLUSIVE")
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA wal_autocheckpoint = 0")
    store.execute("PRAGMA cache_size = 1")
    rows = [(i, json.dumps({"update_norm": NORMS[i]})) for i in range(600, 900)]
    store.executemany("INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('id', 'run', ?, ?)", rows)
    before = content(tmp_path)
    assert set(before) == {"run.db", "run.db-wal"}
    np.testing.assert_array_equal(read_series(path).values, NORMS[:600])  # the others are not committed
    assert content(tmp_path) == before
    store.commit()
    np.testing.assert_array_equal(read_series(path).values, NORMS)
    store.close()


def test_what_is_written_meanwhile_is_seen(logged):
    with sqlite3.connect(logged) as store:
        rest = json.dumps({"update_norm": 2.5})
        for step in range(900, 905):
            store.execute("INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('id', 'run', ?, ?)", (step, rest))
            store.commit()
            assert len(read_series(logged).values) == step + 1
    store.close()


def test_an_interrupted_change_is_named(tmp_path):
    path = tmp_path / "run.db"
    store = sqlite3.connect(path)
    store.execute(TRACKIO)
    put(store, 0, 900)
    store.execute("PRAGMA cache_size = 1")
    store.execute("PRAGMA cache_spill = 1")
    store.execute("UPDATE metrics SET metrics = '{}'")  # not committed
    (tmp_path / "copy").mkdir()
    for each in (path, tmp_path / "run.db-journal"):
        shutil.copy(each, tmp_path / "copy")
    store.close()
    if os.path.getsize(tmp_path / "copy" / "run.db-journal") == 0:
        pytest.skip("SQLite did not write the change yet")
    with pytest.raises(ValueError, match="a change to it may have been interrupted"):
        read_series(tmp_path / "copy" / "run.db")


def write_mlflow(path, rows, metrics=METRICS, runs=RUNS):
    store = sqlite3.connect(path)
    for each in (metrics, runs):
        store.execute(each)
    store.executemany("INSERT INTO metrics VALUES (?, ?, ?, 'u', ?, ?)", rows)
    store.execute("INSERT INTO runs VALUES ('u', 'run', 'active', 0)")
    store.commit()
    store.close()
    return path


@pytest.mark.parametrize("back", [1, 600_000, 10**9])
@pytest.mark.parametrize("at", [1, 300, 599])
def test_a_clock_that_goes_back_undoes_nothing(tmp_path, back, at):
    rows = [("update_norm", NORMS[i], 10**12 + i - back * (i >= at), i, 0) for i in range(600)]
    series = read_series(write_mlflow(tmp_path / "mlflow.db", rows))
    np.testing.assert_array_equal(series.values, NORMS[:600])
    assert series.notes == ()


def test_a_restart_undoes_what_it_replaces(tmp_path):
    steps = [*range(500), *range(400, 700)]
    rows = [("update_norm", NORMS[i], 10**12 + 5 * i, step, 0) for i, step in enumerate(steps)]
    series = read_series(write_mlflow(tmp_path / "mlflow.db", rows))
    np.testing.assert_array_equal(series.values, np.concatenate([NORMS[:400], NORMS[500:800]]))
    assert "steps went back to 400" in series.notes[0]


@pytest.mark.parametrize("wrong", [b"\xff\x00", None, 5, 2.5])
def test_a_name_that_is_not_text_is_left_out(tmp_path, wrong):
    rows = [("update_norm", norm, 0, i, 0) for i, norm in enumerate(NORMS)]
    series = read_series(write_mlflow(tmp_path / "mlflow.db", [*rows, (wrong, 1.0, 0, 0, 0)]))
    np.testing.assert_array_equal(series.values, NORMS)
    assert "1 metric whose name is not text was left out" in series.notes


@pytest.mark.parametrize("wrong", [("text", 3), (b"blob", 3), (None, 3), (1.0, "text"), (1.0, 2.5), (1.0, None), (1.0, b"x")])
def test_values_and_steps_of_other_types_are_errors_of_the_file(tmp_path, wrong):
    rows = [("update_norm", norm, 0, i, 0) for i, norm in enumerate(NORMS)]
    path = write_mlflow(tmp_path / "mlflow.db", [*rows[:3], ("update_norm", wrong[0], 0, wrong[1], 0), *rows[4:]])
    with pytest.raises(ValueError, match=r"mlflow\.db: .*a record in it is damaged"):
        read_series(path)


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
VIRTUAL = "CREATE VIRTUAL TABLE metrics USING fts5(id, run_name, step, metrics)"
HUGE = "hex(zeroblob(900000000))"


@pytest.mark.parametrize(
    "tables",
    [
        [f"CREATE VIEW metrics AS {ENDLESS} SELECT i AS id, 'r' AS run_name, i AS step, '{{}}' AS metrics FROM n"],
        [f"CREATE VIEW metrics AS {ENDLESS} SELECT 'k' key, 1.0 value, 'u' run_uuid, i step, 0 is_nan, i timestamp FROM n", RUNS],
        [
            METRICS,
            f"CREATE VIEW runs AS {ENDLESS} SELECT i AS run_uuid, 'n' AS name, 'a' AS lifecycle_stage, i AS start_time FROM n",
        ],
        [
            "PRAGMA writable_schema = ON",  # not every SQLite has a module of virtual tables
            f"INSERT INTO sqlite_master VALUES ('table', 'metrics', 'metrics', 0, '{VIRTUAL}')",
        ],
        [f"CREATE TABLE metrics (id INT, run_name TEXT, step INT, metrics TEXT AS ({HUGE}))"],
    ],
    ids=["trackio", "metrics", "runs", "virtual", "generated"],
)
def test_only_tables_are_read(tmp_path, tables):
    store = sqlite3.connect(tmp_path / "run.db")
    for each in tables:
        store.execute(each)
    store.commit()
    store.close()
    with pytest.raises(ValueError, match=r"run\.db: not a store of MLflow or trackio"):
        read_series(tmp_path / "run.db")


@pytest.mark.parametrize(
    "wrong",
    ["[1]", "5", '"text"', "null", "", "{", b"\xff{", None, 7, 2.5, "[" * 100_000],
    ids=range(11),
)
def test_damaged_rows_of_trackio_are_counted(tmp_path, wrong):
    store = sqlite3.connect(tmp_path / "run.db")
    store.execute(TRACKIO)
    put(store, 0, 300)
    store.execute("INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('id', 'run', 300, ?)", (wrong,))
    put(store, 301, 600)
    store.close()
    (run,) = sources(tmp_path / "run.db")[0].runs()
    (series,) = series_of(run)
    np.testing.assert_array_equal(series.values, np.delete(NORMS[:600], 300))
    assert "1 row of the store cannot be read and was left out" in run.notes


def test_a_store_of_many_gigabytes(logged, monkeypatch):
    monkeypatch.setattr(stores, "most_memory", lambda size: 1 << 36)
    np.testing.assert_array_equal(read_series(logged).values, NORMS)


@pytest.mark.parametrize("index", ["", "CREATE INDEX of_run ON metrics (run_uuid, key)", "CREATE INDEX of_key ON metrics (key)"])
def test_many_runs_are_read_with_an_index_and_without(tmp_path, index):
    store = sqlite3.connect(tmp_path / "mlflow.db")
    for each in (RUNS, METRICS, index):
        store.execute(each)
    runs = [f"id{i:04}" for i in range(2_000)]
    store.executemany("INSERT INTO runs VALUES (?, 'run', 'active', ?)", [(run, i) for i, run in enumerate(runs)])
    rows = [("update_norm", i + step / 8, 0, run, step, 0) for step in range(4) for i, run in enumerate(runs)]  # runs take turns
    store.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    store.commit()
    store.close()
    before = content(tmp_path)
    found = [series.values.tolist() for run in sources(tmp_path / "mlflow.db")[0].runs() for series in series_of(run)]
    assert found == [[i + step / 8 for step in range(4)] for i in range(2_000)]
    assert content(tmp_path) == before


def test_a_writer_is_not_held_up_by_a_reader(logged):
    (run,) = sources(logged)[0].runs()
    (series,) = series_of(run)
    with sqlite3.connect(logged, timeout=0.1) as store:
        store.execute("INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('id', 'run', 900, '{}')")
        store.commit()
        busy, *_ = store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    store.close()
    assert not busy, "the reader still holds the log"
    assert len(series.values) == 900
    assert run.columns
