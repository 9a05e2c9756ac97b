"""Folders: which logs there are below one, and which of them count."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers import log_files
from tests.helpers.log_files import COLUMNS, NORMS, STEPS
from tests.helpers.pipes import make_special
from wcdfa.readers import sources, streams
from wcdfa.readers.formats.rows import Rows
from wcdfa.readers.series import read_series, series_of

add = Rows.add


def found(folder):
    return [(str(source.path.relative_to(folder)), source.reader.description) for source in sources(folder)]


def first(count):
    return {name: values[:count] for name, values in COLUMNS.items()}


def test_of_the_checkpoints_of_a_trainer_only_the_newest_state_counts(tmp_path):
    for step in (50, 200, 1000):  # by number: as text, 200 comes last
        (tmp_path / f"checkpoint-{step}").mkdir()
        log_files.write_trainer_state(tmp_path / f"checkpoint-{step}" / "trainer_state.json", first(min(step, 300)))
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-1000" / "config.json").write_text("{}")
    assert found(tmp_path) == [("checkpoint-1000/trainer_state.json", "trainer_state.json")]
    np.testing.assert_array_equal(read_series(tmp_path).values, NORMS)
    log_files.write_trainer_state(tmp_path / "trainer_state.json", first(100))  # what save_state writes at the end
    assert found(tmp_path) == [("trainer_state.json", "trainer_state.json")]


def test_all_kinds_below_a_folder_in_the_order_of_their_names(tmp_path, log):
    for kind in ("csv", "jsonl", "npz", "events"):
        shutil.copytree(log(kind) if log(kind).is_dir() else log(kind).parent, tmp_path / "runs" / kind)
    for name in (".hidden.csv", ".cache/log.csv", "notes.txt", "config.json", "model.safetensors.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("step,update_norm\n1,2\n")
    assert found(tmp_path) == [
        ("runs/csv/log.csv", "csv, tsv"),
        ("runs/events", "TensorBoard event files"),
        ("runs/jsonl/log.jsonl", "jsonl"),
        ("runs/npz/log.npz", "npz, npy"),
    ]
    with pytest.raises(ValueError, match=r"4 series, but only one can be read: .*csv.*: update_norm, .*events"):
        read_series(tmp_path)


def test_numbered_parts_are_one_table_and_others_are_not(tmp_path):
    for part in range(2):
        log_files.write_parquet(
            tmp_path / f"{part:05}.parquet", {name: values[150 * part :][:150] for name, values in COLUMNS.items()}
        )
    assert found(tmp_path) == [(".", "parquet")]
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.lr, COLUMNS["lr"])
    (tmp_path / "00001.parquet").rename(tmp_path / "other.parquet")
    assert [name for name, _ in found(tmp_path)] == ["00000.parquet", "other.parquet"]


def test_a_folder_of_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"no log in this folder; it holds nothing$"):
        sources(tmp_path)
    for i in range(20):
        (tmp_path / f"{i:02}.txt").touch()
    with pytest.raises(ValueError, match=r"it holds 00\.txt, 01\.txt, .*11\.txt and 8 more$"):
        sources(tmp_path)


def test_links_to_folders_are_followed_once_and_never_in_a_loop(tmp_path):
    top, far = tmp_path / "top", tmp_path / "far"
    for folder in (top / "b", far / "run", far / "store" / ".hidden"):
        folder.mkdir(parents=True)
        log_files.write_csv(folder / "a.csv")
    log_files.write_csv(top / "a.csv")
    (top / "again").symlink_to(top)
    (top / "above").symlink_to(tmp_path)
    (top / "a_link_to_b").symlink_to(top / "b")
    (top / "b" / "run").symlink_to(far / "run")
    (top / "same").symlink_to(far / "run")
    (far / "run" / "back").symlink_to(far / "run")
    (far / "run" / "home").symlink_to(top)
    (top / "hidden").symlink_to(far / "store" / ".hidden")
    (top / "nowhere").symlink_to(tmp_path / "gone")
    assert [name for name, _ in found(top)] == ["a.csv", "b/a.csv", "hidden/a.csv", "same/a.csv"]
    assert [name for name, _ in found(top / "again")] == ["a.csv", "b/a.csv", "hidden/a.csv", "same/a.csv"]


@pytest.mark.parametrize("logs", [True, False])
def test_a_folder_that_cannot_be_read_is_said_and_loses_no_other(tmp_path, monkeypatch, logs):
    """The rights of files do not bind the superuser, so that it is the system call that refuses."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        if logs or name == "b":
            log_files.write_csv(tmp_path / name / "run.csv")
    listdir = os.listdir

    def refused(path="."):
        if Path(path) == tmp_path / "b":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refused)
    known = {source.path.relative_to(tmp_path).as_posix(): source for source in sources(tmp_path)}
    assert list(known) == (["a/run.csv", "b", "c/run.csv"] if logs else ["b"])
    with pytest.raises(ValueError, match=r"/b: this folder cannot be searched: Permission denied$"):
        list(known["b"].runs())
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"/b: this folder cannot be searched: it could not be read a moment ago$"):
        list(known["b"].runs())


