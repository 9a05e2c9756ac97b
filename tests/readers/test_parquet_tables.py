"""Parquet tables: absurd row counts, hidden files beside parts, thousands of columns, columns of one name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.pipes import make_special
from wcdfa.readers import read_series, series_of, sources

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))


def write(path, columns, names=None, **options):
    pa, pq = require("pyarrow"), require("pyarrow.parquet")
    pq.write_table(pa.table(list(columns.values()), names=names or list(columns)), path, **options)


def test_a_row_count_far_beyond_the_size_is_refused(tmp_path):
    pa, pq = require("pyarrow"), require("pyarrow.parquet")
    rows = pa.table({"update_norm": np.ones(2_000_000)})
    with pq.ParquetWriter(tmp_path / "log.parquet", rows.schema) as writer:
        for _ in range(10):
            writer.write_table(rows, row_group_size=2_000_000)
    with pytest.raises(ValueError, match=r"log\.parquet: a column of 20,000,000 rows would take 480 MB of memory"):
        read_series(tmp_path / "log.parquet")


def parts(folder):
    for i in range(2):
        write(folder / f"0000{i}.parquet", {"update_norm": NORMS[150 * i : 150 * (i + 1)]})


@pytest.mark.parametrize("hidden", [".~lock.parquet", ".00002.parquet"])
def test_hidden_files_beside_the_parts_are_no_parts(tmp_path, hidden):
    parts(tmp_path)
    write(tmp_path / hidden, {"update_norm": NORMS})
    np.testing.assert_array_equal(read_series(tmp_path).values, NORMS)


def test_a_pipe_beside_the_parts_is_no_part_and_is_named(tmp_path):
    parts(tmp_path)
    make_special(tmp_path / "00002.parquet")
    log, pipe = sources(tmp_path)
    (run,) = log.runs()
    np.testing.assert_array_equal(run.columns["update_norm"].values, NORMS)
    with pytest.raises(ValueError, match=r"00002\.parquet: it is a pipe and not a file"):
        list(pipe.runs())


@pytest.mark.parametrize("rows", [5, 3_000])
def test_many_columns_are_read_exactly(tmp_path, rows):
    table = np.random.default_rng(1).random((2_000, rows))
    names = ["wcdfa/update_norm", *(f"wcdfa/update_norm/{i}" for i in range(1_999))]
    write(tmp_path / "log.parquet", dict(zip(names, table, strict=True)))
    (run,) = sources(tmp_path / "log.parquet")[0].runs()
    (series,) = series_of(run)
    np.testing.assert_array_equal(series.values, table[0])
    np.testing.assert_array_equal(list(series.direction.groups.values()), table[1:])


def test_constant_groups_that_would_fill_the_memory_are_refused(tmp_path):
    constant = np.ones(400_000)
    names = ["wcdfa/update_norm", *(f"wcdfa/update_norm/{i}" for i in range(100))]
    write(tmp_path / "log.parquet", dict.fromkeys(names, constant))
    with pytest.raises(ValueError, match=r"log\.parquet: the groups beside it would take 320 MB of memory"):
        read_series(tmp_path / "log.parquet")


def test_two_columns_of_one_name_are_an_error_of_the_file(tmp_path):
    write(tmp_path / "log.parquet", {"a": NORMS, "b": NORMS + 1, "c": NORMS + 2}, ["update_norm", "loss", "loss"])
    with pytest.raises(ValueError, match=r"log\.parquet: not a parquet file: .*duplicate field names"):
        read_series(tmp_path / "log.parquet")


def test_other_types_beside_the_numbers(tmp_path):
    pa = require("pyarrow")
    others = {
        "list": pa.array([[1.0]] * 300),
        "struct": pa.array([{"update_norm": 1.0}] * 300),
        "text": pa.array(["1.0"] * 300).dictionary_encode(),
        "time": pa.array(range(300), pa.timestamp("us")),
        "nothing": pa.nulls(300),
    }
    write(tmp_path / "log.parquet", {"update_norm": NORMS, **others})
    np.testing.assert_array_equal(read_series(tmp_path / "log.parquet").values, NORMS)
    write(tmp_path / "other.parquet", others)
    with pytest.raises(ValueError, match="no column of numbers; it holds: list, struct, text"):
        read_series(tmp_path / "other.parquet")


@pytest.mark.parametrize("length", [0, 7, 2**31 - 1, 2**32 - 1])
def test_a_footer_of_a_wrong_length_is_an_error_of_the_file(tmp_path, length):
    path = tmp_path / "log.parquet"
    write(path, {"update_norm": NORMS})
    path.write_bytes(path.read_bytes()[:-8] + length.to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match=r"log\.parquet: not a parquet file"):
        read_series(path)
