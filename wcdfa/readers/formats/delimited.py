"""Reads text tables, csv and tsv, with or without a header."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import listed, quantity_of
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.formats.arrow import arrow_compute, arrow_csv, column_of, is_numeric, pa, require_numbers
from wcdfa.readers.formats.unfinished import CUT, beginning
from wcdfa.readers.steps import rank, with_steps
from wcdfa.support.text import shown

WIDEST = 1 << 20  # largest header, in bytes
MOST = 0.5  # a text column counts as numbers if at least this share of it is numbers
NUMBER = r"^\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan|Infinity|NaN)\s*$"


Options = Mapping[str, object]  # options for Arrow


def read_delimited(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a csv or tsv file. Without a header they are named 0, 1, 2, …; empty fields are left out.

    A last line without a line end is left out, because even digits of a number may be missing.
    """
    with path.open("rb") as file:
        options = _options(file, "\t" if path.suffix.lower() == ".tsv" else ",")
        with beginning(file, whole_lines=True) as (part, cut):
            try:
                schema = arrow_csv.open_csv(part, convert_options=_conversion({}), **options).schema
            except pa.ArrowException as error:
                raise _no_table(error) from error
        notes = [CUT] if cut else []
        try:
            if any(pa.types.is_string(field.type) and _is_wanted(field.name) for field in schema):
                found, more = _at_once(file, options)
            else:
                found, more = _in_blocks(file, schema, options), []
        except pa.ArrowException:  # a column that begins with numbers, or empty, continues with text
            found, more = _at_once(file, options)
    yield Run(path, "", with_steps(require_numbers(found, schema.names)), (*notes, *more))


READER = FileReader("csv, tsv", (".csv", ".tsv"), read_delimited, extra="cli")


def _options(file: BinaryIO, delimiter: str) -> Options:
    """The options with which Arrow reads the file; its first line shows whether there is a header."""
    first = file.readline(WIDEST).decode("utf-8-sig", "replace").rstrip("\r\n").split(delimiter)
    if twice := sorted({name for name in first if name and first.count(name) > 1 and not _is_number(name)}):
        msg = f"several columns are named {listed(twice)}: they cannot be told apart; rename them"
        raise ValueError(msg)
    names = [str(i) for i in range(len(first))] if all(map(_is_number, first)) else None
    return {
        "read_options": arrow_csv.ReadOptions(use_threads=False, column_names=names),
        "parse_options": arrow_csv.ParseOptions(delimiter=delimiter),
    }


def _conversion(types: Mapping[str, pa.DataType]) -> arrow_csv.ConvertOptions:
    # "nan" in a log is a NaN, not a gap
    return arrow_csv.ConvertOptions(null_values=[""], strings_can_be_null=True, column_types=types)


def _no_table(error: Exception) -> ValueError:
    return ValueError(f"not a table: {error}")


def _in_blocks(file: BinaryIO, schema: pa.Schema, options: Options) -> dict[str, Column]:
    """The numeric columns, block by block, with the schema of the first block: to infer the types, Arrow would load the whole file."""
    types = {field.name: pa.float64() for field in schema if is_numeric(field.type) or pa.types.is_null(field.type)}
    held = {name: (array("d"), array("q")) for name in types}
    count = 0
    with beginning(file, whole_lines=True) as (part, _):
        for block in arrow_csv.open_csv(part, convert_options=_conversion(types), **options):
            for name, (values, rows) in held.items():
                column = column_of(block.column(schema.names.index(name)))
                if column.rows is not None or len(values) < count:  # there are gaps, here or before
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


def _at_once(file: BinaryIO, options: Options) -> tuple[dict[str, Column], list[str]]:
    """The numeric columns, text columns that are mostly numbers, and notes. A repeated header is not a row."""
    with beginning(file, whole_lines=True) as (part, _):
        try:
            table = arrow_csv.read_csv(part, convert_options=_conversion({}), **options)
        except pa.ArrowException as error:
            raise _no_table(error) from error
    table, notes = _without_headers(table)
    found = {}
    for i, field in enumerate(table.schema):
        if is_numeric(field.type):
            found[field.name] = column_of(table[i])
        elif pa.types.is_string(field.type) and (column := _numbers_in(field.name, table[i], notes)) is not None:
            found[field.name] = column
    return found, notes


def _without_headers(table: pa.Table) -> tuple[pa.Table, list[str]]:
    repeated = np.zeros(len(table), dtype=bool)
    for i, name in enumerate(table.column_names):
        if pa.types.is_string(table[i].type):
            repeated |= arrow_compute.fill_null(arrow_compute.equal(table[i], name), False).to_numpy()
    count = int(np.sum(repeated))
    if not count:
        return table, []
    return table.filter(pa.array(~repeated)), [
        f"the header is repeated {count:,} times: the log was started again in the same file"
    ]


def _numbers_in(name: str, text: pa.ChunkedArray, notes: list[str]) -> Column | None:
    """The numbers in a text column, if most of it is numbers. Other text counts as missing, and a note says so."""
    numeric = arrow_compute.fill_null(arrow_compute.match_substring_regex(text, NUMBER), False)
    values = arrow_compute.if_else(numeric, arrow_compute.utf8_trim_whitespace(text), None).cast(pa.float64())
    numbers, filled = len(values) - values.null_count, len(text) - text.null_count
    if numbers < MOST * filled or not numbers:
        return None
    if numbers < filled:
        other = arrow_compute.and_(arrow_compute.is_valid(text), arrow_compute.invert(numeric))
        example = shown(text.filter(other)[0].as_py())
        notes.append(
            f"{filled - numbers:,} values of {shown(name)} are not numbers, the first is {example!r}, and count as missing"
        )
        if rank(name) is None:  # a row without a step is left out
            values = arrow_compute.if_else(other, np.nan, values)
    return column_of(values)


def _is_wanted(name: str) -> bool:
    """Whether a text column with this name may be needed."""
    return rank(name) is not None or quantity_of(name) not in ("loss", "unknown")


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
