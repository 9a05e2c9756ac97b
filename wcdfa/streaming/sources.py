"""Streams of series that do not fit into memory: of files, and of arrays in chunks on many workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wcdfa.kernel.checks import check_order
from wcdfa.streaming.checks import check_start, what_numbers_need
from wcdfa.streaming.stream import Stream
from wcdfa.support.extras import needed

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

BATCH = 1 << 18  # samples of a file that are read at a time
BUFFER = 1 << 20  # bytes of a Parquet file that are read at a time
FAN = 8  # streams that one task of Dask merges


class Chunked(Protocol):
    """A Dask array, or an object that holds one as its data, such as an xarray.DataArray."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""

    def to_delayed(self) -> Any:  # an array of Delayed, which has no type hints
        """The chunks."""


def of_file(path: str | os.PathLike[str], column: str | int | None = None, *, order: int = 1, start: int = 0) -> Stream:
    """Read a series from a file of any size, a few megabytes at a time.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/norms.npy", np.arange(10_000.0) % 7)
    ...     of_file(f"{folder}/norms.npy")
    Stream(order=1, start=0, n=10000)

    Parameters
    ----------
    path : str or path
        An ``.npy`` file, which is mapped into memory, or a Parquet file, which is read in batches (needs ``wcdfa[cli]``).
    column : str or int, optional
        The column of a table: its name for Parquet, its number for an array of shape (n, columns). Not needed if there is one only.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile.
    start : int
        Index of the first sample in the whole series, if the file is one of several, whose streams are then merged.

    Returns
    -------
    Stream

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file, or the path is a folder.
    TypeError
        If the values are not real numbers, for instance text, bool or complex.
    ValueError
        If the file is neither, or damaged, or an ``.npy`` file of Python objects, or has no such column, or holds a missing or infinite value: the message gives its index.
    """
    stream, path = Stream(order, start), Path(path)
    for block in _blocks(path, column):
        if block.dtype.kind not in "iuf":
            holder = path if column is None else f"column {column!r} of {path}"
            msg = f"{holder} holds values of dtype {block.dtype}, and a stream takes real numbers: {what_numbers_need(str(block.dtype))}"
            raise TypeError(msg)
        try:
            stream.push(block)
        except ValueError as error:
            msg = f"{path}: {error}"
            raise ValueError(msg) from error
    return stream


def _blocks(path: Path, column: str | int | None) -> Iterator[npt.NDArray[np.number]]:
    if path.is_dir():
        msg = f"{path} is a folder: give one file; for several, add their streams, of_file(path, start=…) + …"
        raise IsADirectoryError(msg)
    with path.open("rb") as file:
        beginning = file.read(6)
    if beginning == b"\x93NUMPY":
        return _of_array(path, column)
    if beginning[:4] == b"PAR1":
        return _of_parquet(path, column)
    msg = f"{path} is neither an .npy nor a Parquet file; read it in blocks yourself and push them into a wcdfa.Stream"
    raise ValueError(msg)


def _of_array(path: Path, column: str | int | None) -> Iterator[npt.NDArray[np.number]]:
    try:
        array = np.load(path, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise ValueError(_unreadable(path, error, ".npy file of real numbers")) from error
    if array.ndim == 2 and column is None and array.shape[1] == 1:
        column = 0
    if array.ndim not in (1, 2) or (array.ndim == 2) != (column is not None):
        msg = f"{path} holds an array of shape {array.shape}: column= is for shape (n, columns), and must be given there"
        raise ValueError(msg)
    if column is not None and not (isinstance(column, int) and 0 <= column < array.shape[1]):
        msg = f"{path} has columns 0 to {array.shape[1] - 1}, and no column {column!r}"
        raise ValueError(msg)
    for begin in range(0, len(array), BATCH):
        part = np.load(path, mmap_mode="r")[begin : begin + BATCH]  # mapped anew, so that pages that were read are given back
        yield part if column is None else part[:, column]


def _of_parquet(path: Path, column: str | int | None) -> Iterator[npt.NDArray[np.number]]:
    with needed("a Parquet file", "wcdfa[cli]"):
        parquet = import_module("pyarrow.parquet")
    # without these two options pyarrow keeps all that it has read of the column until the end
    try:
        file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)
    except (ValueError, OSError) as error:
        raise ValueError(_unreadable(path, error, "Parquet file")) from error
    with file:
        column = _column_of(path, file.schema_arrow.names, column)
        batches = file.iter_batches(BATCH, columns=[column])
        while (batch := _next(path, batches)) is not None:
            yield batch.column(0).to_numpy(zero_copy_only=False)


