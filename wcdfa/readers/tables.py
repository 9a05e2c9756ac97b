"""Tables that Apache Arrow reads: csv, tsv, parquet, and folders of parquet parts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as arrow_compute
import pyarrow.csv as arrow_csv
import pyarrow.dataset as arrow_dataset

from wcdfa.readers.columns import Column, Run
from wcdfa.readers.lines import CUT
from wcdfa.readers.rows import with_steps


def read_delimited(path: Path) -> Iterator[Run]:
    """The numeric columns of a csv or tsv file; without a header they are named 0, 1, 2, …; empty fields are left out."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().rstrip("\r\n").split(delimiter)
    bare = all(_is_number(field) for field in first)
    names = [str(i) for i in range(len(first))] if bare else None
    source, notes = _whole_lines(path)
    try:
        table = arrow_csv.read_csv(
            source,
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            # "nan" in a log is a number that is not one, not a gap
            convert_options=arrow_csv.ConvertOptions(null_values=[""], strings_can_be_null=True),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        msg = f"{path}: not a table: {error}"
        raise ValueError(msg) from error
    yield _run(path, table, notes)


def read_parquet(path: Path) -> Iterator[Run]:
    """The numeric columns of a parquet file, or of a folder of its parts in the order of their names; nulls are left out."""
    try:
        parts = [path] if path.is_file() else sorted(path.glob("*.parquet"))
        sets = [arrow_dataset.dataset(part, format="parquet") for part in parts]
        schema = pa.unify_schemas([each.schema for each in sets], promote_options="permissive")
        wanted = [field.name for field in schema if _is_numeric(field.type)]
        table = arrow_dataset.dataset(parts, format="parquet", schema=schema).to_table(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        msg = f"{path}: not a parquet file: {error}"
        raise ValueError(msg) from error
    yield _run(path, table, [], schema.names)


def _run(path: Path, table: Any, notes: list[str], held: list[str] | None = None) -> Run:
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _is_numeric(column.type):
            rows = None if not column.null_count else np.flatnonzero(column.is_valid())
            values = arrow_compute.cast(column, pa.float64(), safe=False).drop_null().to_numpy()
            found[name] = Column(values, rows=rows)
    if not found:
        msg = f"{path}: no column of numbers; it holds: {', '.join(held or table.column_names) or 'nothing'}"
        raise ValueError(msg)
    return Run(path, "", with_steps(found), tuple(notes))


def _whole_lines(path: Path) -> tuple[Any, list[str]]:
    """The file as far as its lines have an end: what a line without one lacks cannot be known, not even the digits of a number."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        if not size or file.read() in b"\r\n":
            return path, []
        file.seek(0)
        whole = file.read().rpartition(b"\n")[0]
    return io.BytesIO(whole + b"\n"), [CUT]


def _is_numeric(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
