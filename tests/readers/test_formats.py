"""Real files of each format, as the usual libraries write them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import polars
import pytest

from wcdfa.readers.series import read_series

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))
FRAME = pd.DataFrame({"step": np.arange(300), "loss": NORMS[::-1], "update_norm": NORMS, "phase": ["train"] * 300})


def write_jsonl(path):
    path.write_text("\n".join(json.dumps({"step": i, "wcdfa": {"update_norm": v}, "ok": True}) for i, v in enumerate(NORMS)) + "\n")


def write_bare_csv(path):
    path.write_text("\n".join(map(repr, NORMS.tolist())) + "\n")


WRITERS = {
    "pandas.csv": lambda path: FRAME.to_csv(path, index=False),
    "excel.csv": lambda path: FRAME.to_csv(path, index=False, encoding="utf-8-sig"),
    "bare.csv": write_bare_csv,
    "pandas.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "nested.jsonl": write_jsonl,
    "polars.ndjson": lambda path: polars.from_pandas(FRAME).write_ndjson(path),
    "pandas.parquet": lambda path: FRAME.to_parquet(path),
    "one.npy": lambda path: np.save(path, NORMS),
    "row.npy": lambda path: np.save(path, NORMS[None]),
    "several.npz": lambda path: np.savez(path, norms=NORMS, loss=NORMS[::-1], layers=np.zeros((300, 4)), name=np.array("run")),
    "one.npz": lambda path: np.savez_compressed(path, anything=NORMS),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_norms_are_found_and_read_exactly(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.empty == 0
    assert series.column in {"update_norm", "wcdfa/update_norm", "0", "norms", "anything", "one", "row"}


@pytest.mark.parametrize("name", ["pandas.csv", "pandas.parquet", "several.npz"])
def test_another_column(tmp_path, name):
    WRITERS[name](tmp_path / name)
    np.testing.assert_array_equal(read_series(tmp_path / name, "loss").values, NORMS[::-1])
    with pytest.raises(ValueError, match=r"no column of numbers named 'lr'; it holds: .*loss"):
        read_series(tmp_path / name, "lr")


def test_rows_without_a_value_are_left_out_and_counted(tmp_path):
    with (tmp_path / "metrics.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["step", "update_norm", "val_loss"])
        for i, value in enumerate(NORMS):
            rows.writerow([i, value, ""])
            if i % 10 == 0:
                rows.writerow([i, "", 0.5])
    series = read_series(tmp_path / "metrics.csv")
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.empty == 30
    frame = pd.read_csv(tmp_path / "metrics.csv", float_precision="round_trip")
    frame.to_parquet(tmp_path / "metrics.parquet")
    assert read_series(tmp_path / "metrics.parquet").empty == 30
    lines = [json.dumps({k: v for k, v in row.items() if not np.isnan(v)}) for row in frame.to_dict("records")]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    series = read_series(tmp_path / "metrics.jsonl")
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.empty == 30


def test_nan_in_a_log_is_a_number_that_is_not_one(tmp_path):
    (tmp_path / "a.csv").write_text("norm\n1.0\nnan\n2.0\n")
    (tmp_path / "a.jsonl").write_text('{"norm": 1.0}\n{"norm": NaN}\n{"norm": 2.0}\n')
    for name in ("a.csv", "a.jsonl"):
        np.testing.assert_array_equal(read_series(tmp_path / name).values, [1.0, np.nan, 2.0])


def test_a_last_line_still_being_written_is_left_out(tmp_path):
    path = tmp_path / "live.jsonl"
    path.write_text('{"norm": 1.0}\n{"norm": 2.0}\n{"nor')
    np.testing.assert_array_equal(read_series(path).values, [1.0, 2.0])
    path.write_text('{"norm": 1.0}\n{"nor\n{"norm": 2.0}\n')
    series = read_series(path)
    np.testing.assert_array_equal(series.values, [1.0, 2.0])
    assert series.notes[0] == "line 2 is no row and was left out"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"", r"unknown format '.xlsx'; known are .csv"),
        ("a", b"", r"unknown format '\(no ending\)'"),
        ("a.csv", b"", "a.csv: (not a table|no column)"),
        ("a.csv", b"name\nx\ny\n", "no column of numbers; it holds: name"),
        ("a.csv", b"lr,beta\n1,2\n", "which column. It holds: lr, beta. Choose one with column="),
        ("a.csv", b"norm\n\n", "column 'norm' is empty|no column of numbers"),
        ("a.jsonl", b"", r"no numbers in 0 line\(s\)"),
        ("a.jsonl", b"hello\n", "line 1 is not JSON"),
        ("a.npy", b"not numpy", "damaged, or not plain arrays"),
        ("a.npz", b"PK\x03\x04 not really", "damaged, or not plain arrays"),
        ("a.parquet", b"PAR1", "not a parquet file"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_series(tmp_path / name)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.csv: no such file"):
        read_series(tmp_path / "missing.csv")


def test_pickles_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"norm": 1.0}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="not plain arrays"):
        read_series(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"no 1-D array of numbers; it holds: arr_0 float64 \(2, 2\)"):
        read_series(tmp_path / "a.npz")
