"""The runs in an Arrow table, whatever file it comes from: its numbers are read in blocks of columns, and its text on demand."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from wcdfa.readers.columns import Column, Integers, Lazy, Run, Words
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.arrow import arrow_compute, codes_of, column_of, is_numeric, is_text, pa, require_numbers
from wcdfa.readers.limits import require_room
from wcdfa.readers.selecting import rows_of
from wcdfa.readers.table_runs import runs_of_rows
from wcdfa.support.text import several, shown

NUMBER = 24  # bytes of memory for a number, while it is read and converted
AT_ONCE = 1 << 24  # bytes of numbers that are read at once, also if only one column is asked for
WIDEST = 2000  # columns that are read at once: Arrow takes up to 50 kB for each, however short it is
KEPT = 8  # such blocks that are kept


class Stored(Protocol):
    """A table in a file, as a dataset of Arrow gives it."""

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""

    def count_rows(self) -> int:
        """How many rows it has."""

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read some of its columns, some rows at a time."""


class Filled:
    """A column of numbers that is filled part by part, so that it is held only once.

    >>> filled = Filled(3)
    >>> filled.take(0, pa.array([0.5, None]))
    >>> filled.take(2, pa.array([0.25]))
    >>> filled.column().values, filled.column().rows
    (array([0.5 , 0.25]), array([0, 2]))
    """

    def __init__(self, rows: int) -> None:
        self._values, self._count = np.empty(rows), 0
        self._rows: Integers | None = None

    def take(self, first: int, part: pa.Array) -> None:
        """Add the numbers in the rows from `first` on; nulls are left out."""
        column, before = column_of(part), self._count
        self._count += len(column.values)
        self._values[before : self._count] = column.values
        if column.rows is not None and self._rows is None:
            self._rows = np.arange(len(self._values))  # right so far
        if self._rows is not None:
            self._rows[before : self._count] = first + rows_of(column)

    def column(self) -> Column:
        """All that was added."""
        return Column(self._values[: self._count], rows=None if self._rows is None else self._rows[: self._count])


def runs_in(path: Path, stored: Stored, size: int, kind: str, notes: Sequence[str] = ()) -> Iterator[Run]:
    """The runs in a table, with its numeric columns; nulls are left out.

    Parameters
    ----------
    path : path
    stored : Stored
    size : int
        Its bytes on disk.
    kind : str
        What it should be, for an error message, such as "a parquet file".
    notes : sequence of str, optional
        Remarks for the user.
    """
    schema, rows = stored.schema, stored.count_rows()
    names = [field.name for field in schema if is_numeric(field.type)]
    width = min(WIDEST, max(1, AT_ONCE // (8 * max(1, rows))))  # columns in a block
    places = {name: i for i, name in enumerate(names)}

    def batches(chosen: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Some rows at a time, with the number of the first."""
        require_room(NUMBER * rows, size, f"a column of {rows:,} rows")
        read = 0
        try:
            for batch in stored.batches(chosen):
                if read + len(batch) <= rows:
                    yield read, batch
                read += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise damaged(kind, error) from error
        if read != rows:
            msg = f"not {kind}: it has {several(rows, 'row', 'rows')}, but {read:,} in column {shown(chosen[0])!r}"
            raise LogError(msg)

    def load(chosen: list[str]) -> dict[str, Column]:
        held = {name: Filled(rows) for name in chosen}
        try:
            for first, batch in batches(chosen):
                for name, part in zip(chosen, batch.columns, strict=True):
                    held[name].take(first, part)
        except (pa.ArrowException, OSError) as error:
            raise damaged(kind, error) from error
        finally:
            pa.default_memory_pool().release_unused()  # it would keep as much as a column
        return {name: each.column() for name, each in held.items()}

    @functools.lru_cache(KEPT)
    def block(start: int) -> dict[str, Column]:
        try:
            return load(names[start : start + width])
        except LogError:  # of one of its columns, perhaps another than the one asked for
            return {}

    def read(name: str) -> Column:
        found = block(places[name] // width * width)
        return found[name] if name in found else load([name])[name]

    def words(name: str) -> Words:
        found: dict[str | bytes, int] = {}
        try:
            parts = [codes_of(_as_text(batch.column(0)), found) for _, batch in batches([name])]
        except pa.ArrowException as error:
            raise damaged(kind, error) from error
        return Words(tuple(map(str, found)), np.concatenate([np.zeros(0, np.int64), *parts]))

    texts = Lazy([field.name for field in schema if is_text(field.type)], words)
    unread = Lazy(texts, lambda name: next(iter(texts[name].distinct), ""))
    return runs_of_rows(
        Run(path, "", require_numbers(Lazy(names, read), schema.names), notes, texts=texts, unread=unread), schema.names
    )


def _as_text(chunk: pa.Array) -> pa.Array:
    """The text in a chunk of a column."""
    if pa.types.is_dictionary(chunk.type):  # Arrow converts no dictionary of string views
        return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
    return arrow_compute.cast(chunk, pa.string())


def damaged(kind: str, error: Exception) -> Exception:
    """The error of a file that is damaged, or whose reading the system refuses."""
    return error if isinstance(error, PermissionError) else LogError(f"not {kind}: {error}")