def test_checkpoints_below_a_folder_count_where_there_is_no_log(tmp_path):
    torch = require("torch")
    below = (
        "x/lr0/epoch_{}.pt",
        "x/lr1/checkpoint-{}/model/m.bin",
        "named/{}.pt",
        "x/lr1/checkpoint-{}/model/part_{}.pt",
        "{}/one.pt",
    )
    steps = ("1", "2", "3")
    for name in below:
        for i, step in enumerate(("best", "last") if name.startswith("named") else steps[:1] if name.startswith("{}") else steps):
            path = tmp_path / name.format(step, step)
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"w": torch.full((2,), float(i))}, path)
    checkpoints = "folders of checkpoints (safetensors, torch, orbax)"
    assert found(tmp_path) == [("x/lr0", checkpoints), ("x/lr1", checkpoints)]
    assert found(tmp_path / "named") == [(".", checkpoints)]
    for source in sources(tmp_path):
        (run,) = source.runs()
        np.testing.assert_allclose(run.columns["displacement"].values, 2**0.5)
    log_files.write_csv(tmp_path / "named" / "run.csv")
    assert found(tmp_path) == [("named/run.csv", "csv, tsv")]


@pytest.fixture
def pipe(tmp_path):
    """Makes a pipe to which nobody writes: whoever opens it waits forever."""

    def make(name):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        make_special(tmp_path / name)
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    "name", ["run.csv", "run.jsonl", "run.npz", "run.db", "run.tfevents.1", "trainer_state.json", "step_1.pt", "run"]
)
def test_a_pipe_given_by_name_to_which_nobody_writes_is_said(pipe, name, monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE", 0.05)
    with pytest.raises(ValueError, match=rf"{name}: nothing came out of it for .* seconds: does a program write to it"):
        sources(pipe(name))


def test_a_device_given_by_name_is_refused():
    with pytest.raises(ValueError, match="/dev/zero: it is a device and not a file"):
        sources("/dev/zero")


@pytest.mark.parametrize("name", ["run.csv", "run.jsonl", "run.npz", "run.db", "run.parquet", "checkpoint-7/trainer_state.json"])
def test_pipes_and_devices_in_a_folder_are_said_and_lose_no_other(tmp_path, pipe, name):
    (tmp_path / "good").mkdir()
    log_files.write_csv(tmp_path / "good" / "log.csv")
    pipe(name)
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    known = {source.path.relative_to(tmp_path).as_posix(): source for source in sources(tmp_path)}
    assert sorted(known) == sorted(["good/log.csv", "zero.csv", name])
    assert len(list(known["good/log.csv"].runs())) == 1
    with pytest.raises(ValueError, match=rf"{name}: it is a pipe and not a file"):
        list(known[name].runs())
    with pytest.raises(ValueError, match=r"zero\.csv: it is a device and not a file"):
        list(known["zero.csv"].runs())


def test_a_pipe_that_has_no_name_of_a_log_is_passed_over(tmp_path, pipe):
    pipe("control")
    with pytest.raises(ValueError, match="no log in this folder; it holds control"):
        sources(tmp_path)


def test_folders_in_one_another(tmp_path):
    """The time grows with their number, and not with its square."""
    os.makedirs(tmp_path / "/".join("d" * 500))
    (tmp_path / "/".join("d" * 500) / "back").symlink_to(tmp_path)
    log_files.write_csv(tmp_path / "/".join("d" * 500) / "log.csv")
    assert len(sources(tmp_path)) == 1


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.npz", "a.db", "a.wandb", "a.tfevents.1"])
def test_a_folder_named_as_a_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="no log in this folder; it holds nothing"):
        read_series(tmp_path / name)
    log_files.write_csv(tmp_path / name / "run.csv")
    np.testing.assert_array_equal(read_series(tmp_path).steps, STEPS)


def test_a_file_that_is_gone_by_the_time_it_is_read(tmp_path):
    for write, name in ((log_files.write_csv, "a.csv"), (log_files.write_npz, "a.npz"), (log_files.write_jsonl, "a.jsonl")):
        write(tmp_path / name)
        (source,) = sources(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises((OSError, ValueError), match=name):
            list(source.runs())


def test_names_of_other_kinds(tmp_path, log):
    """Endings in capitals, and a store of MLflow by any of its endings."""
    shutil.copy(log("csv"), tmp_path / "A.CSV")
    np.testing.assert_array_equal(read_series(tmp_path / "A.CSV").values, NORMS)
    for ending in (".db", ".sqlite", ".sqlite3"):
        shutil.copy(log("trackio"), tmp_path / f"store{ending}")
        (source,) = sources(Path(tmp_path / f"store{ending}"))
        np.testing.assert_array_equal(next(source.runs()).columns["update_norm"].values, NORMS)


def test_rows_of_a_run_of_trackio_are_read_when_asked_for_and_once(tmp_path, monkeypatch):
    rows = [("a", 1, '{"update_norm": 1.5}'), ("a", 2, "{"), ("a", 2, '{"update_norm": 2}'), ("b", 1, '{"update_norm": 3}')]
    with closing(sqlite3.connect(tmp_path / "store.db")) as store, store:
        store.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_name TEXT, step INTEGER, metrics TEXT)")
        store.executemany("INSERT INTO metrics (run_name, step, metrics) VALUES (?, ?, ?)", rows)
    read = []
    monkeypatch.setattr("wcdfa.readers.formats.sqlite.Rows.add", lambda self, row: (read.append(row), add(self, row)))
    first, second = sources(tmp_path)[0].runs()
    assert (first.name, second.name, read) == ("a", "b", [])
    for _ in range(2):
        (series,) = series_of(first)
        assert series.values.tolist() == [1.5, 2]
        assert "1 row of the store cannot be read and was left out" in series.notes
    assert len(read) == 2
    assert set(second.columns) == {"_step", "update_norm"}
    assert len(read) == 3
