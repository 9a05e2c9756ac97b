"""Arrow tables in files and streams, parts of parquet tables under the names of other programs, and the text in both."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers import read_series, sources

pa = require("pyarrow")
require("pyarrow.parquet")
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))
FORMS = ["a.feather", "a.arrow", "a.ipc", "stream.arrow", "a.parquet", "a.pq", "unnamed"]


def table(**others):
    return pa.table({"step": np.arange(300), "update_norm": NORMS, **others})


def write(path, held, rows=100):
    if path.suffix in (".parquet", ".pq"):
        pa.parquet.write_table(held, path)
    elif path.suffix == ".feather":
        require("pyarrow.feather").write_feather(held, str(path), chunksize=rows)
    else:
        ipc = require("pyarrow.ipc")
        with (ipc.new_stream if path.stem == "stream" else ipc.new_file)(str(path), held.schema) as writer:
            writer.write_table(held, max_chunksize=rows)


def check(path, count=300):
    series = read_series(path)
    np.testing.assert_array_equal(series.values, NORMS[:count])
    np.testing.assert_array_equal(series.steps, np.arange(count))
    return series


@pytest.mark.parametrize("name", FORMS)
def test_each_kind_of_file(tmp_path, name):
    loss = pa.array([None if i % 3 else i / 7 for i in range(300)])
    write(tmp_path / name, table(loss=loss, half=NORMS.astype(np.float16), group=pa.array([[1.0]] * 300)))
    check(tmp_path / name)
    (run,) = sources(tmp_path / name)[0].runs()
    assert list(run.columns) == ["step", "update_norm", "loss", "half"]
    np.testing.assert_array_equal(run.columns["loss"].values, np.arange(0, 300, 3) / 7)
    np.testing.assert_array_equal(run.columns["loss"].rows, np.arange(0, 300, 3))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", ["text", "dictionary", "large text"])
def test_text_is_beside_the_numbers(tmp_path, name, kind):
    words = pa.array([None if i % 5 == 0 else f"tag{i % 3}" for i in range(300)])
    tags = {"text": words, "dictionary": words.dictionary_encode(), "large text": words.cast(pa.large_string())}[kind]
    write(tmp_path / name, table(tag=tags, wall=pa.array(range(300), pa.timestamp("s"))))
    (run,) = sources(tmp_path / name)[0].runs()
    assert list(run.texts) == ["tag", "wall"]
    found = run.texts["tag"]
    assert [None if code < 0 else found.distinct[code] for code in found.codes] == words.to_pylist()
    assert len(run.texts["wall"].distinct) == 300


@pytest.mark.parametrize("name", ["a.arrow", "stream.arrow"])
def test_a_file_that_was_cut_off_is_read_up_to_there(tmp_path, name):
    write(tmp_path / name, table(), rows=50)
    whole = (tmp_path / name).read_bytes()
    for size in range(len(whole) - 100, 2000, -997):
        (tmp_path / name).write_bytes(whole[:size])
        series = read_series(tmp_path / name)
        check(tmp_path / name, len(series.values))
        assert len(series.values) % 50 == 0
        if len(series.values) < 300:
            assert f"it is cut off or damaged after row {len(series.values)}: the rows before were read" in series.notes


@pytest.mark.parametrize(
    "content", [b"ARROW1", b"ARROW1\0\0" + b"\xff" * 100, b"FEA1" + b"\0" * 50, b"", b"step,norm\n1,2\n", bytes(100)]
)
def test_what_is_no_arrow_file(tmp_path, content):
    (tmp_path / "a.feather").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.feather: "):
        list(sources(tmp_path / "a.feather")[0].runs())


UUID = "b5f8c1c2-3c55-4f0a-9d4e-0f6f9a3cbd21"
NAMES = {
    "ours": "{:05d}.parquet",
    "Spark": f"part-{{:05d}}-{UUID}-c000.snappy.parquet",
    "Dask": "part.{}.parquet",
    "pyarrow": "part-{}.parquet",
    "pandas": f"{UUID.replace('-', '')}-{{}}.parquet",
    "pq": "{}.pq",
}


@pytest.mark.parametrize("program", NAMES)
def test_parts_of_one_table_in_the_order_of_their_numbers(tmp_path, program):
    for i in range(12):
        write(tmp_path / NAMES[program].format(i), table().slice(25 * i, 25))
    for name in (
        "_SUCCESS",
        "_metadata",
        "_common_metadata",
        ".part.lock",
        f".{NAMES[program].format(0)}.crc",
        "_old.parquet",
        "readme.md",
    ):
        (tmp_path / name).write_bytes(b"PAR1")
    (source,) = sources(tmp_path)
    assert source.path == tmp_path
    check(tmp_path)


@pytest.mark.parametrize(
    "names", [["00000.parquet", "runs.parquet"], ["part-0.parquet", "part.0.parquet"], ["a1.parquet", "a2.parquet"]]
)
def test_tables_that_are_not_parts_of_one(tmp_path, names):
    for name in names:
        write(tmp_path / name, table())
    assert [source.path.name for source in sources(tmp_path)] == names


def test_many_columns(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.random((1_000, 20))
    write(tmp_path / "a.arrow", pa.table({f"c{i}": row for i, row in enumerate(values)}))
    (run,) = sources(tmp_path / "a.arrow")[0].runs()
    np.testing.assert_array_equal([run.columns[f"c{i}"].values for i in range(1_000)], values)


@pytest.mark.parametrize("rows", [64, 300])
@pytest.mark.parametrize("name", ["a.arrow", "a.ipc", "unnamed"])
def test_a_file_that_only_its_footer_describes(tmp_path, name, rows):
    words = pa.array([None if i % 5 == 0 else f"tag{i % 3}" for i in range(300)])
    write(tmp_path / name, table(tag=words), rows=rows)
    whole = bytearray((tmp_path / name).read_bytes())
    whole[8:16] = b"\4\0\0\0\xf2\xff\xff\xff"  # as polars begins a file
    (tmp_path / name).write_bytes(whole)
    check(tmp_path / name)
    (run,) = sources(tmp_path / name)[0].runs()
    assert len(run.texts["tag"].codes) == 300
    (tmp_path / name).write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="not an Arrow file"):
        read_series(tmp_path / name)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "stream.arrow"])
def test_files_of_polars(tmp_path, name, compression):
    polars = require("polars")
    tags = polars.Series([f"tag{i % 3}" for i in range(300)])
    frame = polars.DataFrame({"step": range(300), "update_norm": NORMS, "tag": tags, "kind": tags.cast(polars.Categorical)})
    (frame.write_ipc_stream if name.startswith("stream") else frame.write_ipc)(tmp_path / name, compression=compression)
    check(tmp_path / name)
    (run,) = sources(tmp_path / name)[0].runs()
    for text in ("tag", "kind"):
        found = run.texts[text]
        assert [found.distinct[code] for code in found.codes] == tags.to_list()