def _column_of(path: Path, names: list[str], column: str | int | None) -> str | int:
    if column is None and len(names) == 1:
        return names[0]
    if column is None or column not in names:
        known = f"give column= as one of {', '.join(map(repr, names))}" if names else "it has none at all"
        msg = f"{path} has no column {column!r}; {known}"
        raise ValueError(msg)
    return column


def _next(path: Path, batches: Iterator[Any]) -> Any:  # pyarrow has no type hints
    """The next batch, or None; raises a ValueError where the file is damaged."""
    try:
        return next(batches, None)
    except (ValueError, OSError) as error:
        raise ValueError(_unreadable(path, error, "Parquet file")) from error


def _unreadable(path: Path, error: Exception, kind: str) -> str:
    return f"{path} is no whole {kind} ({error}): write it anew from the numbers"


def of_dask(array: Chunked, *, order: int = 1, start: int = 0) -> Stream:
    """Compute the stream of an array in chunks, on all workers of Dask: one stream for each chunk, of which neighbours are then merged.

    >>> import dask.array as da
    >>> x = da.random.default_rng(0).standard_normal(1_000_000, chunks=100_000)
    >>> of_dask(x)
    Stream(order=1, start=0, n=1000000)

    No chunk leaves its worker. A stream travels in a few kilobytes; while it is fed it holds 0.55 MB. The result is that of one process, to rounding.

    Parameters
    ----------
    array : dask.array.Array or xarray.DataArray of shape (n,)
        One series. Chunks of a million samples or so are best.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile.
    start : int
        Index of the first sample in the whole series.

    Returns
    -------
    Stream
        Computed where Dask computes: with a ``distributed.Client``, on its workers.

    Raises
    ------
    TypeError
        If the array has no chunks of Dask, or its values are not real numbers.
    ValueError
        If it has several axes, or chunks of unknown length, or holds a NaN: the message gives its index.
    """
    chunked, order, start = _as_dask(array), check_order(order), check_start(start)
    with needed("of_dask", "wcdfa[dask]"):
        dask: Any = import_module("dask")  # it has no type hints
    lengths: Sequence[float] = chunked.chunks[0]
    if not np.isfinite(lengths).all():
        msg = "the lengths of the chunks are unknown: call compute_chunk_sizes() on the array first"
        raise ValueError(msg)
    first, merge = dask.delayed(_stream_of, pure=True), dask.delayed(_merged, pure=True)
    begins = start + np.cumsum([0, *lengths[:-1]])
    level = [first(chunk, order, int(begin)) for chunk, begin in zip(chunked.to_delayed(), begins, strict=True)]
    while len(level) > 1:
        level = [merge(level[i : i + FAN]) for i in range(0, len(level), FAN)]
    stream: Stream = level[0].compute()
    return stream


def _as_dask(array: Chunked) -> Any:
    chunked: Any = array if hasattr(array, "to_delayed") else getattr(array, "data", None)
    if not hasattr(chunked, "to_delayed") or not hasattr(chunked, "chunks"):
        msg = f"of_dask takes an array of Dask, or an xarray.DataArray with one, got {type(array).__name__}; push others into a Stream"
        raise TypeError(msg)
    if chunked.ndim != 1:
        msg = f"the array must have one axis, got shape {chunked.shape}: a stream is for one series"
        raise ValueError(msg)
    return chunked


def _stream_of(chunk: npt.ArrayLike, order: int, start: int) -> Stream:
    stream = Stream(order, start)
    stream.push(chunk)
    return stream


def _merged(streams: list[Stream]) -> Stream:
    joint, *others = streams
    for other in others:
        joint = joint.merge(other)
    return joint
