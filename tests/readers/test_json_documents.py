"""JSON documents that hold a log: lists of objects, objects of lists, and what frameworks make of them."""

from __future__ import annotations

import json
import sys
from io import StringIO

import numpy as np
import pytest

from tests.helpers.log_files import COLUMNS, LOSSES, NORMS, STEPS
from wcdfa.readers import read_series, sources
from wcdfa.readers.formats import json_stream
from wcdfa.readers.formats.json_stream import Stream
from wcdfa.readers.formats.json_values import Values

LISTS = {name: values.tolist() for name, values in COLUMNS.items()}
ROWS = [dict(zip(LISTS, row, strict=True)) for row in zip(*LISTS.values(), strict=True)]
BARE = {"update_norm": LISTS["update_norm"], "loss": LISTS["loss"]}
STEPPED = {
    "records": ROWS,
    "lists": LISTS,
    "history": {"history": LISTS, "epochs": 3},
    "log_history of lists": {"log_history": LISTS},
    "metrics": {"args": {"lr": 0.1, "name": "a"}, "metrics": ROWS},
    "logs": {"logs": ROWS, "betas": [0.9, 0.999]},
    "nested": {"train": LISTS, "val": {"loss": [1.0, 2.0], "step": [100, 200]}},
    "by step": {str(row["step"]): {name: value for name, value in row.items() if name != "step"} for row in ROWS},
    "pandas": {name: {str(i): value for i, value in enumerate(values)} for name, values in LISTS.items()},
    "epochs beside steps": {**LISTS, "val_loss": [1.0, 0.5], "val_accuracy": [0.1, None]},
}


def write(path, document, **options):
    path.write_text(json.dumps(document, **options))
    return path


@pytest.mark.parametrize("kind", STEPPED)
@pytest.mark.parametrize("name", ["run.json", "history.txt"])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_shape_gives_the_numbers_and_their_steps(tmp_path, kind, name, indent):
    series = read_series(write(tmp_path / name, STEPPED[kind], indent=indent))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, COLUMNS["lr"])
    np.testing.assert_array_equal(series.loss, LOSSES)
    assert series.column.rpartition("/")[2] == "update_norm"
    assert [source.path.name for source in sources(tmp_path)] == [name]


def test_a_history_of_keras_has_no_steps(tmp_path):
    series = read_series(write(tmp_path / "history.json", {**BARE, "val_loss": [1.0, 2.0]}))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.loss, LOSSES)
    assert series.steps is None


def test_batches_of_the_epochs_of_skorch(tmp_path):
    epochs = [{"epoch": e, "train_loss": 1.5, "batches": ROWS[100 * e : 100 * e + 100]} for e in range(3)]
    for epoch in epochs:
        epoch["batches"] = [{"update_norm": row["update_norm"], "train_batch_size": 8} for row in epoch["batches"]]
    path = write(tmp_path / "history.json", epochs)
    np.testing.assert_array_equal(read_series(path).values, NORMS)
    (run,) = sources(path)[0].runs()
    assert run.columns["train_loss"].values.tolist() == [1.5] * 3
    assert len(run.columns["batches/train_batch_size"].values) == 300


@pytest.mark.parametrize("name", ["run-a-tag-train_update_norm.json", "update_norm.json", "x.dat"])
def test_points_that_tensorboard_gives_to_download(tmp_path, name):
    points = [[1.7e9 + i, int(step), value] for i, (step, value) in enumerate(zip(STEPS, LISTS["update_norm"], strict=True))]
    (run,) = sources(write(tmp_path / name, points))[0].runs()
    (column,) = run.columns
    assert column == {"run-a-tag-train_update_norm.json": "train_update_norm"}.get(name, name.partition(".")[0])
    np.testing.assert_array_equal(run.columns[column].values, NORMS)
    np.testing.assert_array_equal(run.columns[column].steps, STEPS)
    assert run.tool == "tensorboard"
    assert [source.path.name for source in sources(tmp_path)] == [name]


@pytest.mark.parametrize("values", [[0.5, None, 2], [None, 0.5, 2], [0.5, 2, None], [0.5, "NaN", True], ["a", 0.5, 10**400]])
@pytest.mark.parametrize("split", range(4))
def test_gaps_in_a_list(values, split):
    read = Values()
    read.extend(values[:split])
    read.extend(values[split:])
    column = read.column()
    kept = [i for i, value in enumerate(values) if value not in (None, True, "a")]
    assert (column.rows.tolist() if column.rows is not None else [0, 1, 2]) == kept
    np.testing.assert_array_equal(column.values, [min(float(str(values[i])), float("inf")) for i in kept])


