"""MLflow's file store: the values that MLflow itself reads, and what is torn, deleted or named oddly."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.log_files import NORMS, STEPS, write_csv
from wcdfa.readers import read_series, sources


def make_run(top, run="abc", *, metrics=None, meta="run_id: abc\nlifecycle_stage: active\n", experiment="1"):
    folder = top / experiment / run
    (folder / "metrics").mkdir(parents=True)
    (top / experiment / "meta.yaml").write_text(f"experiment_id: '{experiment}'\nlifecycle_stage: active\nname: e\n")
    (folder / "meta.yaml").write_text(meta)
    for key, text in (metrics or {"update_norm": lines()}).items():
        (folder / "metrics" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "metrics" / key).write_bytes(text.encode())
    return folder


def lines(values=NORMS, steps=STEPS, start=1_700_000_000_000):
    return "".join(f"{start + i} {float(value)!r} {step}\n" for i, (value, step) in enumerate(zip(values, steps, strict=True)))


def names(path):
    return [source.path.name for source in sources(path)]


def test_the_values_are_those_that_mlflow_reads(tmp_path, monkeypatch):
    require("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # newer releases advise a database
    from mlflow.entities import Metric, RunTag
    from mlflow.store.tracking.file_store import FileStore

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = FileStore(str(tmp_path / "mlruns"))
        experiment = store.create_experiment("e")
        runs = [store.create_run(experiment, "user", 1, [RunTag("who", "me")], name) for name in ("it's a run", "deleted")]
        for run in runs:
            series = {"update_norm": NORMS, "train/loss": [1.5, float("nan"), float("inf"), -float("inf")]}
            for key, values in series.items():
                metrics = [
                    Metric(key, float(value), 1_000 - step, step) for step, value in enumerate(values)
                ]  # a clock that goes back
                store.log_batch(run.info.run_id, metrics, [], [])
        store.delete_run(runs[1].info.run_id)
        (source,) = sources(tmp_path / "mlruns")
        (found,) = source.runs()
        for key in ("update_norm", "train/loss"):
            theirs = store.get_metric_history(runs[0].info.run_id, key)
            np.testing.assert_array_equal(found.columns[key].values, [each.value for each in theirs])
            np.testing.assert_array_equal(found.columns[key].steps, [each.step for each in theirs])
    assert (found.name, found.identity, found.tool) == ("it's a run", f"mlflow:{runs[0].info.run_id}", "mlflow")
    assert list(found.columns) == ["train/loss", "update_norm"]


@pytest.mark.parametrize("below", ["", "1", "1/abc", "1/abc/metrics/update_norm"])
def test_the_store_an_experiment_a_run_or_a_metric(tmp_path, below):
    make_run(tmp_path / "mlruns", metrics={"update_norm": lines(), "lr": lines(np.full(300, 0.1))})
    series = read_series(tmp_path / "mlruns" / below)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    assert (series.lr is None) == (below == "1/abc/metrics/update_norm")


def test_a_store_among_other_logs(tmp_path):
    folder = make_run(tmp_path / "project" / "mlruns")
    (folder / "artifacts").mkdir()
    write_csv(folder / "artifacts" / "table.csv")
    (folder / "params").mkdir()
    (folder / "params" / "lr").write_text("step: 0.1")
    write_csv(tmp_path / "project" / "log.csv")
    make_run(tmp_path / "project" / "mlruns" / ".trash", "gone")
    assert sorted(names(tmp_path)) == ["abc", "log.csv", "table.csv"]


@pytest.mark.parametrize("stage", ["active", "deleted"])
def test_deleted_runs_are_left_out(tmp_path, stage):
    make_run(tmp_path, "one", meta=f"run_uuid: one\nrun_name: one\nlifecycle_stage: {stage}\n")
    make_run(tmp_path, "two")
    assert names(tmp_path) == (["one", "two"] if stage == "active" else ["two"])


def test_a_run_without_metrics_is_no_log(tmp_path):
    make_run(tmp_path, "empty", metrics={"a": ""})
    Path(tmp_path, "1", "empty", "metrics", "a").unlink()
    make_run(tmp_path, "full")
    assert names(tmp_path) == ["full"]


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("1 0.5 1\n2 0.25 2\n3 0.75 1", [0.5, 0.25], "1 line of norm cannot be understood and is left out: line 3"),
        ("1 0.5 1\n2 0.2\0\0\n3 0.75 3\n", [0.5, 0.75], "1 line of norm cannot be understood and is left out: line 2"),
        ("1 0.5 1\n2 x 2\nnothing\n4 0.75 4\n", [0.5, 0.75], "2 lines of norm cannot be understood and are left out: line 2"),
        ("1 0.5 1 train 1a2b\n2 0.25 2 train 1a2b\n", [0.5, 0.25], ""),
        ("1.7e+12 nan 1\n1.7e+12 inf 2\n1.7e+12 -inf 3\n", [np.nan, np.inf, -np.inf], ""),
        ("1 0.5 99999999999999999999\n2 0.25 2\n", [0.25], "1 line of norm cannot be understood and is left out: line 1"),
    ],
)
def test_lines(tmp_path, text, values, said):
    make_run(tmp_path, metrics={"norm": text})
    (run,) = sources(tmp_path)[0].runs()
    column = run.columns["norm"]
    np.testing.assert_array_equal(column.values, values)
    assert len(column.steps) == len(values)
    assert "".join(column.notes) == said


def test_lines_without_a_step_are_in_the_order_written(tmp_path):
    make_run(tmp_path, metrics={"norm": "1 0.5\r\n2 0.25\r\n"})
    (run,) = sources(tmp_path)[0].runs()
    np.testing.assert_array_equal(run.columns["norm"].values, [0.5, 0.25])
    assert run.columns["norm"].steps is None


@pytest.mark.parametrize(
    ("meta", "tag", "name"),
    [
        ("run_name: plain\n", None, "plain"),
        ("run_name: 'it''s'\n", None, "it's"),
        ('run_name: "caf\\u00e9: 1"\n', None, "café: 1"),
        ("run_name: plain\n", "from the tag", "from the tag"),
        ("", None, ""),
    ],
)
def test_the_name_of_a_run(tmp_path, meta, tag, name):
    folder = make_run(tmp_path, "f00d", meta=meta)
    if tag is not None:
        (folder / "tags").mkdir()
        (folder / "tags" / "mlflow.runName").write_text(tag)
    (run,) = sources(folder)[0].runs()
    assert (run.name, run.identity) == (name, "mlflow:f00d")
