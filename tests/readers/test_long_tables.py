"""Long ("tidy") tables: one column names the metrics, another holds their values."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wcdfa.readers.discovery import sources
from wcdfa.readers.series import read_series, series_of

rng = np.random.default_rng(0)
STEPS = np.arange(0, 400, 2)
NORMS, LOSSES = rng.lognormal(size=(2, len(STEPS)))
LONG = [{"step": int(step), "tag": tag, "value": value} for tag, values in (("loss", LOSSES), ("train/update_norm", NORMS)) for step, value in zip(STEPS, values.tolist(), strict=True)]  # fmt: skip
KINDS = ("csv", "tsv", "jsonl", "json", "parquet", "feather")


def write(path, rows):
    """Write rows as the ending of the path says."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    kind = path.suffix[1:]
    if kind in ("csv", "tsv"):
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, names, delimiter="\t" if kind == "tsv" else ",")
            table.writeheader()
            table.writerows(rows)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif kind == "json":
        path.write_text(json.dumps(rows))
    else:
        pa = pytest.importorskip("pyarrow")
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        if kind == "parquet":
            pytest.importorskip("pyarrow.parquet").write_table(table, path)
        else:
            pytest.importorskip("pyarrow.feather").write_feather(table, path)
    return path


def renamed(rows, **names):
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def runs_in(path):
    return [run for source in sources(path) for run in source.runs()]


@pytest.mark.parametrize("by", ["tag", "step"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_metric_is_a_series_with_steps_of_its_own(tmp_path, kind, by):
    series = read_series(write(tmp_path / f"log.{kind}", sorted(LONG, key=lambda row: row[by])))
    assert (series.column, series.quantity, series.empty) == ("train/update_norm", "update norm", 0)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.loss, LOSSES)
    assert "a long table: tag holds the names of the metrics, and value their values" in series.notes


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("names", "values", "steps", "others"),
    [
        ("key", "value", "step", {"timestamp": 1_700_000_000_000, "run_uuid": "0fa3", "is_nan": 0}),  # MLflow
        ("variable", "value", "iter_num", {}),  # pandas.melt
        ("metric", "y", "step", {"": 7}),
        ("metricName", "metricValue", "step", {"epoch": 0, "runContext": "train"}),  # Comet
        ("tag", "value", "global_step", {"wall_time": 1.7e9, "dir_name": "run1"}),  # tbparse
        ("name", "value", "_step", {}),
        ("what", "number", "n_updates", {}),  # told by what stands in the column
        ("scalar", "value", "training_iteration", {"lr": 0.1}),
    ],
)
def test_names_of_the_columns_vary(tmp_path, kind, names, values, steps, others):
    series = read_series(
        write(tmp_path / f"log.{kind}", [{**row, **others} for row in renamed(LONG, tag=names, value=values, step=steps)])
    )
    assert series.column == "train/update_norm"
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    assert (series.lr is not None) == ("lr" in others)


def test_many_metrics_one_after_another_are_not_epochs(tmp_path):
    rows = [{"step": step, "tag": f"layer{i}", "value": float(step + i)} for i in range(20) for step in range(50)]
    rows += [{"step": step, "tag": "update_norm", "value": float(norm)} for step, norm in enumerate(NORMS)]
    series = read_series(write(tmp_path / "log.csv", rows))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, np.arange(len(NORMS)))


def test_metrics_have_steps_of_their_own(tmp_path):
    rows = [*LONG, *({"step": int(step), "tag": "lr", "value": 0.1} for step in range(0, 400, 50))]
    (run,) = runs_in(write(tmp_path / "log.csv", rows))
    assert list(run.columns) == ["loss", "train/update_norm", "lr"]
    np.testing.assert_array_equal(run.columns["lr"].steps, range(0, 400, 50))


