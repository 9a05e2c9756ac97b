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

from wcdfa.readers.column_choice import kind_of, listed
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.formats.unfinished import CUT, beginning
from wcdfa.readers.steps import rank, with_steps
from wcdfa.support.text import shown

WIDEST = 1 << 20  # bytes of a header
MOST = 0.5  # share of a column of text that must be numbers for it to be one
NUMBER = r"^\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan|Infinity|NaN)\s*$"


def read_delimited(path: Path) -> Iterator[Run]:
    """The numeric columns of a csv or tsv file; without a header they are named 0, 1, 2, …; empty fields are left out.

    A last line without an end is left out: what it lacks cannot be known, not even the digits of a number.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as file:
        first = file.readline(WIDEST).decode("utf-8-sig", "replace").rstrip("\r\n").split(delimiter)
        if twice := sorted({name for name in first if name and first.count(name) > 1 and not _is_number(name)}):
            msg = f"several columns are named {listed(twice)}: which is meant cannot be known; rename them"
            raise ValueError(msg)
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
        notes = [CUT] if cut else []
        try:
            if any(pa.types.is_string(field.type) and _is_wanted(field.name) for field in schema):
                found, more = _at_once(file, options)
            else:
                found, more = _in_blocks(file, schema, options), []
        except pa.ArrowException:  # a column that begins with numbers, or with nothing, goes on with text
            found, more = _at_once(file, options)
    yield Run(path, "", with_steps(_some(found, schema.names)), (*notes, *more))


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


def _at_once(file: BinaryIO, options: Any) -> tuple[dict[str, Column], list[str]]:
    """The numeric columns, and those in which most is numbers: what is none there is missing, and a header that is repeated no row."""
    with beginning(file, whole_lines=True) as (part, _):
        try:
            table = arrow_csv.read_csv(part, convert_options=_conversion({}), **options)
        except pa.ArrowException as error:
            msg = f"not a table: {error}"
            raise ValueError(msg) from error
    notes = []
    repeated = np.zeros(len(table), dtype=bool)
    for i, name in enumerate(table.column_names):
        if pa.types.is_string(table[i].type):
            repeated |= arrow_compute.fill_null(arrow_compute.equal(table[i], name), False).to_numpy()
    if count := int(np.sum(repeated)):
        notes.append(f"the header is repeated {count:,} times: the log was begun again in the same file")
        table = table.filter(pa.array(~repeated))
    found = {}
    for i, field in enumerate(table.schema):
        if _is_numeric(field.type):
            found[field.name] = _column(table[i])
        elif pa.types.is_string(field.type):
            numeric = arrow_compute.fill_null(arrow_compute.match_substring_regex(table[i], NUMBER), False)
            values = arrow_compute.if_else(numeric, arrow_compute.utf8_trim_whitespace(table[i]), None).cast(pa.float64())
            text = len(values) - values.null_count, len(table) - table[i].null_count
            if text[0] < MOST * text[1] or not text[0]:
                continue
            if text[0] < text[1]:
                other = arrow_compute.and_(arrow_compute.is_valid(table[i]), arrow_compute.invert(numeric))
                example = shown(table[i].filter(other)[0].as_py())
                missing = f"the first {example!r}, and count as missing"
                notes.append(f"{text[1] - text[0]:,} values of {shown(field.name)} are no numbers, {missing}")
                if rank(field.name) is None:  # a row without a step is left out
                    values = arrow_compute.if_else(other, np.nan, values)
            found[field.name] = _column(values)
    return found, notes


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


def _is_wanted(name: str) -> bool:
    """Whether text in a column of this name is worth a second look."""
    return rank(name) is not None or kind_of(name) != "series"


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
