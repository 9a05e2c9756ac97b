"""Tables that Apache Arrow reads: csv, tsv, parquet, and folders of parquet parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as arrow_compute
import pyarrow.csv as arrow_csv
import pyarrow.dataset as arrow_dataset

from wcdfa.names import shown
from wcdfa.readers.choice import listed
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.growing import CUT, beginning
from wcdfa.readers.rows import with_steps

WIDEST = 1 << 20  # bytes of a header


def read_delimited(path: Path) -> Iterator[Run]:
    """The numeric columns of a csv or tsv file; without a header they are named 0, 1, 2, …; empty fields are left out.

    A last line without an end is left out: what it lacks cannot be known, not even the digits of a number.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as file:
        first = file.readline(WIDEST).decode("utf-8-sig", "replace").rstrip("\r\n").split(delimiter)
        bare = all(_is_number(field) for field in first)
        with beginning(file, whole_lines=True) as (part, cut):
            try:
                table = arrow_csv.read_csv(
                    part,
                    read_options=arrow_csv.ReadOptions(column_names=[str(i) for i in range(len(first))] if bare else None),
                    parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
                    # "nan" in a log is a number that is not one, not a gap
                    convert_options=arrow_csv.ConvertOptions(null_values=[""], strings_can_be_null=True),
                )
            except pa.ArrowException as error:
                msg = f"not a table: {error}"
                raise ValueError(msg) from error
    columns = {}
    held = table.column_names
    while table.num_columns:  # each is let go once it is taken
        if _is_numeric(table.schema.field(0).type):
            columns[table.column_names[0]] = _column(table.column(0))
        table = table.remove_column(0)
    yield Run(path, "", with_steps(_some(columns, held)), (CUT,) if cut else ())


def read_parquet(path: Path) -> Iterator[Run]:
    """The numeric columns of a parquet file, or of a folder of its parts in the order of their names; nulls are left out."""
    try:
        parts = [path] if path.is_file() else sorted(path.glob("*.parquet"))
        sets = [arrow_dataset.dataset(part, format="parquet") for part in parts]
        schema = pa.unify_schemas([each.schema for each in sets], promote_options="permissive")
        whole = arrow_dataset.dataset(parts, format="parquet", schema=schema)
        rows = whole.count_rows()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(error) from error

    def read(name: str) -> Column:
        try:
            column = whole.to_table(columns=[name]).column(0)
            if len(column) != rows:
                msg = f"it has {rows:,} rows, and {len(column):,} in column {shown(name)!r}"
                raise OSError(msg)
            return _column(column)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from error

    columns = Lazy([field.name for field in schema if _is_numeric(field.type)], read)
    yield Run(path, "", with_steps(_some(columns, schema.names)))


def _some(columns: Mapping[str, Column], held: list[str]) -> Mapping[str, Column]:
    if not columns:
        msg = f"no column of numbers; it holds: {listed(held)}"
        raise ValueError(msg)
    return columns


def _column(read: Any) -> Column:
    rows = np.flatnonzero(read.is_valid()) if read.null_count else None
    return Column(arrow_compute.cast(read, pa.float64(), safe=False).drop_null().to_numpy(), rows=rows)


def _damaged(error: Exception) -> Exception:
    return error if isinstance(error, PermissionError) else ValueError(f"not a parquet file: {error}")


def _is_numeric(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
