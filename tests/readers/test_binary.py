"""Bytes that are no text, under the name of a text: said so, and not shown."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers import read_series

require("pyarrow")
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(60))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.txt", "a.log", "a.out"])
@pytest.mark.parametrize("length", [64, 500, 100_000])
@pytest.mark.parametrize("first", [b"", b"step,update_norm\n0,0.5\n", b"\xff"])
def test_bytes_that_are_no_text(tmp_path, name, length, first):
    (tmp_path / name).write_bytes(first + np.random.default_rng(length).bytes(length))
    with pytest.raises(ValueError, match="no text: it begins with bytes that are in no text") as raised:
        read_series(tmp_path / name)
    assert str(raised.value).isascii()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "cp1251", "latin-1"])
@pytest.mark.parametrize("name", ["потери", "größe\b\b"])
def test_text_in_any_encoding_is_no_bytes(tmp_path, encoding, name):
    rows = "".join(f"{i},{name},{norm!r}\n" for i, norm in enumerate(NORMS.tolist()))
    (tmp_path / "a.csv").write_bytes(f"step,host,update_norm\n{rows}".encode(encoding, "ignore"))
    np.testing.assert_array_equal(read_series(tmp_path / "a.csv").values, NORMS)


def test_a_table_with_a_few_damaged_bytes_is_read(tmp_path):
    lines = [f"{i},{norm!r}\n".encode() for i, norm in enumerate(NORMS.tolist())]
    lines[30] = b"\x01\x93\x02\x0f\n"
    (tmp_path / "a.csv").write_bytes(b"step,update_norm\n" + b"".join(lines))
    assert len(read_series(tmp_path / "a.csv").values) == len(NORMS) - 1


def test_a_compressed_table_of_bytes(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(np.random.default_rng(0).bytes(3000)))
    with pytest.raises(ValueError, match="no text"):
        read_series(tmp_path / "a.csv.gz")
