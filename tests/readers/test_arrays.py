"""NumPy files that are hostile: packed bombs, headers that ask for too much, objects beside numbers."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

import numpy as np
import pytest

from wcdfa.readers import read_series, sources

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))


def packed(array):
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape, dtype="<f8", pad=0):
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b" " * pad + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text


def zeros(file, count):
    for _ in range(count):
        file.write(bytes(1 << 20))


METHODS = pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])


@METHODS
def test_arrays_packed_in_any_way(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "log.npz", "w", method) as archive:
        archive.writestr("norms.npy", packed(NORMS))
        archive.writestr("loss.npy", packed(np.zeros(300)))
    np.testing.assert_array_equal(read_series(tmp_path / "log.npz").values, NORMS)
    np.testing.assert_array_equal(read_series(tmp_path / "log.npz", "loss").values, np.zeros(300))


@METHODS
@pytest.mark.parametrize(("asked", "held"), [(1 << 10, 32), (32 << 17, 32), (1 << 40, 1)])
def test_a_small_header_before_megabytes(tmp_path, method, asked, held):
    """What is unpacked is what the header asks for; what is more or less is an error."""
    with zipfile.ZipFile(tmp_path / "log.npz", "w", method) as archive, archive.open("norms.npy", "w") as file:
        file.write(header((asked,)))
        zeros(file, held)
    if asked == 1 << 40:
        with pytest.raises(ValueError, match="does not fit into its"):
            read_series(tmp_path / "log.npz")
    else:
        assert len(read_series(tmp_path / "log.npz").values) == asked


@METHODS
def test_a_wrong_checksum_is_an_error(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "log.npz", "w", method) as archive:
        archive.writestr("norms.npy", packed(NORMS))
    checksum = struct.pack("<I", zlib.crc32(packed(NORMS)))
    (tmp_path / "log.npz").write_bytes((tmp_path / "log.npz").read_bytes().replace(checksum, b"abcd"))
    with pytest.raises(ValueError, match=r"log\.npz: damaged"):
        read_series(tmp_path / "log.npz")


def test_a_packed_array_that_swells_is_refused_before_it_is_unpacked(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "log.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("norms.npy", "w") as file,
    ):
        file.write(header((270 << 17,)))
        zeros(file, 270)
    with pytest.raises(ValueError, match=r"log\.npz: what its 1 array\(s\) ask for would take 283 MB of memory"):
        read_series(tmp_path / "log.npz")


def test_what_is_no_column_may_be_of_any_size(tmp_path):
    with zipfile.ZipFile(tmp_path / "log.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("norms.npy", packed(NORMS))
        archive.writestr("config.npy", header((), "|O") + b"not loaded")
        with archive.open("weights.npy", "w") as file:
            file.write(header((300, 300, 512)))
            zeros(file, 352)
    np.testing.assert_array_equal(read_series(tmp_path / "log.npz").values, NORMS)


@pytest.mark.parametrize("name", ["norms.npy", "log.npz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((10**15,)), "does not fit into its"),
        (header((-5,)), "does not fit into its"),
        (header((2**63, 2**63)), "does not fit into its"),
        (header((3,), pad=1 << 20) + bytes(24), "a header of 1,048,[0-9]+ bytes"),
        (header((3.0,)) + bytes(24), "damaged"),
        (header((3,), "|O") + bytes(24), "Object arrays cannot be loaded"),
        (header("3") + bytes(24), "damaged"),
        (header((3,), 7) + bytes(24), "damaged"),
        (header((3,), "<f8" + "(" * 200) + bytes(24), "damaged"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 400) + b"(" * 400 + bytes(24), "damaged"),
        (b"\x93NUMPY\x09\x00" + bytes(24), "damaged"),
        (header((3,)) + bytes(23), "damaged"),
    ],
    ids=range(12),
)
def test_headers_that_are_wrong_are_errors_of_the_file(tmp_path, name, content, message):
    if name == "log.npz":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("norms.npy", content)
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        read_series(tmp_path / name)


@pytest.mark.parametrize("dtype", ["float16", "int8", ">f8", "float64"])
@pytest.mark.parametrize("order", "CF")
def test_numbers_of_any_type_and_order(tmp_path, dtype, order):
    table = np.asarray((10 * NORMS).reshape(-1, 3), dtype=dtype, order=order)
    np.savez_compressed(tmp_path / "log.npz", norm=table[:, 0], parts=table)
    np.testing.assert_array_equal(read_series(tmp_path / "log.npz").values, table[:, 0].astype(float))
    np.testing.assert_array_equal(read_series(tmp_path / "log.npz", "parts/2").values, table[:, 2].astype(float))


def test_a_log_of_a_single_value(tmp_path):
    np.savez(tmp_path / "log.npz", update_norm=NORMS[:1], lr=np.array([[0.1]]), step=np.array(7))
    assert read_series(tmp_path / "log.npz").values.tolist() == [NORMS[0]]
    np.savez(tmp_path / "more.npz", norms=NORMS, lr=np.array([0.1]))
    assert list(next(sources(tmp_path / "more.npz")[0].runs()).columns) == ["norms"]


@pytest.mark.parametrize("name", ["norms.npy", "log.npz"])
def test_what_follows_the_array_is_said(tmp_path, name):
    """As two arrays that were saved to one open file, or a header that counts too few."""
    content = packed(NORMS) + packed(NORMS[:3])
    if name == "log.npz":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("norms.npy", content)
    else:
        (tmp_path / name).write_bytes(content)
    series = read_series(tmp_path / name)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes[0] == f"{len(packed(NORMS[:3]))} bytes after the array norms were left out: its header counts 300 numbers"