def test_the_metrics_of_sacred(tmp_path):
    when = [f"2024-01-01T00:{i // 60:02d}:{i % 60:02d}.5" for i in range(300)]
    told = {"steps": LISTS["step"], "timestamps": when}
    document = {name: {**told, "values": LISTS[name]} for name in ("update_norm", "loss", "lr")}
    series = read_series(write(tmp_path / "metrics.json", document))
    assert series.column == "update_norm"
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, COLUMNS["lr"])
    text = (tmp_path / "metrics.json").read_text()
    (tmp_path / "metrics.json").write_text(text[: text.index('"values"') + 2000])  # cut off within the first series
    cut = read_series(tmp_path / "metrics.json")
    assert 50 < len(cut.values) < 300
    np.testing.assert_array_equal(cut.steps, STEPS[: len(cut.steps)])


@pytest.mark.parametrize("value", ["values", "value", "y"])
@pytest.mark.parametrize("counter", ["steps", "step", "x", "iterations", "global_step"])
@pytest.mark.parametrize("above", ["update_norm", "train/update_norm", "opt.update_norm"])
def test_steps_and_values_below_the_name_of_a_series(tmp_path, value, counter, above):
    steps = [10 * step for step in LISTS["step"]]
    document = {above: {value: LISTS["update_norm"], "timestamp": list(range(300)), counter: steps}, "other": [1, 2]}
    series = read_series(write(tmp_path / "a.json", document))
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, steps)
    assert series.column == above


def _of_pandas(orient, names, index):
    rows = [[LISTS[name][i] for name in names] for i in range(300)]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return {
        "split": {"columns": names, "index": index, "data": rows},
        "split, sorted by name": {"columns": names, "data": rows, "index": index},
        "tight": {"index": index, "columns": names, "data": rows, "index_names": [None], "column_names": [None]},
        "table": {
            "schema": {"fields": [{"name": name, "type": "number"} for name in ["index", *names]], "pandas_version": "1.4.0"},
            "data": [{"index": at, **record} for at, record in zip(index, records, strict=True)],
        },
        "records": records,
        "index": {str(at): record for at, record in zip(index, records, strict=True)},
        "columns": {name: dict(zip(map(str, index), LISTS[name], strict=True)) for name in names},
    }[orient]


@pytest.mark.parametrize("orient", ["split", "split, sorted by name", "tight", "table", "records", "index", "columns"])
@pytest.mark.parametrize(
    "names", [["step", "update_norm", "loss", "lr"], ["update_norm", "step", "lr", "loss"], ["step", "update_norm", "lr"]]
)
@pytest.mark.parametrize("kind", ["rows", "from 5 on", "dates"])
def test_every_orientation_of_pandas(tmp_path, orient, names, kind):
    index = {"rows": list(range(300)), "from 5 on": list(range(5, 305)), "dates": [1_700_000_000_000 + i for i in range(300)]}[kind]
    path = write(tmp_path / "a.json", _of_pandas(orient, names, index))
    series = read_series(path)
    assert series.column == "update_norm"
    np.testing.assert_array_equal(series.values, NORMS)
    np.testing.assert_array_equal(series.steps, STEPS)
    np.testing.assert_array_equal(series.lr, COLUMNS["lr"])


def test_the_index_of_pandas_may_be_the_steps(tmp_path):
    rows = [[value] for value in LISTS["update_norm"]]
    series = read_series(write(tmp_path / "a.json", {"columns": ["update_norm"], "index": list(range(0, 3000, 10)), "data": rows}))
    np.testing.assert_array_equal(series.steps, range(0, 3000, 10))
    plain = read_series(write(tmp_path / "a.json", {"columns": ["update_norm"], "index": list(range(300)), "data": rows}))
    assert (plain.steps, len(plain.values)) == (None, 300)


def test_several_runs_in_a_table_of_pandas(tmp_path):
    rows = [[run, step, value] for run in ("a", "b") for step, value in zip(LISTS["step"], LISTS["update_norm"], strict=True)]
    path = write(tmp_path / "a.json", {"columns": ["run", "step", "update_norm"], "index": list(range(600)), "data": rows})
    assert [(run.name, len(run.columns["update_norm"].values)) for run in sources(path)[0].runs()] == [("a", 300), ("b", 300)]


@pytest.mark.parametrize("wrapped", [False, True])
def test_rows_without_names(tmp_path, wrapped):
    rows = [
        [step, None if step == 7 else value, 0.5, "text"] for step, value in zip(LISTS["step"], LISTS["update_norm"], strict=True)
    ]
    path = write(tmp_path / "a.json", {"data": rows} if wrapped else rows)
    with pytest.raises(ValueError, match="which column"):
        read_series(path)
    series = read_series(path, "1")
    np.testing.assert_array_equal(series.values, np.delete(NORMS, 6))


def test_other_lists_of_lists_are_no_columns(tmp_path):
    (run,) = sources(write(tmp_path / "a.json", {**LISTS, "confusion": [[1, 2], [3, 4]], "betas": [[0.9, 0.99]] * 9}))[0].runs()
    assert list(run.columns) == list(LISTS)