def test_values_that_mlflow_marks_are_read_as_what_they_are(tmp_path):
    rows = [{**row, "is_nan": 0} for row in renamed(LONG, tag="key")]
    rows[-3] |= {"value": 0.0, "is_nan": 1}
    rows[-2] |= {"value": 1.7976931348623157e308}
    values = read_series(write(tmp_path / "metrics.csv", rows)).values
    assert np.isnan(values[-3])
    assert values[-2] == np.inf


def test_without_a_step_the_order_written_counts(tmp_path):
    series = read_series(write(tmp_path / "log.csv", [{"tag": row["tag"], "value": row["value"]} for row in LONG]))
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.steps is None
    np.testing.assert_array_equal(series.loss, LOSSES)


def test_a_long_table_without_a_norm_lists_its_metrics(tmp_path):
    rows = [{**row, "tag": row["tag"].replace("update_norm", "accuracy")} for row in LONG]
    with pytest.raises(ValueError, match=r"it holds: loss, train/accuracy"):
        read_series(write(tmp_path / "log.csv", rows))


def test_a_table_that_is_not_long_stays_as_it_is(tmp_path):
    rows = [{"step": i, "update_norm": norm, "value": norm / 2, "name": "resnet"} for i, norm in enumerate(NORMS.tolist())]
    series = read_series(write(tmp_path / "log.csv", rows))
    assert (series.column, series.run) == ("update_norm", "")
    np.testing.assert_array_equal(series.values, NORMS)


PHASES = [("phase", "train", "val"), ("split", "training", "validation"), ("mode", "Train", "Test"), ("stage", "fit", "eval")]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("name", "train", "other"), PHASES)
def test_rows_of_training_and_validation_are_told_apart(tmp_path, kind, name, train, other):
    rows = []
    for i, (norm, loss) in enumerate(zip(NORMS.tolist(), LOSSES.tolist(), strict=True)):
        rows.append({"step": i, name: train, "loss": loss, "update_norm": norm, "lr": 0.1})
        if i % 10 == 9:
            rows.append({"step": i, name: other, "loss": 2 * loss})
    (run,) = runs_in(write(tmp_path / f"log.{kind}", rows))
    (series,) = series_of(run)
    assert (series.column, series.run, series.empty) == ("update_norm", "", 0)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.loss, LOSSES)
    np.testing.assert_array_equal(run.columns[f"{other}/loss"].values, 2 * LOSSES[9::10])
    np.testing.assert_array_equal(run.columns[f"{other}/loss"].steps, np.arange(9, 200, 10))
    assert any(note.startswith(f"{name} tells rows of training from others") for note in series.notes)


def test_phases_in_a_long_table(tmp_path):
    rows = [{**row, "split": "train"} for row in LONG] + [{**row, "split": "val", "value": 2 * row["value"]} for row in LONG]
    (run,) = runs_in(write(tmp_path / "log.csv", rows))
    (series,) = series_of(run)
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(run.columns["val/train/update_norm"].values, 2 * NORMS)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tags=st.lists(st.text("abcxyz_/-. ", min_size=1, max_size=8).map(str.strip).filter(bool), min_size=1, max_size=6, unique=True),
    name=st.sampled_from(["tag", "key", "metric_name", "variable"]),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
    seed=st.integers(0, 1000),
)
def test_any_metrics_are_read_back(tmp_path, tags, name, kind, seed):
    draw = np.random.default_rng(seed)
    held = {tag: draw.normal(size=draw.integers(2, 30)) for tag in tags}
    rows = [{"step": i, name: tag, "value": float(value)} for tag, values in held.items() for i, value in enumerate(values)]
    rows = [rows[i] for i in np.sort(draw.permutation(len(rows)))] if seed % 2 else sorted(rows, key=lambda row: row["step"])
    (run,) = runs_in(write(tmp_path / f"log.{kind}", rows))
    assert set(run.columns) == set(tags)
    for tag, values in held.items():
        np.testing.assert_array_equal(run.columns[tag].values, values)
        np.testing.assert_array_equal(run.columns[tag].steps, np.arange(len(values)))
