"""Reads NumPy files: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.format import read_array

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.steps import with_steps

MOST = 1000  # columns of a 2-D array; with more, it is something else
Arrays = Iterator[tuple[str, npt.NDArray[np.generic]]]


def read_numpy(path: Path) -> Iterator[Run]:
    """Read the 1-D arrays of numbers in an .npz file by name, or the array in an .npy file under the name of the file.

    If a 2-D array has a row for each value of a 1-D one, each of its columns is a group, named "name/0", "name/1" and so on. Arrays of the
    same length are columns of one table, and one of them may hold the steps. Nothing is unpickled.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about headers from Python 2, and casts of signaling NaN
            flat = {name: np.squeeze(array) for name, array in _arrays(path)}
            found = {name: array.astype(np.float64, copy=False) for name, array in _columns(flat)}
    except (PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # on damaged files, NumPy, zipfile, zlib and lzma raise nearly anything
        msg = f"damaged, or not plain arrays: {error}"
        raise ValueError(msg) from error
    if not found:
        msg = f"no 1-D array of numbers; it holds: {listed(f'{name} {each.dtype} {each.shape}' for name, each in flat.items())}"
        raise ValueError(msg)
    columns: dict[str, Column] = {}
    for length in {len(array) for array in found.values()}:
        columns |= with_steps({name: Column(array) for name, array in found.items() if len(array) == length})
    yield Run(path, "", {name: columns[name] for name in found})


READER = FileReader("npz, npy", (".npy", ".npz"), read_numpy)


def _columns(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Arrays:
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "iuf"}
    series = {name: array for name, array in numbers.items() if array.ndim == 1}
    yield from series.items()
    lengths = {len(array) for array in series.values()}
    for name, array in numbers.items():
        if array.ndim == 2 and len(array) in lengths and array.shape[1] <= MOST:
            yield from ((f"{name}/{i}", column) for i, column in enumerate(array.T))


def _arrays(path: Path) -> Arrays:
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            file.seek(0)
            yield path.stem, read_array(file, allow_pickle=False)
            return
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as member:
                        array = read_array(member, allow_pickle=False)
                        member.read(1)  # the checksum is only checked at the end
                        yield name.removesuffix(".npy"), array