@pytest.mark.parametrize(
    "document", [{"step": 1, "update_norm": 3.0}, {}, [], 3, "text", ["a", "b"], {"a": {"b": {"loss": 1}}}, [[1, 2]]]
)
def test_one_row_is_no_log(tmp_path, document):
    write(tmp_path / "a.json", document)
    with pytest.raises(
        ValueError, match=r"a\.json: .* without a series of numbers: it is one row, or a configuration; a log is a list"
    ):
        read_series(tmp_path / "a.json")
    with pytest.raises(ValueError, match="no log in this folder"):
        sources(tmp_path)


@pytest.mark.parametrize("text", ["", "hello", "\x00\x01", "<html>"])
def test_no_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json: not JSON, or cut off at its beginning"):
        read_series(tmp_path / "a.json")


@pytest.mark.parametrize("document", [LISTS, ROWS, {"history": BARE}])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_document_that_is_cut_off(tmp_path, document, share):
    text = json.dumps(document)
    (tmp_path / "a.json").write_text(text[: int(share * len(text))])
    (run,) = sources(tmp_path / "a.json")[0].runs()
    assert run.notes == ["it is cut off or damaged: what is before was read"]
    if "update_norm" in run.columns:
        read = run.columns["update_norm"].values
        np.testing.assert_array_equal(read, NORMS[: len(read)])


@pytest.mark.parametrize(
    "document", [LISTS, ROWS, STEPPED["by step"], STEPPED["pandas"], {"a": [["x", {"b": [1, "]", 2.5]}], -1e-5, 12]}]
)
@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_pieces_of_any_length_give_the_same(tmp_path, monkeypatch, document, chunk):
    path = write(tmp_path / "a.json", document, indent=chunk % 2 or None)
    (whole,) = sources(path)[0].runs()
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    (pieces,) = sources(path)[0].runs()
    assert list(whole.columns) == list(pieces.columns)
    for name in whole.columns:
        np.testing.assert_array_equal(whole.columns[name].values, pieces.columns[name].values)


@pytest.mark.parametrize("inside", [{"b": {"c": 1.5}}, {"b": [{"c": 1}, {"d": "}, {"}]}, {"b": "]}"}])
def test_objects_that_hold_objects_are_read_one_by_one(monkeypatch, inside):
    rows = [{"a": i, **inside} for i in range(50)]
    for many in (1, 7, 40, 10_000):
        monkeypatch.setattr(json_stream, "MANY", many)
        stream = Stream(StringIO(json.dumps(rows)))
        stream.peek()
        stream.skip()
        read = []
        while stream.peek() != "]":
            read += stream.objects()
        assert read == rows


def test_rows_among_numbers(tmp_path):
    (run,) = sources(write(tmp_path / "mixed.json", [{"a": 1}, 5, {"a": 2}, [1, 2], {"a": 3}]))[0].runs()
    assert run.columns["a"].values.tolist() == [1, 2, 3]
    assert not run.notes


def test_a_value_is_read_whole_at_the_end_of_a_piece(monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK", 2)
    stream = Stream(StringIO("[123.456, 7]"))
    stream.peek()
    stream.skip()
    assert (stream.value(), stream.peek(), stream.value(), stream.peek()) == (123.456, "7", 7, "]")


def test_lines_of_detectron2_and_mmengine(tmp_path):
    rows = [{"iteration": i, "total_loss": 1.5, "data_time": 0.1, "update_norm": v} for i, v in enumerate(LISTS["update_norm"])]
    (tmp_path / "metrics.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = sources(tmp_path / "metrics.json")[0].runs()
    assert run.tool == "detectron2"
    np.testing.assert_array_equal(run.columns["update_norm"].values, NORMS)
    lines = [{"env_info": "Python 3", "config": "model = dict()", "seed": 0, "exp_name": "a.py"}]
    lines += [
        {"lr": 0.1, "data_time": 0.1, "loss": 1.5, "grad_norm": v, "time": 0.2, "iter": i, "memory": 5, "step": i}
        for i, v in enumerate(NORMS)
    ]
    (tmp_path / "20240101.log.json").write_text("".join(json.dumps(row) + "\n" for row in lines))
    (run,) = sources(tmp_path / "20240101.log.json")[0].runs()
    assert run.tool == "mmengine"
    np.testing.assert_array_equal(run.columns["grad_norm"].values, NORMS)
    np.testing.assert_array_equal(run.columns["grad_norm"].steps, STEPS - 1)
    assert [source.path.name for source in sources(tmp_path)] == ["20240101.log.json", "metrics.json"]


def test_a_deep_document_is_read_or_refused(tmp_path):
    depth = sys.getrecursionlimit() * 3
    (tmp_path / "a.json").write_text('{"a":' * depth + "[1]" + "}" * depth)
    with pytest.raises(ValueError, match=r"a\.json: .*without a series of numbers"):
        read_series(tmp_path / "a.json")
