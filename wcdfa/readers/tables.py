"""Tables that Apache Arrow reads: csv, tsv and parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet


def read_delimited(path: Path) -> dict[str, Any]:
    """The numeric columns of a csv or tsv file; without a header they are named 0, 1, 2, …; empty fields are left out."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().strip().split(delimiter)
    bare = all(_is_number(field) for field in first)
    names = [str(i) for i in range(len(first))] if bare else None
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            # "nan" in a log is a number that is not one, not a gap
            convert_options=arrow_csv.ConvertOptions(null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowInvalid as error:
        msg = f"{path}: not a table: {error}"
        raise ValueError(msg) from error
    return _numeric(table, path)


def read_parquet(path: Path) -> dict[str, Any]:
    """The numeric columns of a parquet file; nulls are left out."""
    try:
        return _numeric(arrow_parquet.read_table(path), path)
    except pa.ArrowInvalid as error:
        msg = f"{path}: not a parquet file: {error}"
        raise ValueError(msg) from error


def _numeric(table: Any, path: Path) -> dict[str, Any]:
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            found[name] = column.drop_null().to_numpy().astype(float)
    if not found:
        msg = f"{path}: no column of numbers; it holds: {', '.join(table.column_names) or 'nothing'}"
        raise ValueError(msg)
    return found


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
