"""Folders: which logs there are below one, and which of them count."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests import log_files
from tests.log_files import COLUMNS, NORMS, STEPS
from wcdfa.readers import read_series, sources


def found(folder):
    return [(str(source.path.relative_to(folder)), source.reader) for source in sources(folder)]


def first(count):
    return {name: values[:count] for name, values in COLUMNS.items()}


def test_of_the_checkpoints_of_a_trainer_only_the_newest_state_counts(tmp_path):
    for step in (50, 200, 1000):  # by number: as text, 200 comes last
        (tmp_path / f"checkpoint-{step}").mkdir()
        log_files.write_trainer_state(tmp_path / f"checkpoint-{step}" / "trainer_state.json", first(min(step, 300)))
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-1000" / "config.json").write_text("{}")
    assert found(tmp_path) == [("checkpoint-1000/trainer_state.json", "trainer_state.read_trainer_state")]
    np.testing.assert_array_equal(read_series(tmp_path).values, NORMS)
    log_files.write_trainer_state(tmp_path / "trainer_state.json", first(100))  # what save_state writes at the end
    assert found(tmp_path) == [("trainer_state.json", "trainer_state.read_trainer_state")]


def test_all_kinds_below_a_folder_in_the_order_of_their_names(tmp_path, log):
    for kind in ("csv", "jsonl", "npz", "events"):
        shutil.copytree(log(kind) if log(kind).is_dir() else log(kind).parent, tmp_path / "runs" / kind)
    for name in (".hidden.csv", ".cache/log.csv", "notes.txt", "config.json", "model.safetensors.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("step,update_norm\n1,2\n")
    assert found(tmp_path) == [
        ("runs/csv/log.csv", "tables.read_delimited"),
        ("runs/events", "tensorboard.read_tensorboard"),
        ("runs/jsonl/log.jsonl", "lines.read_lines"),
        ("runs/npz/log.npz", "numpy_files.read_numpy"),
    ]
    with pytest.raises(ValueError, match=r"4 series, and one was asked for: .*csv.*: update_norm, .*events"):
        read_series(tmp_path)


def test_numbered_parts_are_one_table_and_others_are_not(tmp_path):
    for part in range(2):
        log_files.write_parquet(
            tmp_path / f"{part:05}.parquet", {name: values[150 * part :][:150] for name, values in COLUMNS.items()}
        )
    assert found(tmp_path) == [(".", "tables.read_parquet")]
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


def test_a_link_to_the_folder_itself_is_not_followed(tmp_path):
    log_files.write_csv(tmp_path / "a.csv")
    (tmp_path / "again").symlink_to(tmp_path)
    assert found(tmp_path) == [("a.csv", "tables.read_delimited")]


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
