"""Reads NumPy files: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import math
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.format import MAGIC_LEN, read_array, read_array_header_1_0, read_array_header_2_0, read_magic

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.unpacking import opened_member
from wcdfa.readers.limits import Deadline, Room
from wcdfa.readers.magic import is_numpy
from wcdfa.readers.steps import with_steps
from wcdfa.readers.zip_lists import ListedFile
from wcdfa.support.text import several, shown

MOST = 1000  # columns of a 2-D array; with more, it is something else
LONGEST = 1 << 16  # bytes in a header; NumPy itself reads no more than 10,000
OF_A_COLUMN = 700  # bytes for each column, even if it is empty


class _Array(NamedTuple):
    """An array in a file, of which only the header has been read."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    more: int
    """Bytes after it."""
    load: Callable[[], npt.NDArray[np.generic]]

    @property
    def squeezed(self) -> tuple[int, ...]:
        """The shape without axes of length 1."""
        return tuple(length for length in self.shape if length != 1)

    @property
    def needed(self) -> int:
        """The bytes of memory for the array, and for a copy of it if it is not of float64."""
        return math.prod(self.shape) * (self.dtype.itemsize + 8 * (self.dtype != np.float64))


def read_numpy(path: Path) -> Iterator[Run]:
    """Read the 1-D arrays of numbers in an .npz file by name, or the array in an .npy file under the name of the file.

    If a 2-D array has a row for each value of a 1-D one, each of its columns is a group, named "name/0", "name/1" and so on. Arrays of the
    same length are columns of one table, and one of them may hold the steps. Nothing is unpickled, and other arrays are not loaded.
    """
    try:
        room = Room(path.stat().st_size)
        with (
            warnings.catch_warnings(action="ignore"),
            ListedFile(path, room) as file,
        ):  # about headers from Python 2, and casts of signaling NaN
            held = dict(_arrays(file, path.stem))
            chosen = _chosen(held)
            found = _loaded(chosen, room)
    except (PermissionError, IsADirectoryError, LogError):
        raise
    except Exception as error:  # on damaged files, NumPy, zipfile, zlib and lzma raise nearly anything
        msg = f"damaged, or not plain arrays: {error}"
        raise LogError(msg) from error
    if not found:
        _require_plain(held.values())
        shapes = (f"{name} {each.dtype} {each.squeezed}" for name, each in held.items())
        msg = f"no 1-D array of numbers; it holds: {listed(shapes)}"
        raise LogError(msg)
    columns: dict[str, Column] = {}
    for length in {len(array) for array in found.values()}:
        columns |= with_steps({name: Column(array) for name, array in found.items() if len(array) == length})
    yield Run(path, "", {name: columns[name] for name in found}, tuple(_notes(chosen)))


READER = FileReader("npz, npy", (".npy", ".npz"), read_numpy, recognises=is_numpy)


def _notes(chosen: Mapping[str, _Array]) -> Iterator[str]:
    """Say what follows the arrays, such as others that were saved to the same open file."""
    for name, each in chosen.items():
        if each.more:
            more, counted = several(each.more, "byte", "bytes"), several(math.prod(each.shape), "number", "numbers")
            yield f"{more} after the array {shown(name)} {'was' if each.more == 1 else 'were'} left out: its header counts {counted}"


def _require_plain(arrays: Iterable[_Array]) -> None:
    if any(each.dtype.hasobject for each in arrays):
        msg = "damaged, or not plain arrays: Object arrays cannot be loaded, because that could run code"
        raise LogError(msg)


def _chosen(held: Mapping[str, _Array]) -> dict[str, _Array]:
    """The arrays of numbers that are columns, or tables of columns."""
    numbers = {name: each for name, each in held.items() if each.dtype.kind in "iuf"}
    series = {name: each for name, each in numbers.items() if len(each.squeezed) == 1}
    if not series:  # a log of a single value
        return {name: each for name, each in numbers.items() if each.shape and not each.squeezed}
    lengths = {each.squeezed[0] for each in series.values()}
    tables = {
        name: each
        for name, each in numbers.items()
        if len(each.squeezed) == 2 and each.squeezed[0] in lengths and each.squeezed[1] <= MOST
    }
    return series | tables


def _loaded(chosen: Mapping[str, _Array], room: Room) -> dict[str, npt.NDArray[np.float64]]:
    """The columns in the chosen arrays by name."""
    columns = sum(each.squeezed[1] if len(each.squeezed) == 2 else 1 for each in chosen.values())
    needed = sum(each.needed for each in chosen.values()) + OF_A_COLUMN * columns
    room.take(needed, f"what its {len(chosen):,} array(s) ask for")
    deadline = Deadline(room.size)
    found: dict[str, npt.NDArray[np.float64]] = {}
    for name, each in chosen.items():
        deadline.check()
        array = each.load().reshape(each.squeezed or (1,)).astype(np.float64, copy=False)
        found |= {name: array} if array.ndim == 1 else {f"{name}/{i}": column for i, column in enumerate(array.T)}
    return found


def _arrays(file: ListedFile, stem: str) -> Iterator[tuple[str, _Array]]:
    """The arrays in a file by name; their content is not read yet."""
    if file.read(2) != b"PK":
        size = file.seek(0, 2)
        file.seek(0)
        yield stem, _Array(*_header(file, size), partial(_whole, file))
        return
    archive = file.archive()
    for info in archive.infolist():
        if info.filename.endswith(".npy"):
            with opened_member(archive, info) as member:
                told = _header(member, info.file_size)
            yield info.filename.removesuffix(".npy"), _Array(*told, partial(_member, archive, info))


def _header(file: IO[bytes], size: int) -> tuple[np.dtype[np.generic], tuple[int, ...], int]:
    """The dtype and shape in the header of an array, and how many of these bytes are left after the header and the array."""
    start = file.read(MAGIC_LEN)
    version = read_magic(BytesIO(start))
    form = "<H" if version == (1, 0) else "<I"
    told = file.read(struct.calcsize(form))
    (length,) = struct.unpack(form, told)
    if length > LONGEST:
        msg = f"a header of {length:,} bytes; at most {LONGEST:,} are read"
        raise LogError(msg)
    read = read_array_header_1_0 if version == (1, 0) else read_array_header_2_0
    shape, _, dtype = read(BytesIO(told + file.read(length)))
    if any(each < 0 for each in shape) or (math.prod(shape) * dtype.itemsize > size and not dtype.hasobject):
        msg = f"an array of shape {shape} does not fit into its {size:,} bytes"
        raise ValueError(msg)
    return dtype, shape, size - MAGIC_LEN - len(told) - length - math.prod(shape) * dtype.itemsize


def _whole(file: BinaryIO) -> npt.NDArray[np.generic]:
    file.seek(0)
    array: npt.NDArray[np.generic] = read_array(file, allow_pickle=False)
    return array


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> npt.NDArray[np.generic]:
    with opened_member(archive, info) as member:
        array: npt.NDArray[np.generic] = read_array(member, allow_pickle=False)
        member.read(1)  # the checksum is only checked at the end
        return array
