"""Streams of files and of arrays in chunks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.streaming.test_merge import same
from tests.streaming.test_stream import NOISE, streamed
from wcdfa.streaming import of_dask, of_file, sources

X = NOISE[:5000]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(sources, "BATCH", 700)


@pytest.fixture
def parquet(tmp_path):
    require("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    def written(**columns):
        pq.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=1234)
        return tmp_path / "x.parquet"

    return written


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i4"])
def test_an_array_file(tmp_path, dtype):
    x = (X * 1000).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    same(of_file(tmp_path / "x.npy", order=2, start=9), streamed(x.astype(float), order=2, start=9))
    assert of_file(str(tmp_path / "x.npy")).n == len(X)


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_column_of_an_array_file(tmp_path, layout):
    np.save(tmp_path / "x.npy", np.asarray(np.stack([X, X[::-1]], axis=1), order=layout))
    same(of_file(tmp_path / "x.npy", 1), streamed(X[::-1]))
    with pytest.raises(ValueError, match=r"columns 0 to 1, and no column 2"):
        of_file(tmp_path / "x.npy", 2)
    with pytest.raises(ValueError, match=r"no column 'loss'"):
        of_file(tmp_path / "x.npy", "loss")
    with pytest.raises(ValueError, match=r"shape \(5000, 2\): column= is for"):
        of_file(tmp_path / "x.npy")


def test_a_lone_column_needs_no_name(tmp_path, parquet):
    np.save(tmp_path / "x.npy", X[:, None])
    same(of_file(tmp_path / "x.npy"), streamed(X))
    same(of_file(parquet(norm=X)), streamed(X))


def test_a_parquet_file(parquet):
    path = parquet(step=np.arange(len(X)), norm=X)
    same(of_file(path, "norm", start=3), streamed(X, start=3))
    with pytest.raises(ValueError, match="no column None; give column= as one of 'step', 'norm'"):
        of_file(path)


def test_a_missing_value_is_refused_with_its_place(parquet, tmp_path):
    values = X.copy()
    values[1500] = np.nan
    np.save(tmp_path / "x.npy", values)
    for path in (tmp_path / "x.npy", parquet(norm=[None if np.isnan(value) else value for value in values])):
        with pytest.raises(ValueError, match=rf"{path.name}: .*sample 1500 of the series, is nan: leave it out"):
            of_file(path)


def test_text_is_refused(parquet):
    with pytest.raises(
        TypeError, match=r"column 'name' of .*x\.parquet holds values of dtype object, and a stream takes real numbers"
    ):
        of_file(parquet(step=[1, 2], name=["a", "b"]), "name")


@pytest.mark.parametrize(("values", "said"), [
    (np.array([1j, 2]), "complex128, and a stream takes real numbers: take the absolute values"),
    (np.array([True]), "bool, and a stream takes real numbers: give the numbers themselves"),
    (np.array(["a"]), "<U1, and a stream takes real numbers: convert them first"),
    (np.zeros(3, dtype="M8[s]"), r"datetime64\[s\], and a stream takes real numbers: convert them first"),
])  # fmt: skip
def test_an_array_file_without_real_numbers_is_refused(tmp_path, values, said):
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(TypeError, match=rf"x\.npy holds values of dtype {said}"):
        of_file(tmp_path / "x.npy")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match=f"{tmp_path.name} is a folder: give one file; for several, add their streams"):
        of_file(tmp_path)


@pytest.mark.parametrize("left", [10, 1000, 20_000])
def test_a_damaged_table_is_refused_with_its_name(parquet, left):
    whole = (path := parquet(norm=X)).read_bytes()
    path.write_bytes(whole[:left])
    with pytest.raises(ValueError, match=r"x\.parquet is no whole Parquet file \(.*\): write it anew"):
        of_file(path)
    path.write_bytes(whole[:left] + b"\xff" * 8000 + whole[left + 8000 :])  # its end is whole
    with pytest.raises(ValueError, match=r"x\.parquet"):
        of_file(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.csv").write_text("1\n2\n")
    with pytest.raises(ValueError, match=r"neither an \.npy nor a Parquet file; read it in blocks yourself"):
        of_file(tmp_path / "x.csv")
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"cut\.npy is no whole .* \(mmap"):
        of_file(tmp_path / "cut.npy")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(
        ValueError, match=r"objects\.npy is no whole \.npy file of real numbers \(.*Python objects.*\): write it anew"
    ):
        of_file(tmp_path / "objects.npy")
    with pytest.raises(FileNotFoundError):
        of_file(tmp_path / "none.npy")


@pytest.fixture
def dask_array():
    require("dask")
    dask = require("dask.array")
    import dask as settings

    with settings.config.set(scheduler="synchronous"):
        yield dask


@pytest.mark.parametrize("chunks", [5000, 1000, 37, (1, 2, 4000, 3, 994)])
def test_an_array_in_chunks(dask_array, chunks):
    same(of_dask(dask_array.from_array(X, chunks=(chunks,)), start=5, order=2), streamed(X, start=5, order=2))


def test_xarray(dask_array):
    xarray = require("xarray")
    same(of_dask(xarray.DataArray(X, dims="time").chunk(time=800)), streamed(X))
    with pytest.raises(TypeError, match="got DataArray"):
        of_dask(xarray.DataArray(X))


def test_a_lazy_array_is_computed_chunk_by_chunk(dask_array):
    lazy = dask_array.arange(6000, chunks=500) % 7
    same(of_dask(lazy**2), streamed((np.arange(6000.0) % 7) ** 2))


def test_what_is_no_array_in_chunks_is_refused(dask_array):
    with pytest.raises(TypeError, match="got ndarray"):
        of_dask(X)
    with pytest.raises(ValueError, match=r"one axis, got shape \(50, 100\)"):
        of_dask(dask_array.from_array(X.reshape(50, 100)))
    lazy = dask_array.from_array(X, chunks=1000)
    with pytest.raises(TypeError, match=r"start must be an integer"):
        of_dask(lazy, start=1.5)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        of_dask(lazy[lazy > 0])
    same(of_dask(lazy[lazy > 0].compute_chunk_sizes()), streamed(X[X > 0]))


def test_a_missing_value_in_a_chunk_is_refused_with_its_place(dask_array):
    values = X.copy()
    values[4321] = np.nan
    with pytest.raises(ValueError, match="sample 4321 of the series, is nan"):
        of_dask(dask_array.from_array(values, chunks=1000))
