"""Reads text tables, csv and tsv, with or without a header."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import quantity_of
from wcdfa.readers.columns import Column, Lazy, Run, SeveralOfOneName
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.arrow import arrow_compute, arrow_csv, column_of, is_numeric, pa, require_numbers
from wcdfa.readers.formats.heads import WIDEST, Head, head
from wcdfa.readers.formats.quotes import Quotes, quotes
from wcdfa.readers.formats.unfinished import BLOCK, CUT, Beginning, is_number, last_line_end
from wcdfa.readers.limits import require_room
from wcdfa.readers.steps import rank, with_steps
from wcdfa.support.text import several, shown

MOST = 0.5  # a text column counts as numbers if at least this share of it is numbers
NUMBER = r"^\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|nan|Infinity|NaN)\s*$"
OF_A_COLUMN = 6000  # bytes that Arrow needs for each column, even if it is empty


def read_delimited(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a csv or tsv file. Without a header they are named 0, 1, 2, …; empty fields are left out.

    A last line without a line end is left out, because even digits of a number may be missing.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as file:
        end, cut = last_line_end(file)
        top = head(file, end, delimiter)
        require_room(OF_A_COLUMN * len(top.names), end, f"a table of {len(top.names):,} columns")
        quoted = quotes(file, top.start, end, delimiter, len(top.names), top.line)
        table = Table(file, delimiter, top, quoted)
        try:
            found, notes = _read(table)
        except pa.ArrowException as error:
            raise _no_table(error, quoted.unclosed) from error
    columns = require_numbers(_by_name(top.names, found), top.names)
    yield Run(path, "", with_steps(columns, others=top.names), (*([CUT] if cut else []), *top.notes, *quoted.notes, *notes))


READER = FileReader("csv, tsv", (".csv", ".tsv"), read_delimited, extra="cli")


def _by_name(names: list[str], found: Mapping[int, Column]) -> Mapping[str, Column]:
    """The columns by name. Several of one name that differ cannot be read."""
    places: dict[str, list[int]] = {}
    for i in found:
        places.setdefault(names[i], []).append(i)

    def read(name: str) -> Column:
        first, *others = (found[i] for i in places[name])
        if not all(_same(first, other) for other in others):
            msg = f"several columns are named {shown(name)}: they cannot be told apart; rename them"
            raise SeveralOfOneName(msg)
        return first

    return Lazy(places, read)


def _same(one: Column, other: Column) -> bool:
    rows, others = (np.arange(len(each.values)) if each.rows is None else each.rows for each in (one, other))
    return np.array_equal(one.values, other.values, equal_nan=True) and np.array_equal(rows, others)


@dataclass(frozen=True)
class Table:
    """The rows of a table, as Arrow reads them: it knows the columns by their places."""

    file: BinaryIO
    delimiter: str
    head: Head
    quotes: Quotes

    def rows(self) -> BinaryIO:
        """The text of the rows."""
        return io.BufferedReader(Beginning(self.file, self.quotes.end, self.head.start), BLOCK)

    def options(self, numbers: list[int] | None) -> dict[str, object]:
        """What Arrow is told: only some columns, which hold numbers, or all columns, whose types it finds."""
        chosen = [str(i) for i in numbers or ()]
        return {
            "read_options": arrow_csv.ReadOptions(
                use_threads=False, block_size=WIDEST, column_names=[str(i) for i in range(len(self.head.names))]
            ),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=self.delimiter,
                quote_char='"' if self.quotes.unclosed is None else False,
                newlines_in_values=self.quotes.long,
            ),
            # "nan" in a log is a NaN, not a gap
            "convert_options": arrow_csv.ConvertOptions(
                null_values=[""], strings_can_be_null=True, include_columns=chosen, column_types=dict.fromkeys(chosen, pa.float64())
            ),
        }


def _read(table: Table) -> tuple[dict[int, Column], list[str]]:
    """The numeric columns by their places, and notes."""
    numbers, texts = _told(table.head)
    if table.head.start >= table.quotes.end:
        return {}, []
    if not numbers or any(_is_wanted(table.head.names[i]) for i in texts):
        return _at_once(table)
    try:
        return _in_blocks(table, numbers), []
    except pa.ArrowException:  # a column that begins with numbers, or empty, continues with text
        return _at_once(table)


def _told(top: Head) -> tuple[list[int], list[int]]:
    """Which columns hold numbers in the first rows, or nothing, and which hold text. A repeated header is not a row."""
    rows = [row for row in top.sample if list(row) != list(top.names)]
    texts = {i for row in rows for i, field in enumerate(row[: len(top.names)]) if field and not is_number(field)}
    return [i for i in range(len(top.names)) if i not in texts], sorted(texts)


def _no_table(error: Exception, unclosed: int | None) -> LogError:
    quote = (
        "" if unclosed is None else f"the quote in line {unclosed:,} is never closed, close or remove it; without quotes, this is "
    )
    return LogError(f"{quote}not a table: {error}")


def _in_blocks(table: Table, numbers: list[int]) -> dict[int, Column]:
    """The columns of numbers, block by block: at once, Arrow would load the whole file."""
    held = {i: (array("d"), array("q")) for i in numbers}
    count = 0
    for block in _blocks(table, numbers):
        for read, (values, rows) in zip(block.columns, held.values(), strict=True):
            column = column_of(read)
            if column.rows is not None or len(values) < count:  # there are gaps, here or before
                if not rows:
                    rows.frombytes(np.arange(len(values)).tobytes())
                rows.frombytes((count + (np.arange(block.num_rows) if column.rows is None else column.rows)).tobytes())
            values.frombytes(column.values.tobytes())
        count += block.num_rows
    return {
        i: Column(np.frombuffer(values), rows=np.frombuffer(rows, np.int64) if rows else None)
        for i, (values, rows) in held.items()
        if values
    }


def _blocks(table: Table, numbers: list[int]) -> Iterator[pa.RecordBatch]:
    if numbers:
        with arrow_csv.open_csv(table.rows(), **table.options(numbers)) as blocks:  # closed, or its thread may outlive the process
            yield from blocks


def _at_once(table: Table) -> tuple[dict[int, Column], list[str]]:
    """The numeric columns, text columns that are mostly numbers, and notes. A repeated header is not a row."""
    read, notes = _without_headers(arrow_csv.read_csv(table.rows(), **table.options(None)), table.head.names)
    found = {}
    for i, name in enumerate(table.head.names):
        column = _numbers_in(name, read[i], notes) if pa.types.is_string(read[i].type) else None
        if is_numeric(read[i].type):
            column = column_of(read[i])
        if column is not None:
            found[i] = column
    return found, notes


def _without_headers(table: pa.Table, names: list[str]) -> tuple[pa.Table, list[str]]:
    repeated = np.zeros(len(table), dtype=bool)
    for i, name in enumerate(names):
        if pa.types.is_string(table[i].type):
            repeated |= arrow_compute.fill_null(arrow_compute.equal(table[i], name), False).to_numpy()
    count = int(np.sum(repeated))
    if not count:
        return table, []
    return table.filter(pa.array(~repeated)), [
        f"the header is repeated {'once' if count == 1 else f'{count:,} times'}: the log was started again in the same file"
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
        example = shown(text.filter(other)[0].as_py(), 40)
        some = several(filled - numbers, "value", "values")
        notes.append(
            f"{some} of {shown(name)} {'is' if filled - numbers == 1 else 'are'} no number and left out: the first is '{example}'"
        )
        if rank(name) is None:  # a row without a step is left out
            values = arrow_compute.if_else(other, np.nan, values)
    return column_of(values)


def _is_wanted(name: str) -> bool:
    """Whether a text column with this name may be needed."""
    return rank(name) is not None or quantity_of(name) not in ("loss", "unknown")
