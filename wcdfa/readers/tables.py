"""Tables that Apache Arrow reads: csv, tsv, parquet, and folders of parquet parts."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

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
        options: dict[str, Any] = {
            "read_options": arrow_csv.ReadOptions(
                use_threads=False, column_names=[str(i) for i in range(len(first))] if bare else None
            ),
            "parse_options": arrow_csv.ParseOptions(delimiter=delimiter),
        }
        with beginning(file, whole_lines=True) as (part, cut):
            try:
                schema = arrow_csv.open_csv(part, convert_options=_conversion({}), **options).schema
            except pa.ArrowException as error:
                msg = f"not a table: {error}"
                raise ValueError(msg) from error
        try:
            found = _in_blocks(file, schema, options)
        except pa.ArrowException:  # a column that begins with numbers, or with nothing, goes on with text
            found = _at_once(file, options)
    yield Run(path, "", with_steps(_some(found, schema.names)), (CUT,) if cut else ())


def _in_blocks(file: BinaryIO, schema: Any, options: Any) -> dict[str, Column]:
    """The numeric columns of a file whose first block has this schema, block by block: to infer types, Arrow would hold all of it."""
    types = {field.name: pa.float64() for field in schema if _is_numeric(field.type) or pa.types.is_null(field.type)}
    held = {name: (array("d"), array("q")) for name in types}
    count = 0
    with beginning(file, whole_lines=True) as (part, _):
        for block in arrow_csv.open_csv(part, convert_options=_conversion(types), **options):
            for name, (values, rows) in held.items():
                column = _column(block.column(schema.names.index(name)))
                if column.rows is not None or len(values) < count:  # it has gaps, here or before
                    if not rows:
                        rows.frombytes(np.arange(len(values)).tobytes())
                    rows.frombytes((count + (np.arange(block.num_rows) if column.rows is None else column.rows)).tobytes())
                values.frombytes(column.values.tobytes())
            count += block.num_rows
    return {
        name: Column(np.frombuffer(values), rows=np.frombuffer(rows, np.int64) if rows else None)
        for name, (values, rows) in held.items()
        if values
    }


def _at_once(file: BinaryIO, options: Any) -> dict[str, Column]:
    with beginning(file, whole_lines=True) as (part, _):
        try:
            table = arrow_csv.read_csv(part, convert_options=_conversion({}), **options)
        except pa.ArrowException as error:
            msg = f"not a table: {error}"
            raise ValueError(msg) from error
    return {field.name: _column(table[i]) for i, field in enumerate(table.schema) if _is_numeric(field.type)}


def _conversion(types: Any) -> Any:
    # "nan" in a log is a number that is not one, not a gap
    return arrow_csv.ConvertOptions(null_values=[""], strings_can_be_null=True, column_types=types)


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
